#include "stfcube/io/work_lock.hpp"

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// A file descriptor.
class Opened {
 public:
  Opened(fs::path const& path, int flags) : file_(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0644)) {}
  ~Opened() {
    if (file_ >= 0) close(file_);
  }
  Opened(Opened const&) = delete;
  Opened& operator=(Opened const&) = delete;
  explicit operator bool() const { return file_ >= 0; }
  int get() const { return file_; }

 private:
  int file_;
};

[[noreturn]] void fail(ErrorKind kind, fs::path const& file, char const* what, int reason) {
  throw Error(kind, fmt::format("{} cannot be {}: {}. Is the directory there and writable?", file.string(),
                                what, std::strerror(reason)));
}

/// What a lock file said at one moment.
struct Seen {
  std::string text;
  nanoseconds touched;  ///< since 1970, by the file system's clock

  bool operator==(Seen const&) const = default;
};

long whole_seconds(nanoseconds t) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(t).count());
}

nanoseconds time_of(timespec const& t) {
  return std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
}

/// Text and time of an open lock file; nothing when reading fails, with the reason in errno.
std::optional<Seen> look(int file) {
  char text[4096];
  struct stat status {};
  ssize_t const size = pread(file, text, sizeof text, 0);
  if (size < 0 || fstat(file, &status) != 0) return std::nullopt;
  return Seen{std::string(text, static_cast<std::size_t>(size)), time_of(status.st_mtim)};
}

/// Nothing when there is no such file. @throws Error(config) when it cannot be read
std::optional<Seen> look(fs::path const& file) {
  Opened const opened(file, O_RDONLY);
  if (!opened && errno == ENOENT) return std::nullopt;
  auto seen = opened ? look(opened.get()) : std::nullopt;
  if (!seen) fail(ErrorKind::config, file, "read", errno);
  return seen;
}

/// Removes a file in the end.
struct Removed {
  fs::path file;
  ~Removed() { unlink(file.c_str()); }
};

/// The time now by the clock that also dates the lock.
nanoseconds clock_of_file_system(fs::path const& lock) {
  std::random_device random;
  Removed const probe = {lock.string() + fmt::format(".{:08x}{:08x}", random(), random())};
  Opened const opened(probe.file, O_CREAT | O_EXCL | O_RDWR);
  bool const touched = opened && futimens(opened.get(), nullptr) == 0;  // as a lock is touched
  auto const seen = touched ? look(opened.get()) : std::nullopt;
  if (!seen) fail(ErrorKind::io, probe.file, "written", errno);
  return seen->touched;
}

std::string file_text(fs::path const& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// What Linux says of a process (proc(5), stat).
struct ProcessState {
  char state = '?';
  std::string started;  ///< clock ticks after boot
};

std::optional<ProcessState> process_state(pid_t process) {
  std::string const text = file_text(fmt::format("/proc/{}/stat", process));
  auto const end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  auto const fields = split_words(std::string_view(text).substr(end_of_name + 1));
  constexpr std::size_t start_time = 22 - 3;  // the first field here is the third
  if (fields.size() <= start_time) return std::nullopt;
  return ProcessState{fields[0].front(), fields[start_time]};
}

/// Where process numbers mean the same: one boot of one host, one namespace of a container.
std::string process_space() {
  std::error_code ignored;
  return fmt::format("{} {}", trim(file_text("/proc/sys/kernel/random/boot_id")),
                     fs::read_symlink("/proc/self/ns/pid", ignored).string());
}

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

/// Who holds a lock.
struct Holder {
  std::string host, space;
  pid_t process = 0;
  std::string started;  ///< of the process
  std::string job;      ///< of Slurm, empty: none
  std::string since;

  std::string text() const {
    return fmt::format("host = {}\nspace = {}\nprocess = {}\nstarted = {}\njob = {}\nsince = {}\n", host,
                       space, process, started, job, since);
  }

  std::string described() const {
    return fmt::format("process {} on {}{}, since {}", process, host, job.empty() ? "" : ", Slurm job " + job,
                       since);
  }
};

Holder this_process() {
  char const* const job = std::getenv("SLURM_JOB_ID");
  auto const state = process_state(getpid());
  return {.host = host_name(),
          .space = process_space(),
          .process = getpid(),
          .started = state ? state->started : "",
          .job = job != nullptr ? job : "",
          .since = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))};
}

/// Nothing when the text names no process: it is still being written, or damaged.
std::optional<Holder> parse_holder(std::string const& text) {
  std::map<std::string, std::string> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto const equals = line.find(" = ");
    if (equals == std::string::npos) return std::nullopt;
    values[line.substr(0, equals)] = line.substr(equals + 3);
  }
  auto const process = parse_integer(values["process"]);
  // The last line is whole when the text ends with it.
  if (!process || *process <= 0 || values["since"].empty() || !text.ends_with('\n')) return std::nullopt;
  return Holder{values["host"],    values["space"], static_cast<pid_t>(*process),
                values["started"], values["job"],   values["since"]};
}

/// Whether the process that took the lock still runs. To be asked where its number means the same.
bool alive(Holder const& holder) {
  if (kill(holder.process, 0) != 0 && errno == ESRCH) return false;
  auto const state = process_state(holder.process);
  if (!state) return true;  // of another user, and hidden
  bool const ended = state->state == 'Z' || state->state == 'X';
  return !ended && state->started == holder.started;
}

