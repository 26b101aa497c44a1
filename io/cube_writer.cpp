#include <map>
#include <string_view>

#include "stfcube/io/cube.hpp"
#include "stfcube/partitioning/core/error.hpp"

namespace stfcube {

std::unique_ptr<CubeWriter> make_cube_writer(std::string const& name, CubeLayout const& layout,
                                             WorkDirectory const& place, Communicator const& comm) {
  using Make = std::unique_ptr<CubeWriter> (*)(CubeLayout const&, WorkDirectory const&, Communicator const&);
  static std::map<std::string_view, Make> const writers = {{"collective", make_collective_writer},
                                                           {"staged", make_staged_writer}};
  auto const found = writers.find(name);
  ensure(found != writers.end(), "the name of the writer was checked");
  return found->second(layout, place, comm);
}

}  // namespace stfcube
