#include "stfcube/jobs/apps/commands.hpp"

namespace stfcube {

std::vector<Command> data_commands() { return {}; }

}  // namespace stfcube
