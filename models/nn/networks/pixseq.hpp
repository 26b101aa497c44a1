#pragma once

#include "stfcube/models/nn/layers/masked_lstm.hpp"
#include "stfcube/models/nn/network_registry.hpp"

namespace stfcube::nn {

struct PixseqOptions {
  int bands = 6;
  int hidden = 64;             ///< states of the LSTM, per direction, even
  bool learned_spans = false;  ///< how fast the attention falls off in time is learned
};

/// The series of each pixel by itself: a bidirectional LSTM over the dates and an attention to the target
/// date correct the line between clear observations. stfcube's own, after ideas of the literature on series.
class Pixseq : public Network {
 public:
  explicit Pixseq(PixseqOptions const& options);

  NetworkInfo const& info() const override { return info_; }
  torch::Tensor predict(NetworkInput const& input) override;

 private:
  /// The series of M pixels that share their dates.
  struct Pixels {
    torch::Tensor fine, coarse;              ///< [T, M, B]
    torch::Tensor fine_valid, coarse_valid;  ///< [T, M], bool
    torch::Tensor days;                      ///< [T]
    torch::Tensor season;                    ///< [T, 2]: sine and cosine of the day of the year
  };
  torch::Tensor forward(Pixels const& pixels);
  torch::Tensor context(torch::Tensor const& states, Pixels const& pixels, torch::Tensor const& valid);
  torch::Tensor spans(torch::Tensor const& like) const;

  PixseqOptions options_;
  NetworkInfo info_;
  MaskedLstm lstm_{nullptr};
  torch::nn::Linear query_{nullptr}, key_{nullptr};
  torch::Tensor log_spans_;
  torch::nn::Sequential head_{nullptr};
};

NetworkEntry pixseq_entry();

}  // namespace stfcube::nn