/// Why a lock that was seen is still held; nothing when it was left behind.
std::optional<std::string> why_held(Seen const& seen, fs::path const& lock, milliseconds age) {
  auto const holder = parse_holder(seen.text);
  if (holder && holder->host == host_name() && holder->space == process_space()) {
    if (!alive(*holder)) return std::nullopt;
    return fmt::format(
        "another run writes this cube: {}. Wait for its end, stop it, or choose another cube.path.",
        holder->described());
  }
  auto const quiet = clock_of_file_system(lock) - seen.touched;
  if (quiet >= age) return std::nullopt;
  return fmt::format(
      "another run writes this cube: {}. Its last sign of life was {} s ago. Wait for its end, stop it, or "
      "choose "
      "another cube.path. If it is dead, start again after {} s without a sign of life ({}).",
      holder ? holder->described() : "it does not say who it is", whole_seconds(quiet), whole_seconds(age),
      lock.string());
}

/// Removes the lock file if it still is what was seen. Another run may have taken over meanwhile, and its
/// file must not vanish: so one process at a time does this, the one that made a second file.
/// @return whether this call removed it. @throws Error(config) when another one is about to
bool remove_left_behind(fs::path const& lock, Seen const& seen, milliseconds age) {
  fs::path const claim = lock.string() + ".takeover";
  Opened const opened(claim, O_CREAT | O_EXCL | O_WRONLY);
  int const reason = errno;
  if (!opened && reason != EEXIST) fail(ErrorKind::config, claim, "made", reason);
  if (!opened) {
    auto const other = look(claim);
    require(
        !other || clock_of_file_system(lock) - other->touched >= age, ErrorKind::config,
        fmt::format(
            "another run is taking over this cube. Wait for its end, or choose another cube.path. If it died "
            "doing so, start again after {} s ({}).",
            whole_seconds(age), claim.string()));
    unlink(claim.c_str());
    return false;
  }
  Removed const released = {claim};
  bool const same = look(lock) == seen;
  if (same) unlink(lock.c_str());
  return same;
}

std::string described(Seen const& seen) {
  auto const holder = parse_holder(seen.text);
  return holder ? holder->described() : "a run that does not say who it was";
}

}  // namespace

WorkLock::WorkLock(fs::path const& directory, milliseconds interval, milliseconds age)
    : file_(directory / "LOCK"), mine_(this_process().text()) {
  std::optional<Seen> left_behind;
  while (!create()) {
    auto const seen = look(file_);
    if (!seen) continue;  // released just now
    auto const held = why_held(*seen, file_, age);
    require(!held, ErrorKind::config, held.value_or(""));
    if (remove_left_behind(file_, *seen, age)) left_behind = seen;
  }
  if (left_behind) {
    log::warning(fmt::format("{} was left behind by {}, which is dead or gave no sign of life: taken over",
                             file_.string(), described(*left_behind)));
  }
  heart_ = std::jthread([this, interval](std::stop_token const& stop) { beat(interval, stop); });
}

WorkLock::~WorkLock() {
  heart_ = {};  // asks it to stop, and waits
  Opened const opened(file_, O_RDONLY);
  auto const seen = opened ? look(opened.get()) : std::nullopt;
  if (seen && seen->text == mine_) unlink(file_.c_str());
}

void WorkLock::check() const {
  Opened const opened(file_, O_RDONLY);
  if (!opened && errno != ENOENT) fail(ErrorKind::io, file_, "opened", errno);
  auto const seen = opened ? look(opened.get()) : std::nullopt;
  bool const held = !lost_ && seen && seen->text == mine_;
  require(
      held, ErrorKind::io,
      fmt::format(
          "{} is {}: this run no longer holds it and ends. Start again when no other run writes the cube.",
          file_.string(), seen && seen->text != mine_ ? "now that of " + described(*seen) : "gone"));
}

/// @return false when a lock file is there already
bool WorkLock::create() const {
  Opened const opened(file_, O_CREAT | O_EXCL | O_WRONLY);
  if (!opened && errno == EEXIST) return false;
  if (!opened) fail(ErrorKind::config, file_, "made", errno);
  if (write(opened.get(), mine_.data(), mine_.size()) != static_cast<ssize_t>(mine_.size()) ||
      fsync(opened.get()) != 0) {
    int const reason = errno;
    unlink(file_.c_str());
    fail(ErrorKind::io, file_, "written", reason);
  }
  return true;
}

void WorkLock::beat(milliseconds interval, std::stop_token const& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stopped.wait_for(lock, stop, interval, [] { return false; }) && !stop.stop_requested()) {
    Opened const opened(file_, O_RDONLY);
    bool const gone = !opened && errno == ENOENT;
    auto const seen = opened ? look(opened.get()) : std::nullopt;
    if (seen && seen->text == mine_) futimens(opened.get(), nullptr);
    if (!gone && (!seen || seen->text == mine_)) continue;  // a file system in trouble may recover
    log::error(fmt::format("{} is no longer that of this run; it will end", file_.string()));
    lost_ = true;
    return;
  }
}

std::optional<LockSight> look_at_lock(fs::path const& directory, milliseconds age) {
  auto const seen = look(directory / "LOCK");
  if (!seen) return std::nullopt;
  auto const holder = parse_holder(seen->text);
  auto const quiet = std::chrono::system_clock::now().time_since_epoch() - seen->touched;
  bool const here = holder && holder->host == host_name() && holder->space == process_space();
  return LockSight{described(*seen), here ? alive(*holder) : quiet < age, whole_seconds(quiet)};
}

}  // namespace stfcube
