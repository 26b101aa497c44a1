#include "stfcube/jobs/picture_tally.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {
namespace {

constexpr int longest_side_px = 400;

template <class T>
void append(std::string& bytes, T const* values, std::size_t count) {
  bytes.append(reinterpret_cast<char const*>(values), count * sizeof(T));
}

template <class T>
void take(std::string_view& bytes, T* values, std::size_t count) {
  ensure(bytes.size() >= count * sizeof(T), "a packed picture is whole");
  std::memcpy(values, bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
}

/// The pixels of the map that are pixels of a rectangle of the image.
Rect map_part(Rect const& px, int factor) {
  auto const up = [factor](int at) { return (at + factor - 1) / factor; };
  return {up(px.x), up(px.y), up(px.right()) - up(px.x), up(px.bottom()) - up(px.y)};
}

float value(Nano nano) {
  return static_cast<float>(static_cast<double>(nano) / nano_per_one);
}

int scatter_cell(Nano value, ScatterRange const& range) {
  double const share = (static_cast<double>(value) / nano_per_one - range.low) / (range.high - range.low);
  auto const cell = static_cast<int>(std::floor(share * scatter_cells));
  return cell >= 0 && cell < scatter_cells ? cell : -1;
}

}  // namespace

ScatterRange scatter_range(ReferenceLevels const& levels) {
  double const margin = std::max(0.08 * (levels.high - levels.low), 1e-4);
  return {levels.low - margin, levels.high + margin};
}

std::vector<int> picture_channels(std::vector<std::string> const& bands) {
  std::vector<int> channels;
  for (char const* name : {"red", "green", "blue"}) {
    auto const found = std::ranges::find(bands, name);
    if (found != bands.end()) channels.push_back(static_cast<int>(found - bands.begin()));
  }
  if (channels.size() == 3) return channels;
  if (bands.size() >= 3) return {2, 1, 0};
  return {0};
}

PictureTally::PictureTally(Rect const& all_px, std::vector<int> channels, std::vector<ReferenceLevels> levels)
    : channels_(std::move(channels)) {
  data_.factor = std::max(1, (std::max(all_px.width, all_px.height) + longest_side_px - 1) / longest_side_px);
  Rect const map = map_part(all_px, data_.factor);
  data_.width = map.width;
  data_.height = map.height;
  data_.levels = std::move(levels);
  std::vector<float> const empty(static_cast<std::size_t>(map.area()),
                                 std::numeric_limits<float>::quiet_NaN());
  data_.reference.assign(channels_.size(), empty);
  data_.prediction = data_.reference;
  data_.error = empty;
  data_.counts.assign(data_.levels.size(), std::vector<std::int64_t>(scatter_cells * scatter_cells));
}

void PictureTally::add(PairedTile const& tile, Rect const& core_px) {
  Rect const part = map_part(core_px, data_.factor);
  for (int y = part.y; y < part.bottom(); ++y) {
    for (int x = part.x; x < part.right(); ++x) {
      auto const from =
          static_cast<std::size_t>(y * data_.factor - core_px.y) * static_cast<std::size_t>(tile.width) +
          static_cast<std::size_t>(x * data_.factor - core_px.x);
      if (!tile.valid[from]) continue;
      auto const to =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(data_.width) + static_cast<std::size_t>(x);
      for (std::size_t c = 0; c < channels_.size(); ++c) {
        auto const band = static_cast<std::size_t>(channels_[c]);
        data_.reference[c][to] = value(tile.reference[band][from]);
        data_.prediction[c][to] = value(tile.prediction[band][from]);
      }
      Nano error = 0;
      for (std::size_t b = 0; b < tile.reference.size(); ++b)
        error += tile.prediction[b][from] - tile.reference[b][from];
      data_.error[to] = value(error) / static_cast<float>(tile.reference.size());
    }
  }
  pieces_.push_back(part);
  add_counts(tile);
}

void PictureTally::add_counts(PairedTile const& tile) {
  for (std::size_t b = 0; b < tile.reference.size(); ++b) {
    ScatterRange const range = scatter_range(data_.levels[b]);
    for (int y = 0; y < tile.core_height; ++y) {
      auto const first = static_cast<std::size_t>(y) * static_cast<std::size_t>(tile.width);
      for (std::size_t at = first; at < first + static_cast<std::size_t>(tile.core_width); ++at) {
        if (!tile.valid[at]) continue;
        int const column = scatter_cell(tile.reference[b][at], range);
        int const row = scatter_cell(tile.prediction[b][at], range);
        if (column >= 0 && row >= 0)
          ++data_.counts[b][static_cast<std::size_t>(row * scatter_cells + column)];
      }
    }
  }
}

std::vector<std::vector<float>*> PictureTally::layers() {
  std::vector<std::vector<float>*> list{&data_.error};
  for (auto* channels : {&data_.reference, &data_.prediction}) {
    for (auto& channel : *channels) list.push_back(&channel);
  }
  return list;
}

std::string PictureTally::pack() {
  std::string bytes;
  for (auto const& counts : data_.counts) append(bytes, counts.data(), counts.size());
  for (Rect const& piece : pieces_) {
    append(bytes, &piece, 1);
    for (auto const* layer : layers()) {
      for (int y = piece.y; y < piece.bottom(); ++y) {
        append(bytes, layer->data() + static_cast<std::ptrdiff_t>(y) * data_.width + piece.x,
               static_cast<std::size_t>(piece.width));
      }
    }
  }
  return bytes;
}

void PictureTally::merge_packed(std::string_view bytes) {
  for (auto& counts : data_.counts) {
    std::vector<std::int64_t> more(counts.size());
    take(bytes, more.data(), more.size());
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += more[i];
  }
  while (!bytes.empty()) {
    Rect piece;
    take(bytes, &piece, 1);
    for (auto* layer : layers()) {
      for (int y = piece.y; y < piece.bottom(); ++y) {
        take(bytes, layer->data() + static_cast<std::ptrdiff_t>(y) * data_.width + piece.x,
             static_cast<std::size_t>(piece.width));
      }
    }
  }
}

}  // namespace stfcube
