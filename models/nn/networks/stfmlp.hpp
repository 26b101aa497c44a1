#pragma once

#include <array>
#include <vector>

#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

enum class StfmlpWeights {
  absolute,   ///< by the mean size of the coarse changes of the patch
  published,  ///< by the size of their mean, in which increase and decrease cancel; beyond a difference of
              ///< 0.2 the nearer pair alone
};

struct StfmlpOptions {
  int bands = 6;
  int width = 60;  ///< channels of a pixel
  int patch = 40;  ///< side of a patch, a multiple of 4
  StfmlpWeights weights = StfmlpWeights::absolute;
};

/// A change of the fine image from a change of the coarse image and a fine image, by layers that mix the
/// channels of a pixel or the pixels of a patch.
class StfmlpStreamImpl : public torch::nn::Module {
 public:
  explicit StfmlpStreamImpl(StfmlpOptions const& options);

  /// Both [N, B, patch, patch].
  torch::Tensor forward(torch::Tensor const& coarse_change, torch::Tensor const& fine);

 private:
  std::array<int, 4> sides_;
  torch::nn::Sequential first_{nullptr}, full_{nullptr}, head_{nullptr};
  /// From one size to the next smaller one, by the pixels of a patch.
  std::vector<torch::nn::Sequential> transitions_;
  /// Of the smaller sizes: before and after the next transition. The smallest one has no second half.
  std::vector<torch::nn::Sequential> early_, late_;
};
TORCH_MODULE(StfmlpStream);

/// StfMLP (Chen, Lu, Di, Li, Emam, Jing 2023, IEEE GRSL 20): the change from the earlier pair to the target
/// and from there to the later pair, by a network each. A function of patches of one size.
class Stfmlp : public Network {
 public:
  explicit Stfmlp(StfmlpOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  /// @throws Error(model) for patches of another size
  torch::Tensor predict(NetworkInput const& input) override;

 private:
  StfmlpOptions options_;
  NetworkInfo info_;
  StfmlpStream before_{nullptr}, after_{nullptr};
};

/// The share of the earlier pair, [N, 1, 1, 1], by the coarse changes from the pairs' dates.
torch::Tensor stfmlp_share(torch::Tensor const& change_before, torch::Tensor const& change_after,
                           StfmlpWeights weights);

NetworkEntry stfmlp_entry();

}  // namespace stfcube::nn
