#include "stfcube/io/work_lock.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using namespace stfcube::testing;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

std::string text_of(fs::path const& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A lock file as another host would leave it.
void write_foreign_lock(fs::path const& folder, std::chrono::seconds quiet,
                        std::string const& text =
                            "host = far\nspace = elsewhere\nprocess = 4711\nstarted = 99\n"
                            "job = 1234\nsince = 2026-05-01T12:00:00Z\n") {
  std::ofstream(folder / "LOCK", std::ios::binary) << text;
  fs::last_write_time(folder / "LOCK", fs::file_time_type::clock::now() - quiet);
}

std::string refusal(fs::path const& folder, std::chrono::milliseconds age = 120s) {
  try {
    WorkLock const lock(folder, 15s, age);
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.what();
  }
  return "";
}

/// Takes the lock and gives it back. @return what was logged
std::string take_over(fs::path const& folder, std::chrono::milliseconds age = 120s) {
  CaptureStderr();
  { WorkLock const lock(folder, 15s, age); }
  return GetCapturedStderr();
}

/// A process of its own that holds the lock.
class OtherRun {
 public:
  explicit OtherRun(fs::path const& folder) {
    int ready[2];
    if (pipe(ready) != 0) std::abort();
    process_ = fork();
    if (process_ == 0) {
      WorkLock const lock(folder);
      char const done = 1;
      if (write(ready[1], &done, 1) != 1) _exit(1);
      for (;;) pause();
    }
    char done = 0;
    pollfd wait = {ready[0], POLLIN, 0};
    held_ = poll(&wait, 1, 60000) == 1 && read(ready[0], &done, 1) == 1;
    close(ready[0]);
    close(ready[1]);
  }
  ~OtherRun() {
    kill();
    bury();
  }
  OtherRun(OtherRun const&) = delete;
  OtherRun& operator=(OtherRun const&) = delete;

  bool holds_the_lock() const { return held_; }
  pid_t process() const { return process_; }
  /// Kills it; until it is buried it stays in the list of processes. Waits until it has ended.
  void kill() {
    siginfo_t ended{};
    if (process_ > 0 && ::kill(process_, SIGKILL) == 0)
      waitid(P_PID, static_cast<id_t>(process_), &ended, WEXITED | WNOWAIT);
  }
  void bury() {
    if (process_ > 0) waitpid(process_, nullptr, 0);
    process_ = -1;
  }

 private:
  pid_t process_ = -1;
  bool held_ = false;
};

TEST(WorkLock, says_who_holds_it_and_goes_with_its_owner) {
  fs::path const folder = fresh_folder();
  setenv("SLURM_JOB_ID", "8642", 1);
  {
    WorkLock const lock(folder);
    EXPECT_NO_THROW(lock.check());
    std::string const text = text_of(folder / "LOCK");
    EXPECT_THAT(text, HasSubstr("process = " + std::to_string(getpid()) + "\n"));
    EXPECT_THAT(text, HasSubstr("job = 8642\n"));
    EXPECT_THAT(text, ::testing::ContainsRegex("since = 20..-..-..T..:..:..Z"));
  }
  unsetenv("SLURM_JOB_ID");
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST(WorkLock, held_by_a_living_process_is_refused) {
  fs::path const folder = fresh_folder();
  OtherRun const other(folder);
  ASSERT_TRUE(other.holds_the_lock());
  // However old its last sign of life: that process can be seen.
  fs::last_write_time(folder / "LOCK", fs::file_time_type::clock::now() - 1h);
  std::string const message = refusal(folder);
  EXPECT_THAT(message,
              HasSubstr("another run writes this cube: process " + std::to_string(other.process()) + " on "));
  EXPECT_THAT(message, HasSubstr(", since 20"));
  EXPECT_THAT(message, HasSubstr("Wait for its end, stop it, or choose another cube.path."));
  EXPECT_TRUE(fs::exists(folder / "LOCK"));
}

TEST(WorkLock, of_a_killed_process_is_taken_over_at_once) {
  fs::path const folder = fresh_folder();
  OtherRun other(folder);
  ASSERT_TRUE(other.holds_the_lock());
  pid_t const process = other.process();
  other.kill();
  other.bury();
  EXPECT_THAT(take_over(folder), HasSubstr("was left behind by process " + std::to_string(process)));
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST(WorkLock, of_a_killed_process_that_nobody_buried_is_taken_over) {
  fs::path const folder = fresh_folder();
  OtherRun other(folder);
  ASSERT_TRUE(other.holds_the_lock());
  other.kill();
  EXPECT_EQ(refusal(folder), "");
}

TEST(WorkLock, of_a_process_whose_number_was_given_out_again_is_taken_over) {
  fs::path const folder = fresh_folder();
  std::string text;
  {
    WorkLock const lock(folder);
    text = text_of(folder / "LOCK");
  }
  text.replace(text.find("started = "), 10, "started = 1");
  write_foreign_lock(folder, 0s, text);
  EXPECT_EQ(refusal(folder), "");
}

TEST(WorkLock, of_another_host_is_refused_while_it_gives_signs_of_life) {
  fs::path const folder = fresh_folder();
  write_foreign_lock(folder, 60s);
  std::string const message = refusal(folder);
  EXPECT_THAT(message, HasSubstr("process 4711 on far, Slurm job 1234, since 2026-05-01T12:00:00Z. "
                                 "Its last sign of life was "));
  EXPECT_THAT(message, HasSubstr("start again after 120 s without a sign of life"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST(WorkLock, of_another_host_is_taken_over_when_it_is_silent) {
  fs::path const folder = fresh_folder();
  write_foreign_lock(folder, 130s);
  EXPECT_THAT(take_over(folder), HasSubstr("was left behind by process 4711 on far, Slurm job 1234"));
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST(WorkLock, that_says_nothing_is_taken_over_only_when_old) {
  fs::path const folder = fresh_folder();
  for (std::string const text : {"", "garbage", "host = far\nprocess = 12", "process = x\nsince = 1\n"}) {
    write_foreign_lock(folder, 60s, text);
    EXPECT_THAT(refusal(folder), HasSubstr("it does not say who it is")) << text;
    write_foreign_lock(folder, 130s, text);
    EXPECT_THAT(take_over(folder), HasSubstr("a run that does not say who it was")) << text;
  }
}

TEST(WorkLock, that_is_no_file_is_an_error) {
  fs::path const folder = fresh_folder();
  fs::create_symlink(folder / "nowhere", folder / "LOCK");
  EXPECT_THAT(refusal(folder), HasSubstr("LOCK cannot be read"));
  fs::remove(folder / "LOCK");
  fs::create_directory(folder / "LOCK");
  EXPECT_THAT(refusal(folder), HasSubstr("LOCK cannot be read"));
}

TEST(WorkLock, of_a_missing_directory_is_an_error) {
  EXPECT_THAT(refusal(fresh_folder() / "missing"), HasSubstr("LOCK cannot be made: No such file"));
}

TEST(WorkLock, left_behind_that_another_run_takes_over_is_refused) {
  fs::path const folder = fresh_folder();
  write_foreign_lock(folder, 130s);
  std::ofstream(folder / "LOCK.takeover") << "";
  EXPECT_THAT(refusal(folder), HasSubstr("another run is taking over this cube"));
  fs::last_write_time(folder / "LOCK.takeover", fs::file_time_type::clock::now() - 130s);
  EXPECT_EQ(refusal(folder), "");
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST(WorkLock, one_of_many_that_take_over_at_once_wins) {
  fs::path const folder = fresh_folder();
  for (int round = 0; round < 20; ++round) {
    write_foreign_lock(folder, 130s);
    constexpr int takers = 6;
    int start[2], outcome[2], end[2];
    ASSERT_TRUE(pipe(start) == 0 && pipe(outcome) == 0 && pipe(end) == 0);
    std::vector<pid_t> processes;
    for (int i = 0; i < takers; ++i) {
      processes.push_back(fork());
      if (processes.back() != 0) continue;
      close(start[1]);
      close(end[1]);
      char ignored;
      if (read(start[0], &ignored, 1) != 0) _exit(1);  // all begin when the other end is closed
      char won = 0;
      std::unique_ptr<WorkLock> lock;
      try {
        lock = std::make_unique<WorkLock>(folder);
        won = 1;
      } catch (Error const&) {
      }
      if (write(outcome[1], &won, 1) != 1) _exit(1);
      _exit(read(end[0], &ignored, 1) == 0 ? 0 : 1);
    }
    close(start[1]);
    int winners = 0;
    for (int i = 0; i < takers; ++i) {
      char won = 0;
      ASSERT_EQ(read(outcome[0], &won, 1), 1);
      winners += won;
    }
    EXPECT_EQ(winners, 1);
    close(end[1]);
    for (pid_t const process : processes) waitpid(process, nullptr, 0);
    for (int const file : {start[0], outcome[0], outcome[1], end[0]}) close(file);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1) << "nothing but LOCK is left";
  }
}

/// Waits until the condition holds, at most a minute. @return whether it does
bool becomes(std::function<bool()> const& condition) {
  for (int i = 0; i < 6000 && !condition(); ++i) usleep(10000);
  return condition();
}

TEST(WorkLock, gives_signs_of_life) {
  fs::path const folder = fresh_folder();
  WorkLock const lock(folder, 10ms);
  auto const before = fs::last_write_time(folder / "LOCK") - 1h;
  fs::last_write_time(folder / "LOCK", before);
  EXPECT_TRUE(becomes([&] { return fs::last_write_time(folder / "LOCK") > before + 30min; }));
  EXPECT_NO_THROW(lock.check());
}

TEST(WorkLock, that_was_lost_for_a_while_stays_lost) {
  fs::path const folder = fresh_folder();
  CaptureStderr();
  {
    WorkLock const lock(folder, 10ms);
    fs::rename(folder / "LOCK", folder / "away");
    EXPECT_THROW(lock.check(), Error);
    usleep(200000);
    fs::rename(folder / "away", folder / "LOCK");
    auto const lost = [&] {
      try {
        lock.check();
      } catch (Error const& error) {
        return error.kind() == ErrorKind::io;
      }
      return false;
    };
    EXPECT_TRUE(becomes(lost));
  }
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("no longer that of this run"));
}

TEST(WorkLock, of_another_run_is_neither_touched_nor_removed) {
  fs::path const folder = fresh_folder();
  CaptureStderr();
  {
    WorkLock const lock(folder, 10ms);
    fs::rename(folder / "LOCK", folder / "away");
    write_foreign_lock(folder, 60s);
    auto const before = fs::last_write_time(folder / "LOCK");
    EXPECT_THROW(lock.check(), Error);
    usleep(100000);
    EXPECT_EQ(fs::last_write_time(folder / "LOCK"), before);
  }
  GetCapturedStderr();
  EXPECT_THAT(text_of(folder / "LOCK"), HasSubstr("host = far"));
}

}  // namespace
}  // namespace stfcube
