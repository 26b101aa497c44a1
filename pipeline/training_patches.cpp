#include "stfcube/pipeline/training_patches.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "stfcube/models/nn/api/counter_random.hpp"
#include "stfcube/models/nn/api/patch_file.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

constexpr double least_change_dn = 50;
constexpr std::size_t candidates_per_patch = 4;  // some have clouds
constexpr std::size_t round_per_rank = 128;

std::size_t to_size(int n) {
  return static_cast<std::size_t>(n);
}

/// A patch that may be drawn: those with the smallest keys are.
struct Candidate {
  double key = 0;
  std::int32_t pool = 0, triple = 0, place = 0;

  auto order() const { return std::tuple(key, pool, triple, place); }
  bool operator<(Candidate const& other) const { return order() < other.order(); }
};

/// Sums over rectangles of cells in constant time.
class CellSums {
 public:
  CellSums(std::vector<double> const& values, int width, int height)
      : width_(width + 1), sums_(to_size(width_) * to_size(height + 1)) {
    for (int y = 0; y < height; ++y) {
      double row = 0;
      for (int x = 0; x < width; ++x) {
        row += values[to_size(y) * to_size(width) + to_size(x)];
        at(x + 1, y + 1) = at(x + 1, y) + row;
      }
    }
  }

  double over(Rect const& cells) const {
    return at(cells.right(), cells.bottom()) - at(cells.x, cells.bottom()) - at(cells.right(), cells.y) +
           at(cells.x, cells.y);
  }

 private:
  double& at(int x, int y) { return sums_[to_size(y) * to_size(width_) + to_size(x)]; }
  double at(int x, int y) const { return sums_[to_size(y) * to_size(width_) + to_size(x)]; }

  int width_;
  std::vector<double> sums_;
};

Stack<Dn> coarse_scene(FusionTask const& task, int index) {
  Rect const all = task.coarse_grid.all();
  Stack<Dn> dn(1, task.coarse->bands(), all.height, all.width);
  dn.fill(no_data_dn);
  task.coarse->copy(index, all, dn, 0);
  return dn;
}

/// One triple of one pool.
struct Part {
  int pool = 0, triple = 0;
};

std::vector<Part> parts_of(PatchDraw const& draw) {
  std::vector<Part> parts;
  for (int pool = 0; pool < static_cast<int>(draw.pools.size()); ++pool) {
    for (int triple = 0; triple < static_cast<int>(draw.pools[to_size(pool)].triples.size()); ++triple)
      parts.push_back({pool, triple});
  }
  return parts;
}

TrainingTriple const& triple_of(PatchDraw const& draw, Candidate const& candidate) {
  return draw.pools[to_size(candidate.pool)].triples[to_size(candidate.triple)];
}

/// Candidates of one triple, by the change of the coarse image in their cells.
std::vector<Candidate> candidates_of(PatchDraw const& draw, FusionTask const& task, Part const& part) {
  PatchPool const& pool = draw.pools[to_size(part.pool)];
  TrainingTriple const& triple = pool.triples[to_size(part.triple)];
  auto const target = coarse_scene(task, triple.target.coarse),
             reference = coarse_scene(task, triple.first.coarse);
  std::vector<double> change(target.plane_size()), known(target.plane_size());
  for (std::size_t i = 0; i < change.size(); ++i) {
    bool const valid = target.plane(0, 0)[i] != no_data_dn && reference.plane(0, 0)[i] != no_data_dn;
    if (!valid) continue;
    known[i] = 1;
    for (int band = 0; band < target.bands(); ++band)
      change[i] += std::abs(static_cast<double>(target.plane(0, band)[i]) - reference.plane(0, band)[i]) /
                   target.bands();
  }
  CellSums const changes(change, target.cols(), target.rows()), counts(known, target.cols(), target.rows());
  std::vector<Candidate> candidates;
  for (std::size_t place = 0; place < pool.places.size(); ++place) {
    Rect const& px = pool.places[place];
    Rect const cells = {px.x / task.ratio, px.y / task.ratio, px.width / task.ratio, px.height / task.ratio};
    double const count = counts.over(cells);
    if (count < draw.least_valid * static_cast<double>(cells.area())) continue;
    nn::CounterRandom random(draw.seed + static_cast<std::uint64_t>(part.pool),
                             static_cast<std::uint64_t>(part.triple), place);
    double const weight = std::max(changes.over(cells) / count, least_change_dn);
    // Smallest exponential keys: a weighted draw without repetition (Efraimidis & Spirakis 2006).
    candidates.push_back(
        {-std::log1p(-random.uniform()) / weight, part.pool, part.triple, static_cast<std::int32_t>(place)});
  }
  return candidates;
}

