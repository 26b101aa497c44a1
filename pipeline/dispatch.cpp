#include "stfcube/pipeline/dispatch.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "stfcube/partitioning/core/stop_request.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/mpi/listener.hpp"
#include "stfcube/partitioning/schedule/work_queue.hpp"

namespace stfcube {
namespace {

using std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// Left for the end of a run: the journals are synced and the ranks leave.
constexpr Seconds reserve{60};

/// Messages are words: what is asked, then numbers or a text.
std::int64_t number(std::string const& word) {
  auto const value = parse_integer(word);
  ensure(value.has_value(), "a message of another rank is a number");
  return *value;
}

std::string rest_after(std::string const& text, int words) {
  std::size_t from = 0;
  for (int i = 0; i < words; ++i) from = text.find(' ', from) + 1;
  return text.substr(from);
}

/// How long units take, for guessing whether one more is through in time.
class UnitTimes {
 public:
  void begin(Unit const& unit) { started_[unit] = steady_clock::now(); }

  void end(Unit const& unit) {
    auto const found = started_.find(unit);
    if (found == started_.end()) return;
    seconds_.push_back(Seconds(steady_clock::now() - found->second));
    started_.erase(found);
  }

  /// 95 of 100 units take less; zero before the first.
  Seconds most() const {
    if (seconds_.empty()) return Seconds(0);
    auto sorted = seconds_;
    auto const at = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) * 95 / 100);
    std::ranges::nth_element(sorted, at);
    return *at;
  }

 private:
  std::map<Unit, steady_clock::time_point> started_;
  std::vector<Seconds> seconds_;
};

}  // namespace

/// The state of the run, on rank 0. One question at a time.
class Dispatch::Board {
 public:
  Board(std::vector<std::vector<Unit>> const& work, DispatchSettings const& settings, RunObserver* observer)
      : queue_(work), settings_(settings), observer_(observer), next_extent_(settings.first_extent) {}

  std::string answer(int rank, std::string const& question) {
    try {
      return handle(rank, question);
    } catch (...) {
      give_up(current_error());
      return "end";
    }
  }

  bool gave_up() const { return error_.has_value(); }
  Error const& error() const { return *error_; }

  RunOutcome outcome() const {
    RunOutcome all = {progress_, {}, stopping_ && queue_.left() > 0};
    for (auto const& [unit, failed] : failed_) {
      if (failed.attempt >= most_attempts) all.failed.push_back(failed);
    }
    return all;
  }

 private:
  std::string handle(int rank, std::string const& question) {
    auto const words = split_words(question);
    std::string const& kind = words.front();
    if (kind == "next") return next(rank);
    if (kind == "extent") return extent(static_cast<std::uint64_t>(number(words[1])));
    if (kind == "stopping") return is_stopping() ? "yes" : "no";
    if (kind == "stop") stopping_ = true;
    if (kind == "done") done(unit_of(words), number(words[3]));
    if (kind == "failed") failed(unit_of(words), rank, rest_after(question, 3));
    if (kind == "give_up") give_up(Error(static_cast<ErrorKind>(number(words[1])), rest_after(question, 2)));
    return "noted";
  }

  static Unit unit_of(std::vector<std::string> const& words) {
    return {static_cast<int>(number(words[1])), static_cast<int>(number(words[2]))};
  }

  bool is_stopping() {
    stopping_ = stopping_ || stop_requested() || time_is_up();
    return stopping_;
  }

  bool time_is_up() const {
    return settings_.end && Seconds(*settings_.end - steady_clock::now()) < 1.5 * times_.most() + reserve;
  }

  std::string next(int rank) {
    if (is_stopping()) return "end";
    auto const unit = queue_.next(rank);
    if (!unit) return "end";
    times_.begin(*unit);
    return fmt::format("unit {} {}", unit->tile, unit->slab);
  }

  std::string extent(std::uint64_t bytes) {
    return std::to_string(std::exchange(next_extent_, next_extent_ + bytes));
  }

