#include "stfcube/partitioning/core/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace stfcube::log {
namespace {

int world_rank = 0;

class RankFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(spdlog::details::log_msg const&, std::tm const&, spdlog::memory_buf_t& out) override {
    std::string const text = std::to_string(world_rank);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<RankFlag>(); }
};

class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(spdlog::details::log_msg const& message, std::tm const&, spdlog::memory_buf_t& out) override {
    constexpr std::string_view names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"};
    std::string_view const text = names[message.level];
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelFlag>(); }
};

spdlog::logger& logger() {
  static auto const instance = [] {
    auto made = std::make_shared<spdlog::logger>("stfcube", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<RankFlag>('*').add_flag<LevelFlag>('?').set_pattern("%Y-%m-%dT%H:%M:%SZ %? rank=%* %v");
    made->set_formatter(std::move(formatter));
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum native(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

}  // namespace

void set_rank(int rank) { world_rank = rank; }
void set_level(Level level) { logger().set_level(native(level)); }

void debug(std::string_view message) {
  if (world_rank == 0) logger().debug("{}", message);
}
void info(std::string_view message) {
  if (world_rank == 0) logger().info("{}", message);
}
void warning(std::string_view message) { logger().warn("{}", message); }
void error(std::string_view message) { logger().error("{}", message); }

}  // namespace stfcube::log
