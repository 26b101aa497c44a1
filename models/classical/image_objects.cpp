#include "stfcube/models/classical/image_objects.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// Numbers the objects of one square from 0. Returns how many.
class SquareObjects {
 public:
  SquareObjects(FusionInput const& input, std::span<std::int16_t const> labels, Rect const& square,
                Rect const& px, std::int32_t* objects)
      : input_(input), labels_(labels), square_(square), px_(px), objects_(objects) {}

  int number() {
    int count = 0;
    std::map<std::int32_t, int> of_map;
    for (int y = square_.y; y < square_.bottom(); ++y) {
      for (int x = square_.x; x < square_.right(); ++x) {
        if (label(x, y) < 0 || object(x, y) >= 0) continue;
        if (mapped(x, y) >= 0) {
          auto const [entry, is_new] = of_map.try_emplace(mapped(x, y), count);
          object(x, y) = entry->second;
          count += is_new;
        } else {
          fill(x, y, count++);
        }
      }
    }
    return count;
  }

 private:
  std::size_t padded(int x, int y) const {
    return to_size(y - input_.padded_px.y) * to_size(input_.padded_px.width) +
           to_size(x - input_.padded_px.x);
  }
  std::int16_t label(int x, int y) const { return labels_[padded(x, y)]; }
  std::int32_t mapped(int x, int y) const {
    return input_.objects.size() == 0 ? -1 : input_.objects.all()[padded(x, y)];
  }
  std::int32_t& object(int x, int y) {
    return objects_[to_size(y - px_.y) * to_size(px_.width) + to_size(x - px_.x)];
  }

  /// The region of one class around a pixel.
  void fill(int x0, int y0, int number) {
    std::int16_t const wanted = label(x0, y0);
    object(x0, y0) = number;
    border_.assign(1, {x0, y0});
    while (!border_.empty()) {
      auto const [x, y] = border_.back();
      border_.pop_back();
      for (auto const& [nx, ny] : {Place{x - 1, y}, Place{x + 1, y}, Place{x, y - 1}, Place{x, y + 1}}) {
        if (!square_.contains({nx, ny, 1, 1}) || label(nx, ny) != wanted || object(nx, ny) >= 0 ||
            mapped(nx, ny) >= 0)
          continue;
        object(nx, ny) = number;
        border_.push_back({nx, ny});
      }
    }
  }

  struct Place {
    int x, y;
  };
  FusionInput const& input_;
  std::span<std::int16_t const> labels_;
  Rect square_, px_;
  std::int32_t* objects_;
  std::vector<Place> border_;
};

void list_pixels(ImageObjects& objects) {
  objects.first.assign(to_size(objects.count) + 1, 0);
  for (std::int32_t const o : objects.object) {
    if (o >= 0) ++objects.first[to_size(o) + 1];
  }
  for (std::size_t o = 0; o < to_size(objects.count); ++o) objects.first[o + 1] += objects.first[o];
  objects.pixels.resize(to_size(objects.first.back()));
  std::vector<std::int32_t> next(objects.first.begin(), objects.first.end() - 1);
  for (std::size_t i = 0; i < objects.object.size(); ++i) {
    if (objects.object[i] >= 0)
      objects.pixels[to_size(next[to_size(objects.object[i])]++)] = static_cast<std::int32_t>(i);
  }
}

}  // namespace

ImageObjects find_objects(FusionInput const& input, std::span<std::int16_t const> labels, Rect const& px,
                          int lattice_px) {
  ImageObjects objects;
  objects.px = px;
  objects.object.assign(static_cast<std::size_t>(px.area()), -1);
  Rect const outer = align_outward(px, lattice_px);
  int const across = outer.width / lattice_px, squares = across * (outer.height / lattice_px);
  auto const square = [&](int i) {
    return intersect(
        px, {outer.x + i % across * lattice_px, outer.y + i / across * lattice_px, lattice_px, lattice_px});
  };
  std::vector<int> counts(to_size(squares) + 1);
  parallel_for(0, squares, [&](int i) {
    counts[to_size(i) + 1] = SquareObjects(input, labels, square(i), px, objects.object.data()).number();
  });
  for (std::size_t i = 0; i < to_size(squares); ++i) counts[i + 1] += counts[i];
  objects.count = counts.back();
  parallel_for(0, squares, [&](int i) {
    Rect const part = square(i);
    for (int y = part.y; y < part.bottom(); ++y) {
      std::int32_t* const row =
          objects.object.data() + to_size(y - px.y) * to_size(px.width) + to_size(part.x - px.x);
      for (std::int32_t* o = row; o < row + part.width; ++o) *o += *o >= 0 ? counts[to_size(i)] : 0;
    }
  });
  list_pixels(objects);
  objects.classes.resize(to_size(objects.count));
  Rect const& padded = input.padded_px;
  for (int o = 0; o < objects.count; ++o) {
    std::map<std::int16_t, int> votes;
    for (std::int32_t const i : objects.pixels_of(o)) {
      int const x = px.x + i % px.width, y = px.y + i / px.width;
      ++votes[labels[to_size(y - padded.y) * to_size(padded.width) + to_size(x - padded.x)]];
    }
    auto const most =
        std::ranges::max_element(votes, [](auto const& a, auto const& b) { return a.second < b.second; });
    objects.classes[to_size(o)] = most->first;
  }
  return objects;
}

std::size_t object_bytes(std::size_t pixels) {
  // The map, the list, and as many objects as pixels.
  return pixels * (4 * sizeof(std::int32_t) + sizeof(std::int16_t));
}

double object_index(ImageObjects const& objects, Rect const& scene_px, int ratio, std::int32_t index) {
  Rect const& px = objects.px;
  int const x = px.x + index % px.width, y = px.y + index / px.width, half = ratio / 2;
  Rect const window = intersect({x - half, y - half, 2 * half + 1, 2 * half + 1}, scene_px);
  Rect const seen = intersect(window, px);
  std::int32_t const own = objects.object[to_size(index)];
  int count = 0;
  for (int j = seen.y; j < seen.bottom(); ++j) {
    std::int32_t const* const row =
        objects.object.data() + to_size(j - px.y) * to_size(px.width) + to_size(seen.x - px.x);
    count += static_cast<int>(std::count(row, row + seen.width, own));
  }
  double const dx = x % ratio + 0.5 - ratio / 2.0, dy = y % ratio + 0.5 - ratio / 2.0;
  double const share = static_cast<double>(count) / static_cast<double>(window.area());
  return share / (1 + std::sqrt(dx * dx + dy * dy) / (ratio / 2.0));
}

std::vector<ObjectSample> object_sample(ImageObjects const& objects, Rect const& scene_px, int ratio, int o,
                                        double share) {
  std::vector<ObjectSample> all;
  std::vector<double> sorted;
  for (std::int32_t const i : objects.pixels_of(o)) {
    all.push_back({i, object_index(objects, scene_px, ratio, i)});
    sorted.push_back(all.back().weight);
  }
  auto const n = static_cast<double>(sorted.size());
  auto const rank = static_cast<std::size_t>(std::clamp(std::ceil((1 - share) * n), 1.0, n)) - 1;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(rank), sorted.end());
  double const bound = sorted[rank];
  std::erase_if(all, [&](ObjectSample const& sample) { return sample.weight < bound; });
  return all;
}

}  // namespace stfcube