void keep_best(std::vector<Candidate>& candidates, std::size_t count) {
  std::sort(candidates.begin(), candidates.end());
  if (candidates.size() > count) candidates.resize(count);
}

/// The same on every rank.
std::vector<Candidate> all_candidates(PatchDraw const& draw, FusionTask const& task, int threads,
                                      Communicator const& comm) {
  std::size_t const wanted = static_cast<std::size_t>(draw.count) * candidates_per_patch;
  auto const parts = parts_of(draw);
  std::vector<Part> mine;
  for (auto i = to_size(comm.rank()); i < parts.size(); i += to_size(comm.size())) mine.push_back(parts[i]);
  std::vector<std::vector<Candidate>> found(mine.size());
  comm.together([&] {
    with_threads(threads, [&] {
      parallel_for(0, static_cast<int>(mine.size()), [&](int k) {
        found[to_size(k)] = candidates_of(draw, task, mine[to_size(k)]);
        keep_best(found[to_size(k)], wanted);
      });
    });
  });
  std::vector<Candidate> own;
  for (auto const& some : found) own.insert(own.end(), some.begin(), some.end());
  keep_best(own, wanted);
  auto all = comm.gather_values(own);
  keep_best(all, wanted);
  return all;
}

/// Reads one candidate. Nothing when it has too many gaps.
std::optional<std::vector<Dn>> read_patch(PatchDraw const& draw, FusionTask const& task,
                                          Candidate const& candidate) {
  TrainingTriple const& triple = triple_of(draw, candidate);
  FusionInput input;
  input.scene_px = task.fine_grid.all();
  input.core_px = input.padded_px = draw.pools[to_size(candidate.pool)].places[to_size(candidate.place)];
  input.ratio = task.ratio;
  input.cells = coarse_cells(input.core_px, task.ratio, 1, task.coarse_grid);
  int const dates = triple.second ? 3 : 2, bands = task.fine->bands();
  input.fine.dn = Stack<Dn>(dates, bands, input.core_px.height, input.core_px.width);
  input.coarse.dn = Stack<Dn>(dates, bands, input.cells.height, input.cells.width);
  input.fine.dn.fill(no_data_dn);
  input.coarse.dn.fill(no_data_dn);
  TrainingTriple here;
  auto const read = [&](Pair const& pair, int slot) {
    task.fine->copy(pair.fine, input.core_px, input.fine.dn, slot);
    task.coarse->copy(pair.coarse, input.cells, input.coarse.dn, slot);
    return Pair{pair.date, slot, slot};
  };
  here.target = read(triple.target, 0);
  here.first = read(triple.first, 1);
  if (triple.second) here.second = read(*triple.second, 2);
  auto values = training_patch(input, here);
  if (valid_share(values, 2 * dates) < draw.least_valid) return std::nullopt;
  return values;
}

nn::PatchDays days_of(TrainingTriple const& triple) {
  return {triple.target.date.days, triple.first.date.days,
          triple.second ? triple.second->date.days : nn::no_day};
}

/// Candidates in order, read in rounds by all ranks, the good ones written.
class PatchWriting {
 public:
  PatchWriting(PatchDraw const& draw, FusionTask const& task, std::filesystem::path const& file, int threads,
               Communicator const& comm)
      : draw_(draw), task_(task), threads_(threads), comm_(comm) {
    nn::PatchFileHeader const header{.bands = static_cast<int>(task.bands.size()),
                                     .size_px = draw.patch_px,
                                     .ratio = task.ratio,
                                     .count = draw.count,
                                     .band_names = task.bands};
    using Mode = nn::PatchFileWriter::Mode;
    comm.together([&] {
      if (comm.is_root()) writer_.emplace(file, header, Mode::create);
    });
    comm.together([&] {
      if (!comm.is_root()) writer_.emplace(file, header, Mode::join);
    });
  }

