#pragma once

#include <map>
#include <string>
#include <vector>

namespace stfcube::nn {

/// What a weight file says about itself. Texts may be empty where nothing is known; `network` and `bands` may
/// not.
struct ModelCard {
  std::string network;  ///< a name of the registry ("edcstfn")
  std::map<std::string, std::string>
      options;                     ///< of its structure, without the network's name ("width" -> "32")
  std::vector<std::string> bands;  ///< names in the order of the channels
  std::string ratio;  ///< coarse pixel / fine pixel that it was trained at: "16", or a range "8-20"
  std::string scaling =
      "unit";         ///< unit: x = reflectance x factor; symmetric: x = 2 x reflectance x factor - 1
  double factor = 1;  ///< 1 where the network reads reflectance [0, 1]
  std::string training_data;
  std::string metrics;
  std::string sha256;  ///< of weight_data(), 64 hexadecimal digits
  std::string licence;
  std::string source;  ///< publication and where the weights come from
  std::string stfcube_version;
  std::string created;  ///< ISO 8601, UTC

  bool operator==(ModelCard const&) const = default;
};

}  // namespace stfcube::nn
