#include "stfcube/models/nn/networks/pixseq.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "stfcube/models/nn/layers/series_baseline.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::Linear;

constexpr int heads = 4, head_width = 64;
constexpr std::int64_t pixels_at_once =
    1024;  // fills the matrix products; bounds the memory of a long series
constexpr double days_of_a_year = 365.25;

std::vector<OptionSpec> const specs = {
    {"hidden", "64", "states of the LSTM, per direction, even"},
    {"learned_spans", "false",
     "learns how fast the attention falls off in time, instead of 8, 16, 32 and 64 days"},
};

/// [T, B, H, W] -> [T, H * W, B].
Tensor pixels_of(Tensor const& series) {
  return series.flatten(2).transpose(1, 2);
}

/// The state at the valid step nearest in time to each date; of two the earlier one.
Tensor nearest_states(Tensor const& states, Tensor const& days, Tensor const& valid) {
  Tensor const later = days.unsqueeze(0) - days.unsqueeze(1);
  Tensor const distance = later.abs() + 0.25 * (later > 0).to(days.scalar_type());
  Tensor const missing = (~valid).t().unsqueeze(1).to(days.scalar_type()) * 1e6;  // [M, 1, T]
  Tensor const nearest = (distance.unsqueeze(0) + missing).argmin(-1);            // [M, T]
  return states.gather(0, nearest.t().unsqueeze(-1).expand({-1, -1, states.size(2)}));
}

}  // namespace

Pixseq::Pixseq(PixseqOptions const& options)
    : options_(options),
      info_{.name = "pixseq",
            .title = "Series of single pixels",
            .citation = "stfcube documentation, docs/methods/pixseq.md",
            .evidence = Evidence::own,
            .form = NetworkForm::series,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = 0,
            .channels_last = false} {
  int const bands = options.bands, states = 2 * options.hidden;
  lstm_ = register_module("lstm", MaskedLstm(2 * bands + 4, options.hidden, 2));
  query_ = register_module("query", Linear(2, states));
  key_ = register_module("key", Linear(states, states));
  if (options.learned_spans)
    log_spans_ = register_parameter("log_spans", torch::tensor({8.0f, 16.0f, 32.0f, 64.0f}).log());
  Linear last(head_width, bands);
  head_ = register_module(
      "head", torch::nn::Sequential(Linear(2 * states + bands, head_width), torch::nn::ReLU(), last));
  torch::NoGradGuard const fixed;
  last->weight.zero_();
  last->bias.zero_();
}

Tensor Pixseq::spans(Tensor const& like) const {
  if (options_.learned_spans) return log_spans_.exp();
  return torch::tensor({8.0, 16.0, 32.0, 64.0}, torch::kFloat64).to(like.options());
}

Tensor Pixseq::context(Tensor const& states, Pixels const& pixels, Tensor const& valid) {
  std::int64_t const dates = states.size(0), count = states.size(1);
  auto const by_pixel_and_head = [&](Tensor const& values) {
    return values.reshape({dates, count, heads, -1}).permute({1, 2, 0, 3});  // [M, heads, T, d]
  };
  Tensor const query = query_->forward(pixels.season).reshape({dates, heads, -1}).transpose(0, 1);
  Tensor const key = by_pixel_and_head(key_->forward(states));
  Tensor const distance = (pixels.days.unsqueeze(0) - pixels.days.unsqueeze(1)).abs();
  Tensor const nearness = -distance / spans(states).reshape({heads, 1, 1});
  Tensor const seen = valid.t().reshape({count, 1, 1, dates});
  double const scale = 1 / std::sqrt(static_cast<double>(key.size(-1)));
  Tensor const logits = torch::matmul(query * scale, key.transpose(-2, -1)) + nearness;
  // A pixel without any observation attends to nothing: the product turns its even weights to zero.
  Tensor const weights = logits.masked_fill(~seen, -1e9).softmax(-1) * seen.to(logits.scalar_type());
  return torch::matmul(weights, by_pixel_and_head(states)).permute({2, 0, 1, 3}).flatten(2);
}

Tensor Pixseq::forward(Pixels const& pixels) {
  auto const type = pixels.fine.scalar_type();
  Tensor const fine_valid = pixels.fine_valid.unsqueeze(-1), coarse_valid = pixels.coarse_valid.unsqueeze(-1);
  Tensor const valid = pixels.fine_valid | pixels.coarse_valid;
  Tensor const season = pixels.season.unsqueeze(1).expand({-1, pixels.fine.size(1), -1});
  Tensor const fine = pixels.fine * fine_valid.to(type);
  Tensor const steps =
      torch::cat({fine, fine_valid.to(type), pixels.coarse, coarse_valid.to(type), season}, -1);
  Tensor const states = lstm_->forward(steps, valid.unsqueeze(-1));
  Tensor const correction = head_->forward(torch::cat(
      {context(states, pixels, valid), nearest_states(states, pixels.days, valid), pixels.coarse}, -1));
  return correction +
         series_baseline(fine, pixels.coarse, pixels.fine_valid & pixels.coarse_valid, pixels.days);
}

Tensor Pixseq::predict(NetworkInput const& input) {
  auto const& series = input.fine_series;
  Tensor const angle = input.day_of_year.to(series.options()) * (2 * std::numbers::pi / days_of_a_year);
  Tensor const season = torch::stack({angle.sin(), angle.cos()}, -1);
  Tensor const days = input.days.to(series.options());
  std::vector<Tensor> patches;
  for (std::int64_t patch = 0; patch < series.size(0); ++patch) {
    Pixels const all{pixels_of(series[patch]),
                     pixels_of(input.coarse_series[patch]),
                     pixels_of(input.fine_series_valid[patch]).squeeze(-1) > 0.5,
                     pixels_of(input.coarse_series_valid[patch]).squeeze(-1) > 0.5,
                     days[patch],
                     season[patch]};
    std::int64_t const count = all.fine.size(1);
    std::vector<Tensor> parts;
    for (std::int64_t begin = 0; begin < count; begin += pixels_at_once) {
      std::int64_t const end = std::min(count, begin + pixels_at_once);
      parts.push_back(forward({all.fine.slice(1, begin, end), all.coarse.slice(1, begin, end),
                               all.fine_valid.slice(1, begin, end), all.coarse_valid.slice(1, begin, end),
                               all.days, all.season}));
    }
    patches.push_back(torch::cat(parts, 1).transpose(1, 2).reshape(series[patch].sizes()));
  }
  return torch::stack(patches);
}

NetworkEntry pixseq_entry() {
  return {
      .summary = "series of single pixels: a bidirectional LSTM corrects the line between clear observations",
      .evidence = Evidence::own,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        int const hidden = options.integer("hidden", 2, 1024);
        require(
            hidden % 2 == 0, ErrorKind::config,
            "pixseq.hidden = " + std::to_string(hidden) + " is odd: four heads share twice as many states.");
        return std::make_shared<Pixseq>(PixseqOptions{
            .bands = shape.bands, .hidden = hidden, .learned_spans = options.flag("learned_spans")});
      }};
}

}  // namespace stfcube::nn
