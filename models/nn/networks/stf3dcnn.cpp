#include "stfcube/models/nn/networks/stf3dcnn.hpp"

namespace stfcube::nn {
namespace {

using torch::Tensor;

std::vector<OptionSpec> const specs = {
    {"axis", "temporal",
     "third axis of the convolutions: temporal: dates; spectral: bands, each step by itself"},
    {"mask_channel", "false", "true: the network is told at which steps both coarse images were observed"},
    {"layers", "6", "number of convolutions"},
    {"width", "32", "channels between them"},
};

Tensor select(Tensor const& condition, Tensor const& yes, Tensor const& no) {
  return torch::where(condition.expand_as(yes), yes, no);
}

/// What the observed dates on one side of each date say about it.
struct Side {
  std::vector<Tensor> image;     ///< [N, B, H, W] by date
  std::vector<Tensor> distance;  ///< coarse change to the date that speaks, [N, 1, H, W]
  std::vector<Tensor> known;     ///< whether there is one, bool
};

/// The dates in the order given; images follow from the last observed one by the change of `level` since.
Side propagated(Tensor const& fine, Tensor const& observed, Tensor const& coarse, Tensor const& level,
                std::vector<std::int64_t> const& order) {
  Side side;
  auto const first = fine.select(1, 0);
  Tensor base = torch::zeros_like(first), origin = torch::zeros_like(first);
  Tensor known = torch::zeros_like(observed.select(1, 0));
  for (std::int64_t const date : order) {
    Tensor const here = observed.select(1, date);
    base = select(here, fine.select(1, date) - level.select(1, date), base);
    origin = select(here, coarse.select(1, date), origin);
    known = known.logical_or(here);
    side.image.push_back(base + level.select(1, date));
    side.distance.push_back((coarse.select(1, date) - origin).abs().mean(1, true));
    side.known.push_back(known);
  }
  return side;
}

Tensor merged(Side const& before, Side const& after, std::size_t date, std::size_t from_end,
              Tensor const& coarse) {
  Tensor const earlier = before.distance[date] + 1e-6, later = after.distance[from_end] + 1e-6;
  Tensor const share = later / (earlier + later);
  Tensor const both = share * before.image[date] + (1 - share) * after.image[from_end];
  Tensor const one = select(before.known[date], before.image[date],
                            select(after.known[from_end], after.image[from_end], coarse));
  return select(before.known[date].logical_and(after.known[from_end]), both, one);
}

}  // namespace

Stf3dcnn::Stf3dcnn(Stf3dcnnOptions const& options)
    : options_(options),
      info_{.name = "stf3dcnn",
            .title = "Fast three-dimensional network on series of differences",
            .citation = "Peng, Zhang, Sun, Cen, Zhao 2020, Remote Sensing 12(23), 3888",
            .evidence = Evidence::reading,
            .form = NetworkForm::series,
            .path = InferencePath::local,
            .bands = options.bands,
            .radius_px = options.layers} {
  int const channels = options.spectral ? 1 : options.bands;
  torch::nn::Sequential layers;
  int in = channels + (options.mask_channel ? 1 : 0);
  for (int layer = 1; layer <= options.layers; ++layer) {
    bool const last = layer == options.layers;
    int const out = last ? channels : options.width;
    layers->push_back(torch::nn::Conv3d(torch::nn::Conv3dOptions(in, out, 3).padding(1)));
    if (!last) layers->push_back(torch::nn::LeakyReLU());
    in = out;
  }
  layers_ = register_module("layers", layers);
}

Tensor Stf3dcnn::forward(Tensor const& changes, Tensor const& observed) {
  auto const with_mask = [&](Tensor const& input, Tensor const& mask) {
    return options_.mask_channel ? torch::cat({input, mask}, 1) : input;
  };
  if (!options_.spectral)
    return layers_->forward(with_mask(changes.transpose(1, 2), observed.transpose(1, 2))).transpose(1, 2);
  Tensor const bands_as_depth = changes.flatten(0, 1).unsqueeze(1);
  Tensor const mask = observed.flatten(0, 1).unsqueeze(1).expand_as(bands_as_depth);
  return layers_->forward(with_mask(bands_as_depth, mask)).reshape(changes.sizes());
}

Tensor Stf3dcnn::predict(NetworkInput const& input) {
  Tensor const& coarse = input.coarse_series;
  std::int64_t const dates = coarse.size(1);
  if (dates == 1) return select(input.fine_series_valid > 0, input.fine_series, coarse);
  Tensor const seen = input.coarse_series_valid;
  Tensor const both = seen.narrow(1, 0, dates - 1) * seen.narrow(1, 1, dates - 1);
  Tensor const changes = coarse.narrow(1, 1, dates - 1) - coarse.narrow(1, 0, dates - 1);
  Tensor const since_first = forward(changes, both).cumsum(1);
  Tensor const level = torch::cat({torch::zeros_like(coarse.narrow(1, 0, 1)), since_first}, 1);

  std::vector<std::int64_t> ascending, descending;
  for (std::int64_t date = 0; date < dates; ++date) {
    ascending.push_back(date);
    descending.push_back(dates - 1 - date);
  }
  Tensor const observed = input.fine_series_valid > 0;
  Side const before = propagated(input.fine_series, observed, coarse, level, ascending);
  Side const after = propagated(input.fine_series, observed, coarse, level, descending);
  std::vector<Tensor> images;
  for (std::int64_t date = 0; date < dates; ++date) {
    Tensor const predicted = merged(before, after, static_cast<std::size_t>(date),
                                    static_cast<std::size_t>(dates - 1 - date), coarse.select(1, date));
    images.push_back(select(observed.select(1, date), input.fine_series.select(1, date), predicted));
  }
  return torch::stack(images, 1);
}

NetworkEntry stf3dcnn_entry() {
  return {
      .summary = "3-D convolutions turn the coarse changes of a series into fine ones, all dates in one pass",
      .evidence = Evidence::reading,
      .options = specs,
      .make = [](NetworkShape const& shape, ModelOptions const& options) -> std::shared_ptr<Network> {
        return std::make_shared<Stf3dcnn>(
            Stf3dcnnOptions{.bands = shape.bands,
                            .width = options.integer("width", 1, 1024),
                            .layers = options.integer("layers", 1, 32),
                            .spectral = options.choice("axis", {"temporal", "spectral"}) == "spectral",
                            .mask_channel = options.flag("mask_channel")});
      }};
}

}  // namespace stfcube::nn
