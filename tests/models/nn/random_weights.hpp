#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stfcube::testing {

/// A network that nobody trained.
struct RandomNetwork {
  std::string network;                         ///< "edcstfn"
  std::map<std::string, std::string> options;  ///< without its name: "width" -> "4"
  std::vector<std::string> bands;
  std::string ratio = "16";
};

/// Writes a weight file with parameters that the seed draws, none of which is zero everywhere, so that the
/// result depends on all of the input.
void write_random_weights(std::filesystem::path const& path, RandomNetwork const& network,
                          std::uint64_t seed);

}  // namespace stfcube::testing
