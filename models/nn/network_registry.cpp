#include "stfcube/models/nn/network_registry.hpp"

#include "stfcube/models/nn/networks/cafe.hpp"
#include "stfcube/models/nn/networks/cigstf.hpp"
#include "stfcube/models/nn/networks/convlstm.hpp"
#include "stfcube/models/nn/networks/dcstfn.hpp"
#include "stfcube/models/nn/networks/dmnet.hpp"
#include "stfcube/models/nn/networks/ecpwstfn.hpp"
#include "stfcube/models/nn/networks/edcstfn.hpp"
#include "stfcube/models/nn/networks/ganstfm.hpp"
#include "stfcube/models/nn/networks/hcnnet.hpp"
#include "stfcube/models/nn/networks/incnet.hpp"
#include "stfcube/models/nn/networks/macnn.hpp"
#include "stfcube/models/nn/networks/mcdnet.hpp"
#include "stfcube/models/nn/networks/mlffgan.hpp"
#include "stfcube/models/nn/networks/mlknet.hpp"
#include "stfcube/models/nn/networks/mustfn.hpp"
#include "stfcube/models/nn/networks/opgan.hpp"
#include "stfcube/models/nn/networks/pixseq.hpp"
#include "stfcube/models/nn/networks/rsfn.hpp"
#include "stfcube/models/nn/networks/srsfgan.hpp"
#include "stfcube/models/nn/networks/stf3dcnn.hpp"
#include "stfcube/models/nn/networks/stfdcnn.hpp"
#include "stfcube/models/nn/networks/stfdiff.hpp"
#include "stfcube/models/nn/networks/stfegfa.hpp"
#include "stfcube/models/nn/networks/stfmlp.hpp"
#include "stfcube/models/nn/networks/stfnet.hpp"
#include "stfcube/models/nn/networks/swinstfm.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube::nn {

std::map<std::string, NetworkEntry> const& network_registry() {
  static std::map<std::string, NetworkEntry> const registry = {
      {"cafe", cafe_entry()},
      {"cigstf", cigstf_entry()},
      {"convlstm", convlstm_entry()},
      {"dcstfn", dcstfn_entry()},
      {"dmnet", dmnet_entry()},
      {"ecpwstfn", ecpwstfn_entry()},
      {"edcstfn", edcstfn_entry()},
      {"ganstfm", ganstfm_entry()},
      {"hcnnet", hcnnet_entry()},
      {"incnet", incnet_entry()},
      {"macnn", macnn_entry()},
      {"mcdnet", mcdnet_entry()},
      {"mlffgan", mlffgan_entry()},
      {"mlknet", mlknet_entry()},
      {"mustfn", mustfn_entry()},
      {"opgan", opgan_entry()},
      {"pixseq", pixseq_entry()},
      {"rsfn", rsfn_entry()},
      {"srsfgan", srsfgan_entry()},
      {"stf3dcnn", stf3dcnn_entry()},
      {"stfdcnn", stfdcnn_entry()},
      {"stfdiff", stfdiff_entry()},
      {"stfegfa", stfegfa_entry()},
      {"stfmlp", stfmlp_entry()},
      {"stfnet", stfnet_entry()},
      {"swinstfm", swinstfm_entry()},
  };
  return registry;
}

std::shared_ptr<Network> make_network(std::string const& name, NetworkShape const& shape,
                                      std::map<std::string, std::string> const& options) {
  auto const& registry = network_registry();
  auto const found = registry.find(name);
  if (found == registry.end()) {
    std::vector<std::string> names;
    std::string list;
    for (auto const& [known, entry] : registry) {
      names.push_back(known);
      list += (list.empty() ? "" : ", ") + known;
    }
    auto const near = nearest_word(name, names);
    throw Error(ErrorKind::config, "There is no network " + name + "." +
                                       (near ? " Did you mean " + *near + "?" : "") +
                                       " Known networks: " + list + ".");
  }
  return found->second.make(shape, ModelOptions(name, found->second.options, options));
}

std::vector<NetworkDescription> network_list() {
  std::vector<NetworkDescription> list;
  for (auto const& [name, entry] : network_registry())
    list.push_back({name, entry.summary, entry.evidence, entry.options, entry.samples});
  return list;
}

NetworkInfo describe_network(std::string const& name, NetworkShape const& shape,
                             std::map<std::string, std::string> const& options) {
  return make_network(name, shape, options)->info();
}

std::int64_t count_parameters(std::string const& name, NetworkShape const& shape,
                              std::map<std::string, std::string> const& options) {
  std::int64_t count = 0;
  for (auto const& parameter : make_network(name, shape, options)->parameters()) count += parameter.numel();
  return count;
}

}  // namespace stfcube::nn