  std::int64_t run(std::vector<Candidate> const& candidates) {
    std::size_t at = 0;
    while (written_ < draw_.count && at < candidates.size()) {
      auto const wanted = std::min(static_cast<std::size_t>(draw_.count - written_) + 16,
                                   round_per_rank * to_size(comm_.size()));
      std::vector<Candidate> const round(
          candidates.begin() + static_cast<std::ptrdiff_t>(at),
          candidates.begin() + static_cast<std::ptrdiff_t>(std::min(at + wanted, candidates.size())));
      write_round(round);
      at += round.size();
    }
    comm_.together([&] {
      if (comm_.is_root()) writer_->keep(written_);
      writer_->close();
    });
    return written_;
  }

 private:
  void write_round(std::vector<Candidate> const& round) {
    std::vector<std::size_t> mine;
    for (auto i = to_size(comm_.rank()); i < round.size(); i += to_size(comm_.size())) mine.push_back(i);
    std::vector<std::optional<std::vector<Dn>>> patches(mine.size());
    comm_.together([&] {
      with_threads(threads_, [&] {
        parallel_for(0, static_cast<int>(mine.size()),
                     [&](int k) { patches[to_size(k)] = read_patch(draw_, task_, round[mine[to_size(k)]]); });
      });
    });
    std::vector<std::int64_t> good;
    for (std::size_t k = 0; k < mine.size(); ++k) {
      if (patches[k]) good.push_back(static_cast<std::int64_t>(mine[k]));
    }
    auto all = comm_.gather_values(good);
    std::ranges::sort(all);
    comm_.together([&] {
      for (std::size_t i = 0; i < all.size() && written_ + static_cast<std::int64_t>(i) < draw_.count; ++i) {
        auto const own = std::ranges::find(mine, static_cast<std::size_t>(all[i]));
        if (own == mine.end()) continue;
        auto const& values = *patches[static_cast<std::size_t>(own - mine.begin())];
        writer_->write(written_ + static_cast<std::int64_t>(i), days_of(triple_of(draw_, round[*own])),
                       values);
      }
    });
    written_ = std::min(written_ + static_cast<std::int64_t>(all.size()), draw_.count);
  }

  PatchDraw const& draw_;
  FusionTask const& task_;
  int threads_;
  Communicator const& comm_;
  std::optional<nn::PatchFileWriter> writer_;
  std::int64_t written_ = 0;
};

}  // namespace

std::vector<Rect> patch_places(Grid const& fine_grid, int ratio, int patch_px,
                               std::function<bool(Rect const&)> const& allowed) {
  int const step = std::max(1, patch_px / ratio / 2) * ratio;
  std::vector<Rect> places;
  for (int y = 0; y + patch_px <= fine_grid.height; y += step) {
    for (int x = 0; x + patch_px <= fine_grid.width; x += step) {
      Rect const px = {x, y, patch_px, patch_px};
      if (allowed(px)) places.push_back(px);
    }
  }
  return places;
}

std::int64_t write_training_patches(PatchDraw const& draw, FusionTask const& task,
                                    std::filesystem::path const& file, int threads,
                                    Communicator const& comm) {
  auto const candidates = all_candidates(draw, task, threads, comm);
  auto const written = PatchWriting(draw, task, file, threads, comm).run(candidates);
  comm.together([&] {
    require(
        written > 0, ErrorKind::data,
        fmt::format(
            "no patch of {} pixels has {:.0f} % of its pixels valid in all its images. Take smaller patches "
            "(train.patch), or an archive with fewer clouds.",
            draw.patch_px, 100 * draw.least_valid));
  });
  return written;
}

}  // namespace stfcube
