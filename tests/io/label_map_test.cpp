#include "stfcube/io/label_map.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/io/raster_file.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LabelMapTest : public ::testing::Test {
 protected:
  void write(std::vector<float> const& values) {
    RasterSpec spec;
    spec.path = path;
    spec.grid = grid;
    spec.type = PixelType::float32;
    spec.no_data = -1;
    auto const file = create_geotiff(spec);
    Stack<float> stack(1, 1, grid.height, grid.width);
    std::ranges::copy(values, stack.all().begin());
    file->write(grid.all(), stack);
    file->close();
  }
  std::string error_of(auto const& action) {
    try {
      action();
    } catch (Error const& error) {
      return error.what();
    }
    return {};
  }

  std::filesystem::path path = testing::fresh_folder() / "classes.tif";
  Grid grid = [] {
    Grid made;
    made.dx = made.dy = 10;
    made.width = 3;
    made.height = 2;
    return made;
  }();
};

TEST_F(LabelMapTest, labels_are_whole_numbers_and_missing_ones_minus_one) {
  write({1, 2, -1, 70000, 0, 5});
  auto const map = open_label_map(path, grid, "model.class_map");
  std::vector<std::int32_t> labels(4);
  map->read({1, 0, 2, 2}, labels.data());
  EXPECT_THAT(labels, ElementsAre(2, -1, 0, 5));
}

TEST_F(LabelMapTest, fractions_are_refused) {
  write({1, 2, 0.5F, 7, 0, 5});
  auto const map = open_label_map(path, grid, "model.class_map");
  std::vector<std::int32_t> labels(6);
  EXPECT_THAT(error_of([&] { map->read(grid.all(), labels.data()); }), HasSubstr("holds the value 0.5"));
}

TEST_F(LabelMapTest, another_grid_is_refused_with_the_way_out) {
  write({1, 2, 3, 4, 5, 6});
  Grid other = grid;
  other.width = 4;
  auto const text = error_of([&] { open_label_map(path, other, "model.class_map"); });
  EXPECT_THAT(text, HasSubstr("model.class_map"));
  EXPECT_THAT(text, HasSubstr("gdalwarp -r near"));
}

}  // namespace
}  // namespace stfcube
