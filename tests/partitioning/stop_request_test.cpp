#include "stfcube/partitioning/core/stop_request.hpp"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stfcube {
namespace {

/// What a process ends with that listens, gets these signals, and then goes on to its end.
int status_after(std::initializer_list<int> signals) {
  pid_t const child = fork();
  if (child == 0) {
    listen_to_stop_signals();
    for (int signal : signals) raise(signal);
    _exit(stop_requested() ? 10 : 11);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(StopRequest, nothing_is_asked_without_a_signal) {
  EXPECT_EQ(status_after({}), 11);
}

TEST(StopRequest, first_signal_asks_and_the_process_lives) {
  for (int signal : {SIGUSR1, SIGTERM, SIGINT}) EXPECT_EQ(status_after({signal}), 10) << signal;
}

TEST(StopRequest, second_signal_ends_at_once) {
  EXPECT_EQ(status_after({SIGTERM, SIGTERM}), stopped_status);
  EXPECT_EQ(status_after({SIGUSR1, SIGINT}), stopped_status);
}

TEST(StopRequest, repeated_warning_is_one_request) {
  // Slurm and mpirun may both forward it.
  EXPECT_EQ(status_after({SIGUSR1, SIGUSR1, SIGUSR1}), 10);
}

TEST(StopRequest, program_may_ask_itself) {
  request_stop();
  EXPECT_TRUE(stop_requested());
  clear_stop_request();
  EXPECT_FALSE(stop_requested());
}

}  // namespace
}  // namespace stfcube
