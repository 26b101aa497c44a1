#include "stfcube/jobs/verify.hpp"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "stfcube/io/cube_check.hpp"
#include "stfcube/io/work_directory.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;

void require_cube(fs::path const& cube) {
  if (fs::is_regular_file(cube)) return;
  std::string const name = cube.string();
  require(!fs::is_directory(cube), ErrorKind::config, fmt::format("{} is a folder. Name a cube.", name));
  require(!fs::exists(work_directory_of(cube)), ErrorKind::config,
          fmt::format("{0} is not finished: 'stfcube status {0}' tells how far it is, and 'stfcube run' with its job goes on.",
                      name));
  throw Error(ErrorKind::config, fmt::format("{}: there is no such file. Check the path.", name));
}

std::string counted(std::int64_t count, std::string const& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void print_lines(std::string const& cube, CubeCheck const& check, std::ostream& out) {
  for (std::string const& problem : check.problems) out << problem << '\n';
  auto const named = static_cast<std::int64_t>(check.problems.size());
  if (check.problem_count > named) out << fmt::format("... and {} more\n", check.problem_count - named);
  for (std::string const& hole : check.holes) out << fmt::format("hole: {}\n", hole);
  out << fmt::format("{} is {}: {} checked, {} stored in {}, {}", cube,
                     check.problem_count == 0 ? "whole" : "damaged, " + counted(check.problem_count, "problem"),
                     counted(check.chunks, "chunk"), check.stored_chunks,
                     format_bytes(static_cast<std::uint64_t>(check.stored_bytes)),
                     counted(static_cast<std::int64_t>(check.holes.size()), "hole"));
  out << (check.content_digest.empty() ? "\n" : fmt::format(", content digest {}\n", check.content_digest));
}

void print_json(std::string const& cube, CubeCheck const& check, std::ostream& out) {
  nlohmann::ordered_json const report = {
      {"cube", cube},
      {"whole", check.problem_count == 0},
      {"problem_count", check.problem_count},
      {"problems", check.problems},
      {"chunks", check.chunks},
      {"stored_chunks", check.stored_chunks},
      {"stored_bytes", check.stored_bytes},
      {"content_digest", check.content_digest},
      {"holes", check.holes}};
  // Texts come from a file that may be damaged.
  out << report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

}  // namespace

int verify(VerifySettings const& settings, Communicator const& comm, std::ostream& out) {
  comm.together([&] { require_cube(settings.cube); });
  CubeCheck const check = check_cube(settings.cube, comm);
  if (comm.is_root()) (settings.json ? print_json : print_lines)(settings.cube.string(), check, out);
  return check.problem_count == 0 ? 0 : 1;
}

}  // namespace stfcube