  void done(Unit const& unit, std::int64_t values) {
    times_.end(unit);
    failed_.erase(unit);
    ++progress_.units_done;
    progress_.pixel_values += values;
    if (observer_) observer_->unit_done(progress_);
  }

  void failed(Unit const& unit, int rank, std::string const& reason) {
    FailedUnit& one = failed_[unit];
    one = {unit, one.reason.empty() ? 1 : one.attempt + 1, reason};
    if (one.attempt < most_attempts) queue_.retry(unit, rank);
    if (observer_) observer_->unit_failed(one);
  }

  void give_up(Error const& error) {
    stopping_ = true;
    if (!error_) error_ = error;
  }

  WorkQueue queue_;
  DispatchSettings settings_;
  RunObserver* observer_;
  std::uint64_t next_extent_;
  UnitTimes times_;
  RunProgress progress_;
  std::map<Unit, FailedUnit> failed_;
  bool stopping_ = false;
  std::optional<Error> error_;
};

struct Dispatch::State {
  Communicator comm;
  Board board;
  std::optional<Listener> listener;
};

std::string pack(FailedUnit const& failed) {
  std::string reason = failed.reason;
  std::ranges::replace(reason, '\n', ' ');
  return fmt::format("{} {} {} {}\n", failed.unit.tile, failed.unit.slab, failed.attempt, reason);
}

std::vector<FailedUnit> unpack_failed_units(std::string const& text) {
  std::vector<FailedUnit> all;
  for (std::string const& line : split(text, '\n')) {
    if (line.empty()) continue;
    auto const words = split_words(line);
    all.push_back({{static_cast<int>(number(words[0])), static_cast<int>(number(words[1]))},
                   static_cast<int>(number(words[2])),
                   rest_after(line, 3)});
  }
  return all;
}

Dispatch::Dispatch(Communicator const& comm, std::vector<std::vector<Unit>> const& work,
                   DispatchSettings const& settings, RunObserver* observer)
    : state_(new State{comm, {work, settings, comm.is_root() ? observer : nullptr}, {}}) {
  state_->listener.emplace(comm, [board = &state_->board](int rank, std::string const& question) {
    return board->answer(rank, question);
  });
}

Dispatch::~Dispatch() = default;

std::optional<Unit> Dispatch::next() {
  auto const words = split_words(state_->listener->ask("next"));
  if (words.front() != "unit") return std::nullopt;
  return Unit{static_cast<int>(number(words[1])), static_cast<int>(number(words[2]))};
}

std::uint64_t Dispatch::extent(std::uint64_t bytes) {
  auto const answer = state_->listener->ask(fmt::format("extent {}", bytes));
  return static_cast<std::uint64_t>(number(answer));
}

void Dispatch::done(Unit const& unit, std::int64_t values) {
  state_->listener->ask(fmt::format("done {} {} {}", unit.tile, unit.slab, values));
}

void Dispatch::failed(Unit const& unit, Error const& error) {
  state_->listener->ask(fmt::format("failed {} {} {}", unit.tile, unit.slab, error.what()));
}

void Dispatch::stop() {
  state_->listener->ask("stop");
}

void Dispatch::give_up(Error const& error) {
  state_->listener->ask(fmt::format("give_up {} {}", static_cast<int>(error.kind()), error.what()));
}

bool Dispatch::stopping() {
  return state_->listener->ask("stopping") == "yes";
}

RunOutcome Dispatch::close() {
  state_->listener.reset();
  Communicator const& comm = state_->comm;
  Board const& board = state_->board;
  comm.together([&] {
    if (board.gave_up()) throw Error(board.error());
  });
  RunOutcome outcome = board.outcome();
  std::string text =
      fmt::format("{} {} {}\n", outcome.done.units_done, outcome.done.pixel_values, outcome.stopped ? 1 : 0);
  for (FailedUnit const& one : outcome.failed) text += pack(one);
  text = comm.broadcast(text);
  auto const first = split_words(text.substr(0, text.find('\n')));
  return {{static_cast<std::size_t>(number(first[0])), number(first[1])},
          unpack_failed_units(text.substr(text.find('\n') + 1)),
          number(first[2]) != 0};
}

}  // namespace stfcube
