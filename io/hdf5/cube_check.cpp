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
};

Outline outline_of(fs::path const& path) {
  Outline outline;
  try {
    File const file(
        checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, file_access()), "the file cannot be opened as HDF5"));
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

  void add(Findings const& findings) {
    auto const [texts, count] = findings.of_all(comm_);
    add(texts, count);
  }

  /// @collective
  void add(CubeVerifier const& verifier, std::string const& recorded_digest) {
    auto const& mine = verifier.totals();
    std::vector<std::int64_t> sums = {mine.chunks, mine.stored_chunks, mine.stored_bytes, mine.unreadable,
                                      verifier.not_as_written().count()};
    comm_.sum(sums);
    check_.chunks = sums[0];
    check_.stored_chunks = sums[1];
    check_.stored_bytes = sums[2];
    bool const readable = sums[3] == 0;
    if (readable) check_.content_digest = verifier.digest().merged_hex(comm_);
    bool const as_recorded = readable && check_.content_digest == recorded_digest;
    bool const table_agrees = sums[4] == 0;
    add(verifier.findings());
    if (!verifier.without_table().empty())
      add(fmt::format("{} {}", chunk_checksum_path, verifier.without_table()));
    if (as_recorded && !table_agrees) {
      // All pixels are those of the digest, so it is the table that was damaged.
      add(fmt::format("{} is damaged: {} of its checksums are wrong, while the content digest is right",
                      chunk_checksum_path, sums[4]));
      return;
    }
    add(verifier.not_as_written());
    if (readable && !as_recorded) {
      std::string const whose = table_agrees && verifier.without_table().empty()
                                    ? "; the checksums of all chunks are right, so the attribute was changed"
                                    : "";
      add(fmt::format("the content digest is {}, not {} as recorded{}", check_.content_digest,
                      recorded_digest, whose));
    }
  }

  CubeCheck take(std::vector<std::string> holes) {
    check_.holes = std::move(holes);
    return std::move(check_);
  }

 private:
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
