#include "stfcube/io/cube_check.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "stfcube/io/hdf5/cube_verifier.hpp"
#include "stfcube/io/hdf5/datasets.hpp"
#include "stfcube/io/hdf5/skeleton.hpp"
#include "stfcube/io/hdf5/structure_check.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"
#include "stfcube/partitioning/threads/parallel_for.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using namespace hdf5;

/// What one rank learns of the file before any pixel.
struct Outline {
  std::vector<std::string> problems, holes;
  std::string recorded_digest;
  bool opened = false;
};

Outline outline_of(fs::path const& path) {
  Outline outline;
  try {
    File const file(checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, file_access()),
                            "the file is no cube, or damaged: it cannot be opened as HDF5"));
    outline.opened = true;
    outline.problems = structure_problems(file);
    outline.recorded_digest = text_of(file, attribute::content_digest).value_or("");
    if (H5Lexists(file, "provenance", H5P_DEFAULT) <= 0) return outline;
    for (std::string const& line : split(read_strings(file, failed_tiles_path).at(0), '\n')) {
      if (!line.empty()) outline.holes.push_back(line);
    }
  } catch (Error const& error) {
    outline.problems.push_back(error.what());
  }
  return outline;
}

/// The lines of the root everywhere.
std::vector<std::string> lines_of_root(std::vector<std::string> const& lines, Communicator const& comm) {
  std::string joined;
  for (std::string const& line : lines) {
    std::string one = line;
    std::ranges::replace(one, '\n', ' ');
    joined += one + "\n";
  }
  auto all = split(comm.broadcast(joined), '\n');
  all.pop_back();
  return all;
}

/// Adds up what the ranks found.
class Report {
 public:
  explicit Report(Communicator const& comm) : comm_(comm) {}

  void add(std::string const& problem) { add({problem}, 1); }

  void add(std::vector<std::string> const& problems, std::int64_t count) {
    for (std::string const& problem : problems) {
      if (check_.problems.size() < most_named_problems) check_.problems.push_back(problem);
    }
    check_.problem_count += count;
  }

  /// @collective
  void add(CubeVerifier const& verifier, std::string const& recorded_digest) {
    auto const& mine = verifier.totals();
    std::vector<std::int64_t> sums = {mine.chunks, mine.stored_chunks, mine.stored_bytes};
    comm_.sum(sums);
    check_.chunks = sums[0];
    check_.stored_chunks = sums[1];
    check_.stored_bytes = sums[2];
    auto const [unreadable, unreadable_count] = verifier.unreadable().of_all(comm_);
    add(unreadable, unreadable_count);
    bool const readable = unreadable_count == 0;
    if (readable) check_.content_digest = verifier.digest().merged_hex(comm_);
    add_checksums(verifier, readable, recorded_digest);
    auto const [rules, rules_count] = verifier.broken_rules().of_all(comm_);
    add(rules, rules_count);
  }

  CubeCheck take(std::vector<std::string> holes) {
    check_.holes = std::move(holes);
    return std::move(check_);
  }

 private:
  /// The table of checksums names chunks, the digest speaks for all. Together they tell pixels that were
  /// damaged from a table or a digest that was. @collective
  void add_checksums(CubeVerifier const& verifier, bool readable, std::string const& recorded_digest) {
    auto const [wrong, wrong_count] = verifier.not_as_written().of_all(comm_);
    std::string const& without_table = verifier.without_table();
    if (!without_table.empty()) add(fmt::format("{} {}", chunk_checksum_path, without_table));
    bool const as_recorded = readable && check_.content_digest == recorded_digest;
    if (as_recorded && wrong_count > 0) {
      add(fmt::format("{} is damaged: {} of its checksums are wrong, while the content digest is right",
                      chunk_checksum_path, wrong_count));
    } else {
      add(wrong, wrong_count);
    }
    if (!readable || as_recorded) return;
    bool const all_right = without_table.empty() && wrong_count == 0;
    add(fmt::format(
        "the content digest is {}, not \"{}\" as recorded{}", check_.content_digest, recorded_digest,
        all_right ? "; the checksums of all chunks are right, so the attribute was changed" : ""));
  }

  Communicator const& comm_;
  CubeCheck check_;
};

}  // namespace

CubeCheck check_cube(fs::path const& path, Communicator const& comm) {
  quiet_library();
  Outline outline;
  comm.together([&] {
    require(fs::exists(path), ErrorKind::data,
            fmt::format("{}: there is no such file. Check the path.", path.string()));
    if (comm.is_root()) outline = outline_of(path);
  });
  Report report(comm);
  auto const problems = lines_of_root(outline.problems, comm);
  report.add(problems, static_cast<std::int64_t>(problems.size()));
  auto holes = lines_of_root(outline.holes, comm);
  std::string const recorded_digest = comm.broadcast(outline.recorded_digest);
  if (comm.max(outline.opened) == 0) return report.take({});

  std::optional<CubeVerifier> verifier;
  std::string why_not;
  try {
    verifier.emplace(path, threads_per_rank(comm.node_size()));
  } catch (Error const& error) {
    why_not = error.what();
  }
  auto const whys = comm.all_gather(why_not);
  auto const first = std::ranges::find_if_not(whys, &std::string::empty);
  if (first != whys.end()) {
    report.add(fmt::format("the pixels were not checked: {}", *first));
    return report.take(std::move(holes));
  }
  comm.together([&] { verifier->check_share(comm.rank(), comm.size()); });
  report.add(*verifier, recorded_digest);
  return report.take(std::move(holes));
}

}  // namespace stfcube
