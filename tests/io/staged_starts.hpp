#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "stfcube/io/cube.hpp"
#include "stfcube/partitioning/core/digest.hpp"
#include "stfcube/tests/io/disk_faults.hpp"
#include "stfcube/tests/support/synthetic_cube.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube::testing {

inline std::string sha_of(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return sha256_hex(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// Eight units of seven chunks each: 26 KiB without compression.
inline CubeLayout small_layout(std::filesystem::path const& path, Compression const& compression = {}) {
  CubeLayout layout = synthetic_layout(path);
  layout.compression = compression;
  layout.dates.resize(3);
  layout.grid.width = 60;
  layout.grid.height = 64;
  layout.chunk = {2, 1, 32, 32};
  return layout;
}
inline std::vector<SyntheticUnit> small_units(CubeLayout const& layout) {
  return synthetic_units(layout, 32, 2);
}

inline std::vector<SyntheticUnit> without(std::vector<SyntheticUnit> units,
                                          std::vector<std::int64_t> const& done) {
  std::erase_if(units,
                [&](SyntheticUnit const& unit) { return std::ranges::binary_search(done, unit.number); });
  return units;
}

/// One start: goes on with what is there, or fails. @collective @return the units that were there
inline std::vector<std::int64_t> run(CubeLayout const& layout, std::vector<SyntheticUnit> const& units,
                                     Communicator const& comm) {
  std::vector<std::int64_t> done;
  {
    PlacedWriter to("staged", layout, comm);
    done = to.writer->units_done();
    auto left = without(units, done);
    std::ranges::reverse(left);
    comm.together([&] { write_units(to, layout, left, comm); });
    to.writer->finish({units.size(), units.size(), ""});
  }
  comm.barrier();  // the root has left the work directory
  return done;
}

/// One start in which the second unit fails. @collective @return the units that were there
inline std::vector<std::int64_t> run_without_second(CubeLayout const& layout,
                                                    std::vector<SyntheticUnit> units,
                                                    Communicator const& comm) {
  std::size_t const planned = units.size();
  units.erase(units.begin() + 1);
  std::vector<std::int64_t> done;
  {
    PlacedWriter to("staged", layout, comm);
    done = to.writer->units_done();
    comm.together([&] { write_units(to, layout, without(units, done), comm); });
    to.writer->finish({units.size(), planned, "tile x000y000: unreadable\n"});
  }
  comm.barrier();
  return done;
}

/// A start that ends after these units. @collective
inline void run_and_stop(CubeLayout const& layout, std::vector<SyntheticUnit> const& units,
                         Communicator const& comm) {
  {
    PlacedWriter to("staged", layout, comm);
    comm.together([&] { write_units(to, layout, units, comm); });
  }
  comm.barrier();
}

/// Work of the root alone, for which the others wait.
inline void alone(std::function<void(Communicator const&)> const& work) {
  if (world().is_root()) work(Communicator());
  world().barrier();
}

/// Starts a process for each run that is to be killed. It is a copy of this one from before `main`, when
/// there were no threads and no MPI, neither of which survive a fork.
class KilledRuns {
 public:
  KilledRuns() {
    if (pipe(to_.data()) != 0 || pipe(from_.data()) != 0) std::abort();
    if (fork() == 0) serve();
    close(to_[0]);
    close(from_[1]);
  }

  /// Writes the small cube, in a process that dies instead of making its `calls`-th change to the disk.
  /// @return whether it came to its end
  /// @param all_units  false: the second unit fails
  bool survives(CubeLayout const& layout, int calls, bool all_units = true) {
    Order order = {.calls = calls, .compression = layout.compression, .all_units = all_units};
    std::snprintf(order.cube.data(), order.cube.size(), "%s", layout.path.c_str());
    int status = -1;
    EXPECT_EQ(::write(to_[1], &order, sizeof order), static_cast<ssize_t>(sizeof order));
    EXPECT_EQ(::read(from_[0], &status, sizeof status), static_cast<ssize_t>(sizeof status));
    EXPECT_TRUE(status == 0 || status == DiskFaults::killed_status) << "it ended with " << status;
    return status == 0;
  }

 private:
  struct Order {
    std::array<char, 500> cube{};
    int calls = 0;
    Compression compression;
    bool all_units = true;
  };

  [[noreturn]] void serve() {
    close(to_[1]);
    close(from_[0]);
    Order order;
    while (::read(to_[0], &order, sizeof order) == static_cast<ssize_t>(sizeof order)) {
      if (fork() == 0) write_cube(order);
      int status = 0;
      wait(&status);
      int const answer = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      if (::write(from_[1], &answer, sizeof answer) != static_cast<ssize_t>(sizeof answer)) break;
    }
    _exit(0);
  }

  [[noreturn]] static void write_cube(Order const& order) {
    faults.watch(DiskFaults::all, order.calls);
    faults.kill = true;
    try {
      CubeLayout const layout = small_layout(order.cube.data(), order.compression);
      auto const units = small_units(layout);
      if (order.all_units) {
        run(layout, units, Communicator());
      } else {
        run_without_second(layout, units, Communicator());
      }
      _exit(0);
    } catch (std::exception const& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }

  std::array<int, 2> to_{}, from_{};
};
inline KilledRuns killed_runs;

}  // namespace stfcube::testing
