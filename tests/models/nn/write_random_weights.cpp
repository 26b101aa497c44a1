// write_random_weights FILE NETWORK "BANDS" RATIO SEED [OPTION=VALUE ...]: a weight file for the end-to-end
// tests.
#include <cstdio>
#include <exception>

#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/tests/models/nn/random_weights.hpp"

int main(int count, char** words) {
  if (count < 6) return 2;
  stfcube::testing::RandomNetwork network{
      .network = words[2], .options = {}, .bands = stfcube::split_words(words[3]), .ratio = words[4]};
  for (int i = 6; i < count; ++i) {
    std::string const word = words[i];
    network.options[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  }
  try {
    stfcube::testing::write_random_weights(words[1], network, std::stoull(words[5]));
  } catch (std::exception const& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
