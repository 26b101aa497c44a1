#include "stfcube/models/nn/torchscript.hpp"

#include <algorithm>

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>

#include "stfcube/models/nn/weights/input_file.hpp"
#include "stfcube/models/nn/weights/zip_archive.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {
namespace {

constexpr char const* contract_file = "stfcube.txt";

/// The line of LibTorch's message that says what is wrong: the first, before a trace of its own calls, or the
/// last, after one of the module's.
std::string reason(std::exception const& error) {
  if (auto const* own = dynamic_cast<c10::Error const*>(&error)) {
    std::string const text = own->what_without_backtrace();
    return text.substr(0, text.find('\n'));
  }
  std::string_view const text = trim(error.what());
  return std::string(text.substr(text.rfind('\n') + 1));
}

/// A state dict or a damaged archive is better named here than by LibTorch.
void check_archive(std::filesystem::path const& path) {
  InputFile const file(path);
  ZipArchive const archive(file);
  auto const names = archive.names();
  bool const has_code =
      std::ranges::any_of(names, [](std::string const& name) { return name.ends_with("/constants.pkl"); });
  file.demand(
      has_code,
      "this is no TorchScript module but at most its weights; convert them with 'stfcube import-weights'.");
}

std::size_t arguments_of(NetworkForm form) {
  if (form == NetworkForm::fine_and_target) return 2;
  return form == NetworkForm::one_pair ? 3 : 5;
}

NetworkInfo info_of(TorchScriptContract const& contract, std::filesystem::path const& path) {
  NetworkInfo info;
  info.name = "torchscript";
  info.title = "TorchScript module " + path.filename().string();
  info.citation = "what its authors say";
  info.evidence = Evidence::published_code;
  info.form = contract.form;
  info.path = contract.path;
  info.bands = static_cast<int>(contract.bands.size());
  info.radius_px = contract.radius_px;
  info.align_px = contract.align_px;
  if (contract.path == InferencePath::lattice) {
    info.patch_px = contract.patch_px;
    info.stride_px = contract.stride_px;
  }
  info.scaling = contract.scaling;
  return info;
}

class TorchScriptNetwork final : public Network {
 public:
  TorchScriptNetwork(torch::jit::Module module, NetworkInfo info)
      : module_(std::move(module)), info_(std::move(info)) {}

  NetworkInfo const& info() const override { return info_; }

  torch::Tensor predict(NetworkInput const& input) override {
    torch::IValue result;
    try {
      result = module_.forward(arguments(input));
    } catch (std::exception const& error) {
      throw Error(ErrorKind::model, info_.title + " failed: " + reason(error));
    }
    bool const right = result.isTensor() && result.toTensor().scalar_type() == torch::kFloat32 &&
                       result.toTensor().sizes() == input.coarse_target.sizes();
    require(right, ErrorKind::model,
            info_.title + " gives something else than a float32 tensor of the shape of its inputs.");
    return result.toTensor();
  }

 private:
  std::vector<torch::IValue> arguments(NetworkInput const& input) const {
    if (info_.form == NetworkForm::fine_and_target) return {input.fine_before, input.coarse_target};
    std::vector<torch::IValue> given{input.coarse_before, input.fine_before, input.coarse_target};
    if (info_.form == NetworkForm::two_pairs) {
      given.emplace_back(input.coarse_after);
      given.emplace_back(input.fine_after);
    }
    return given;
  }

  torch::jit::Module module_;
  NetworkInfo info_;
};

}  // namespace

TorchScriptModule load_torchscript(std::filesystem::path const& path,
                                   std::map<std::string, std::string> const& settings) {
  check_archive(path);
  torch::jit::getProfilingMode() = false;
  torch::jit::getExecutorMode() = false;
  torch::jit::ExtraFilesMap extra{{contract_file, ""}};
  torch::jit::Module module;
  std::size_t arguments = 0;
  try {
    module = torch::jit::load(path.string(), torch::kCPU, extra);
    module.eval();
    arguments = module.get_method("forward").function().getSchema().arguments().size() - 1;
    // Folding batch norm into convolutions would change the last bits.
    module = torch::jit::freeze(module, {}, /*optimize_numerics=*/false);
  } catch (std::exception const& error) {
    throw Error(ErrorKind::data,
                path.string() + ": LibTorch cannot load this TorchScript module: " + reason(error));
  }
  std::map<std::string, std::string> all = settings;
  all.merge(contract_settings(extra[contract_file]));
  TorchScriptContract contract;
  try {
    contract = torchscript_contract(all);
  } catch (Error const& error) {
    throw error.with(path.string());
  }
  require(arguments == arguments_of(contract.form), ErrorKind::data,
          path.string() + ": forward takes " + std::to_string(arguments) +
              " images, but the form of its contract gives it " +
              std::to_string(arguments_of(contract.form)) + ".");
  return {std::make_shared<TorchScriptNetwork>(std::move(module), info_of(contract, path)), contract};
}

}  // namespace stfcube::nn
