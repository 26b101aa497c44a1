/// The functions of models/nn/api/ in a build without LibTorch.
#include "stfcube/models/nn/api/network_list.hpp"
#include "stfcube/models/nn/api/predictor.hpp"
#include "stfcube/models/nn/api/training.hpp"
#include "stfcube/models/nn/api/weight_check.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

[[noreturn]] void refuse() {
  throw Error(ErrorKind::config,
              "This stfcube was built without LibTorch, so it has no networks. Install LibTorch (Debian: "
              "libtorch-dev) and build "
              "again with -DSTFCUBE_USE_TORCH=ON.");
}

}  // namespace

std::vector<NetworkDescription> network_list() {
  return {};
}

NetworkInfo describe_network(std::string const&, NetworkShape const&,
                             std::map<std::string, std::string> const&) {
  refuse();
}

std::int64_t count_parameters(std::string const&, NetworkShape const&,
                              std::map<std::string, std::string> const&) {
  refuse();
}

std::unique_ptr<Predictor> load_predictor(WeightRequest const&) {
  refuse();
}

void check_training(TrainingTask const&, int) {
  refuse();
}

TrainingResult train_network(TrainingTask const&, std::filesystem::path const&, ModelCard, RankGroup const&,
                             TrainingHooks const&) {
  refuse();
}

ModelCard read_model_card(std::filesystem::path const&) {
  refuse();
}

void check_weights(std::string const&, NetworkShape const&, std::map<std::string, std::string> const&,
                   NamedArrays const&) {
  refuse();
}

}  // namespace stfcube::nn
