#include "stfcube/models/nn/api/network_info.hpp"

namespace stfcube::nn {

std::string evidence_text(Evidence evidence) {
  switch (evidence) {
    case Evidence::published_code:
      return "published code";
    case Evidence::third_party_code:
      return "third-party code";
    case Evidence::own:
      return "stfcube's own";
    case Evidence::reading:
      break;
  }
  return "buildable reading";
}

}  // namespace stfcube::nn
