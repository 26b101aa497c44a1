#include "stfcube/partitioning/mpi/communicator.hpp"

#include <numeric>
#include <stdexcept>

#include <gtest/gtest.h>

#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using testing::world;

TEST(Communicator, default_is_alone) {
  Communicator const alone;
  EXPECT_EQ(alone.rank(), 0);
  EXPECT_EQ(alone.size(), 1);
  EXPECT_EQ(alone.node_size(), 1);
  EXPECT_TRUE(alone.is_root());
  EXPECT_EQ(alone.native(), nullptr);
  std::vector<double> values = {1.5, 2.5};
  alone.sum(std::span(values));
  EXPECT_EQ(values, (std::vector<double>{1.5, 2.5}));
  EXPECT_EQ(alone.max(7), 7);
  EXPECT_EQ(alone.all_gather("x"), std::vector<std::string>{"x"});
  EXPECT_EQ(alone.broadcast("y"), "y");
  alone.barrier();
}

TEST(Communicator, ranks_are_numbered_through) {
  EXPECT_GE(world().rank(), 0);
  EXPECT_LT(world().rank(), world().size());
  EXPECT_EQ(world().is_root(), world().rank() == 0);
  EXPECT_EQ(world().node_size(), world().size());  // the tests run on one node
}

TEST(Communicator, sums_are_over_all_ranks) {
  std::int64_t const n = world().size();
  std::vector<std::int64_t> whole = {1, world().rank(), std::int64_t{1} << 40};
  world().sum(std::span(whole));
  EXPECT_EQ(whole, (std::vector<std::int64_t>{n, n * (n - 1) / 2, n << 40}));
  std::vector<double> real = {0.25};
  world().sum(std::span(real));
  EXPECT_EQ(real.front(), 0.25 * static_cast<double>(n));
  std::vector<double> nothing;
  world().sum(std::span(nothing));
}

TEST(Communicator, max_sees_every_rank) {
  EXPECT_EQ(world().max(world().rank()), world().size() - 1);
  EXPECT_EQ(world().max(-5 - world().rank()), -5);
}

TEST(Communicator, gather_keeps_rank_order_and_any_bytes) {
  std::string const mine(static_cast<std::size_t>(world().rank()), static_cast<char>('a' + world().rank()));
  auto const all = world().all_gather(mine + std::string(1, '\0'));
  ASSERT_EQ(all.size(), static_cast<std::size_t>(world().size()));
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    EXPECT_EQ(all[rank], std::string(rank, static_cast<char>('a' + rank)) + std::string(1, '\0'));
  }
}

TEST(Communicator, gather_of_nothing_is_empty_texts) {
  for (std::string const& piece : world().all_gather("")) EXPECT_EQ(piece, "");
}

TEST(Communicator, values_are_gathered_in_rank_order) {
  std::vector<std::int64_t> const mine(static_cast<std::size_t>(world().rank()), world().rank());
  std::vector<std::int64_t> expected;
  for (int rank = 0; rank < world().size(); ++rank) expected.insert(expected.end(), static_cast<std::size_t>(rank), rank);
  EXPECT_EQ(world().gather_values(mine), expected);
}

/// What rank `from` has for rank `to`: of different lengths, sometimes nothing.
std::string text_between(int from, int to) {
  std::string text(static_cast<std::size_t>((from * 7 + to * 3) % 5) * 9, static_cast<char>('a' + from));
  if (!text.empty()) text.back() = static_cast<char>('A' + to);
  return text;
}

TEST(Communicator, exchange_hands_every_text_to_its_rank_in_any_number_of_passes) {
  std::vector<std::string> mine, expected;
  for (int rank = 0; rank < world().size(); ++rank) {
    mine.push_back(text_between(world().rank(), rank));
    expected.push_back(text_between(rank, world().rank()));
  }
  EXPECT_EQ(world().exchange(mine), expected);
  for (std::uint64_t const most_bytes : {0, 1, 20, 100}) EXPECT_EQ(world().exchange(mine, most_bytes), expected);
  EXPECT_EQ(world().exchange(std::vector<std::string>(mine.size())), std::vector<std::string>(mine.size()));
}

TEST(Communicator, messages_to_the_root_arrive_in_order_and_whole) {
  std::string const large(100000, 'x');
  if (!world().is_root()) {
    for (std::string const& text : {std::to_string(world().rank()), std::string(), large}) world().send_to_root(text);
    return;
  }
  for (int rank = world().size() - 1; rank > 0; --rank) {
    EXPECT_EQ(world().receive_from(rank), std::to_string(rank));
    EXPECT_EQ(world().receive_from(rank), "");
    EXPECT_EQ(world().receive_from(rank), large);
  }
}

TEST(Communicator, broadcast_brings_the_value_of_the_root) {
  std::string const value = world().is_root() ? std::string("from\0root", 9) : "something else";
  EXPECT_EQ(world().broadcast(value), std::string("from\0root", 9));
  EXPECT_EQ(world().broadcast(""), "");
}

TEST(Communicator, agree_is_silent_when_nobody_failed) {
  EXPECT_NO_THROW(world().agree(std::nullopt));
}

TEST(Communicator, agree_throws_everywhere_the_error_of_the_lowest_rank) {
  int const last = world().size() - 1;
  std::optional<Error> mine;
  if (world().rank() == last) mine = Error(ErrorKind::data, "the last rank failed");
  try {
    world().agree(mine);
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_STREQ(error.what(), "the last rank failed");
    EXPECT_TRUE(error.agreed());
  }
  try {
    world().agree(Error(ErrorKind::config, "rank " + std::to_string(world().rank())));
    FAIL();
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_STREQ(error.what(), "rank 0");
  }
}

TEST(Communicator, together_runs_everywhere_and_fails_everywhere) {
  int calls = 0;
  world().together([&] { ++calls; });
  EXPECT_EQ(calls, 1);
  EXPECT_THROW(world().together([&] {
    if (world().is_root()) throw std::runtime_error("foreign");
    ++calls;
  }),
               Error);
  EXPECT_EQ(calls, world().is_root() ? 1 : 2);
}

TEST(Communicator, copies_are_the_same_group) {
  Communicator const copy = world();
  EXPECT_EQ(copy.rank(), world().rank());
  EXPECT_EQ(copy.native(), world().native());
  EXPECT_EQ(copy.max(copy.rank()), world().size() - 1);
}

}  // namespace
}  // namespace stfcube
