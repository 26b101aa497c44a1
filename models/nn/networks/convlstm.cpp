#include "stfcube/models/nn/networks/convlstm.hpp"

#include <numbers>

#include "stfcube/models/nn/layers/convolution.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;
using torch::nn::Conv2d;
using torch::nn::ReLU;

constexpr double days_of_a_year = 365.25;

std::vector<OptionSpec> const specs = {
    {"coarse_mask", "false",
     "reads where the coarse images were observed; otherwise filled pixels count as observed"},
    {"dates", "16", "dates of the longest series; the network sees 2 + dates pixels around"},
    {"hidden", "32", "channels of the states"},
    {"peepholes", "false", "the gates see the memory, by one weight per channel"},
    {"residual", "true",
     "predicts the difference to the coarse image, beginning at none; false: predicts the image"},
};

/// Sine and cosine of the season as two planes, [N, 2, H, W].
Tensor season(Tensor const& day_of_year, Tensor const& like) {
  Tensor const angle = day_of_year.to(like.options()) * (2 * std::numbers::pi / days_of_a_year);
  return torch::stack({angle.sin(), angle.cos()}, 1)
      .reshape({-1, 2, 1, 1})
      .expand({like.size(0), 2, like.size(-2), like.size(-1)});
}

}  // namespace

Convlstm::Convlstm(ConvlstmOptions const& options)
    : options_(options),
      info_{.name = "convlstm",
            .title = "Bidirectional convolutional LSTM",
            .citation = "Cui, Chai, Li, Zhao 2024, IGARSS, 8983-8986",
            .evidence = Evidence::reading,
            .form = NetworkForm::series,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = 2 + options.dates} {
  int const n = options.hidden, bands = options.bands, in = 2 * bands + (options.coarse_mask ? 4 : 3);
  embed_ = register_module("embed", torch::nn::Sequential(convolution(in, n, 3, Padding::replicate), ReLU()));
  forwards_ = register_module("forwards", ConvLstmCell(n, n, options.peepholes));
  backwards_ = register_module("backwards", ConvLstmCell(n, n, options.peepholes));
  Conv2d const last(n, bands, 1);
  head_ = register_module("head",
                          torch::nn::Sequential(convolution(3 * n, n, 3, Padding::replicate), ReLU(), last));
  if (options.residual) {
    torch::NoGradGuard const fixed;
    last->weight.zero_();
    last->bias.zero_();
  }
}

std::vector<Tensor> Convlstm::embedded(NetworkInput const& input) {
  std::vector<Tensor> dates;
  for (std::int64_t date = 0; date < input.fine_series.size(1); ++date) {
    Tensor const fine = input.fine_series.select(1, date);
    std::vector<Tensor> planes = {fine, input.fine_series_valid.select(1, date).to(fine.scalar_type()),
                                  input.coarse_series.select(1, date)};
    if (options_.coarse_mask)
      planes.push_back(input.coarse_series_valid.select(1, date).to(fine.scalar_type()));
    planes.push_back(season(input.day_of_year.select(1, date), fine));
    dates.push_back(embed_->forward(torch::cat(planes, 1)));
  }
  return dates;
}

Tensor Convlstm::predict(NetworkInput const& input) {
  auto const count = input.fine_series.size(1);
  require(count <= options_.dates, ErrorKind::config,
          "A series of " + std::to_string(count) + " dates is longer than convlstm.dates = " +
              std::to_string(options_.dates) + ". Raise the option; weights stay the same.");
  auto const dates = embedded(input);
  std::vector<Tensor> later(dates.size());
  auto state = backwards_->start(dates.back());
  for (std::size_t i = dates.size(); i-- > 0;)
    later[i] = (state = backwards_->forward(dates[i], state)).hidden;
  state = forwards_->start(dates.front());
  std::vector<Tensor> predicted;
  for (std::size_t i = 0; i < dates.size(); ++i) {
    state = forwards_->forward(dates[i], state);
    predicted.push_back(head_->forward(torch::cat({state.hidden, later[i], dates[i]}, 1)));
  }
  Tensor const series = torch::stack(predicted, 1);
  return options_.residual ? series + input.coarse_series : series;
}

NetworkEntry convlstm_entry() {
  return {.summary = "convolutional LSTM over all dates of both sensors, in both directions",
          .evidence = Evidence::reading,
          .options = specs,
          .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
            return std::make_shared<Convlstm>(ConvlstmOptions{.bands = shape.bands,
                                                              .hidden = options.integer("hidden", 1, 512),
                                                              .dates = options.integer("dates", 1, 1000),
                                                              .residual = options.flag("residual"),
                                                              .peepholes = options.flag("peepholes"),
                                                              .coarse_mask = options.flag("coarse_mask")});
          }};
}

}  // namespace stfcube::nn
