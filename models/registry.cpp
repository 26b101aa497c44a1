#include "stfcube/models/registry.hpp"

#include <fmt/format.h>

#include "stfcube/models/classical/bayes.hpp"
#include "stfcube/models/classical/coarse_up.hpp"
#include "stfcube/models/classical/copy.hpp"
#include "stfcube/models/classical/efast.hpp"
#include "stfcube/models/classical/estarfm.hpp"
#include "stfcube/models/classical/fitfc.hpp"
#include "stfcube/models/classical/fsdaf.hpp"
#include "stfcube/models/classical/gain.hpp"
#include "stfcube/models/classical/improphe.hpp"
#include "stfcube/models/classical/increment.hpp"
#include "stfcube/models/classical/linear.hpp"
#include "stfcube/models/classical/obsum.hpp"
#include "stfcube/models/classical/ratio.hpp"
#include "stfcube/models/classical/robot.hpp"
#include "stfcube/models/classical/spstfm.hpp"
#include "stfcube/models/classical/staarch.hpp"
#include "stfcube/models/classical/starfm.hpp"
#include "stfcube/models/classical/stnlffm.hpp"
#include "stfcube/models/classical/unmixing.hpp"
#include "stfcube/models/classical/vipstf.hpp"
#include "stfcube/models/deep/network_entry.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {

namespace {

std::map<std::string, ModelEntry> all_entries() {
  std::map<std::string, ModelEntry> entries = {
      {"bayes", BayesModel::entry()},
      {"coarse_up", coarse_up_entry()},
      {"copy", copy_entry()},
      {"efast", efast_entry()},
      {"estarfm", estarfm_entry()},
      {"fitfc", fitfc_entry()},
      {"fsdaf", fsdaf_entry()},
      {"gain", gain_entry()},
      {"improphe", improphe_entry()},
      {"increment", IncrementModel::entry()},
      {"linear", LinearModel::entry()},
      {"obsum", obsum_entry()},
      {"ratio", ratio_entry()},
      {"robot", robot_entry()},
      {"spstfm", spstfm_entry()},
      {"staarch", staarch_entry()},
      {"starfm", starfm_entry()},
      {"stnlffm", stnlffm_entry()},
      {"unmixing", UnmixingModel::entry()},
      {"vipstf", vipstf_entry()},
  };
  entries.merge(network_entries());
  return entries;
}

ModelEntry const& find_entry(std::string const& name) {
  auto const& registry = model_registry();
  auto const found = registry.find(name);
  if (found != registry.end()) return found->second;
  std::vector<std::string> names;
  for (auto const& [known, entry] : registry) names.push_back(known);
  auto const near = nearest_word(name, names);
  throw Error(ErrorKind::config, fmt::format("model.name = {} is not known.{} Known methods: {}.", name,
                                             near ? " Did you mean " + *near + "?" : "", fmt::join(names, ", ")));
}

}  // namespace

std::map<std::string, ModelEntry> const& model_registry() {
  static std::map<std::string, ModelEntry> const registry = all_entries();
  return registry;
}


std::unique_ptr<FusionModel> make_model(std::string const& name, ModelSettings const& settings) {
  return find_entry(name).make(settings);
}

ModelInfo describe_model(std::string const& name, ModelSettings const& settings) {
  ModelEntry const& entry = find_entry(name);
  return entry.needs_weights() ? entry.describe(settings) : entry.make(settings)->info();
}

}  // namespace stfcube
