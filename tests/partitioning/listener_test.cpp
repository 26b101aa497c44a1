#include "stfcube/partitioning/mpi/listener.hpp"

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::world;

TEST(Listener, every_rank_gets_its_own_answers) {
  Listener listener(world(), [](int rank, std::string const& question) {
    return std::to_string(rank) + " asked " + question;
  });
  for (int i = 0; i < 50; ++i) {
    std::string const text = std::to_string(i);
    EXPECT_EQ(listener.ask(text), std::to_string(world().rank()) + " asked " + text);
  }
}

TEST(Listener, counter_gives_no_number_twice) {
  int next = 0;
  std::string mine;
  {
    Listener listener(world(), [&](int, std::string const&) { return std::to_string(next++); });
    for (int i = 0; i < 100; ++i) mine += listener.ask("next") + " ";
  }
  std::multiset<std::string> all;
  for (std::string const& of_rank : world().all_gather(mine)) {
    std::size_t from = 0;
    for (std::size_t at; (at = of_rank.find(' ', from)) != std::string::npos; from = at + 1) {
      all.insert(of_rank.substr(from, at - from));
    }
  }
  EXPECT_EQ(all.size(), 100U * static_cast<std::size_t>(world().size()));
  EXPECT_EQ((std::set<std::string>(all.begin(), all.end()).size()), all.size());
}

TEST(Listener, answers_while_rank_0_is_busy) {
  // Rank 0 works on until all others have their answer: without a listening thread this would never end.
  std::atomic<int> answered{0};
  Listener listener(world(), [&](int, std::string const&) {
    ++answered;
    return std::string("yes");
  });
  if (!world().is_root()) {
    EXPECT_EQ(listener.ask("are you there?"), "yes");
  }
  while (world().is_root() && answered < world().size() - 1)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(Listener, long_questions_and_answers_arrive_whole) {
  std::string const large(300000, 'x');
  Listener listener(world(), [](int, std::string const& question) { return question + question; });
  EXPECT_EQ(listener.ask(large), large + large);
}

TEST(Listener, collective_calls_work_again_afterwards) {
  for (int i = 0; i < 3; ++i) {
    {
      Listener const listener(world(), [](int, std::string const&) { return std::string(); });
    }
    EXPECT_EQ(world().max(world().rank()), world().size() - 1);
  }
}

TEST(Listener, threads_of_a_rank_may_ask_at_once) {
  Listener listener(world(), [](int, std::string const& question) { return "re: " + question; });
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        std::string const question = std::to_string(t * 100 + i);
        wrong += listener.ask(question) != "re: " + question;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace stfcube
