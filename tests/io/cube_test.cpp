#include "stfcube/io/cube.hpp"

#include <fstream>
#include <iterator>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stfcube/io/content_digest.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/tests/support/file_size_limit.hpp"
#include "stfcube/tests/support/synthetic_cube.hpp"
#include "stfcube/tests/support/world.hpp"

namespace stfcube {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace stfcube::testing;

constexpr int tile_px = 32, slab = 2;

/// The digest made by one rank from the whole cube as a single unit.
std::string serial_digest(CubeLayout const& layout) {
  ContentDigest digest(cube_arrays(layout));
  auto const& arrays = digest.arrays();
  CubeUnit const all = synthetic_unit(layout, layout.grid.all(), 0, static_cast<int>(layout.dates.size()));
  std::size_t array = 0;
  auto const add = [&](auto const& values) {
    for_each_chunk(arrays[array], values, all.px, 0,
                   [&](auto const& index, auto raw) { digest.add(array, index, std::as_bytes(raw)); });
    ++array;
  };
  add(all.dn);
  if (layout.uncertainty) add(all.uncertainty);
  add(all.quality);
  return digest.merged_hex(Communicator());
}

/// Whether the pixel belongs to one of the units that were written.
bool written(std::vector<SyntheticUnit> const& units, int t, int y, int x) {
  return std::ranges::any_of(units, [&](SyntheticUnit const& u) {
    return t >= u.first_date && t < u.first_date + u.dates && u.px.contains({x, y, 1, 1});
  });
}

/// Compares every pixel with what was written; holes must read as fill and no_data.
void expect_content(CubeLayout const& layout, std::vector<SyntheticUnit> const& units) {
  auto const cube = open_cube(layout.path);
  Rect const all = layout.grid.all();
  int wrong = 0;
  for (int t = 0; t < static_cast<int>(layout.dates.size()); ++t) {
    auto const flags = cube->read_quality(t, all);
    for (int b = 0; b < static_cast<int>(layout.bands.size()); ++b) {
      auto const dn = cube->read(t, b, all);
      auto const sigma = layout.uncertainty ? cube->read_uncertainty(t, b, all) : std::vector<Dn>();
      std::size_t i = 0;
      for (int y = 0; y < all.height; ++y) {
        for (int x = 0; x < all.width; ++x, ++i) {
          bool const here = written(units, t, y, x);
          wrong += dn[i] != (here ? synthetic_dn(t, b, y, x) : no_data_dn);
          wrong += flags[i] != (here ? synthetic_quality(t, y, x) : quality::no_data);
          if (layout.uncertainty)
            wrong += sigma[i] != (here ? synthetic_uncertainty(t, b, y, x) : no_data_dn);
        }
      }
    }
  }
  EXPECT_EQ(wrong, 0);
}

std::string bytes_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What must hold for every writer; the parameter is its name.
class Cube : public ::testing::TestWithParam<char const*> {
 protected:
  std::string write_cube(CubeLayout const& layout, std::vector<SyntheticUnit> const& units) {
    std::string digest;
    {
      PlacedWriter to(GetParam(), layout, world());
      write_units(to, layout, units, world());
      digest = to.writer->finish({units.size(), units.size(), ""});
    }
    world().barrier();  // rank 0 has left the work directory
    return digest;
  }

  std::string write_cube(CubeLayout const& layout) {
    return write_cube(layout, synthetic_units(layout, tile_px, slab));
  }

  /// The error that making a writer gives, the same on every rank.
  std::optional<Error> refusal(CubeLayout const& layout) {
    try {
      PlacedWriter(GetParam(), layout, world());
    } catch (Error const& error) {
      return error;
    }
    return std::nullopt;
  }

  void expect_refused(CubeLayout const& layout, char const* text) {
    auto const error = refusal(layout);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->kind(), ErrorKind::config);
    EXPECT_THAT(error->what(), HasSubstr(text));
  }
};
INSTANTIATE_TEST_SUITE_P(Writers, Cube, ::testing::Values("staged", "collective"),
                         [](auto const& writer) { return std::string(writer.param); });

TEST_P(Cube, reads_as_written_by_all_ranks) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  write_cube(layout);
  expect_content(layout, synthetic_units(layout, tile_px, slab));
  EXPECT_FALSE(fs::exists(layout.path.string() + ".work"));
}

TEST_P(Cube, digest_is_that_of_one_serial_pass) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  std::string const digest = write_cube(layout);
  EXPECT_EQ(digest, serial_digest(layout));
  EXPECT_EQ(open_cube(layout.path)->attribute("stfcube_content_digest"), digest);
}

TEST_P(Cube, digest_does_not_depend_on_tiles_slabs_or_compression) {
  fs::path const folder = fresh_folder();
  CubeLayout const one = synthetic_layout(folder / "one.nc");
  CubeLayout other = synthetic_layout(folder / "other.nc");
  other.compression.level = 6;
  EXPECT_EQ(write_cube(one), write_cube(other, synthetic_units(other, 64, 4)));
}

TEST_P(Cube, uncompressed_reads_as_written) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  layout.compression = no_compression;
  EXPECT_EQ(write_cube(layout), serial_digest(layout));
  expect_content(layout, synthetic_units(layout, tile_px, slab));
}

TEST_P(Cube, uncertainty_may_be_left_out) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  layout.uncertainty = false;
  write_cube(layout);
  EXPECT_FALSE(open_cube(layout.path)->has_uncertainty());
  EXPECT_THROW(open_cube(layout.path)->read_uncertainty(0, 0, layout.grid.all()), Error);
  expect_content(layout, synthetic_units(layout, tile_px, slab));
}

TEST_P(Cube, chunk_larger_than_the_cube_is_cut_to_its_size) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  layout.chunk = {1, 1, 256, 256};
  std::vector<SyntheticUnit> const units = synthetic_units(layout, 256, 5);
  write_cube(layout, units);
  expect_content(layout, units);
}

TEST_P(Cube, holes_read_as_fill_and_no_data) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  auto units = synthetic_units(layout, tile_px, slab);
  units.erase(units.begin() + 4);
  units.pop_back();
  PlacedWriter to(GetParam(), layout, world());
  write_units(to, layout, units, world());
  to.writer->finish({units.size(), units.size() + 2, "x001y000, 2022-01-16"});
  expect_content(layout, units);
  EXPECT_EQ(open_cube(layout.path)->attribute("stfcube_completeness"),
            std::to_string(units.size()) + "/" + std::to_string(units.size() + 2));
}

TEST_P(Cube, ranks_without_units_take_part) {
  CubeLayout const layout = synthetic_layout(fresh_folder() / "cube.nc");
  auto const units = synthetic_units(layout, tile_px, slab);
  int const last = world().size() - 1;
  PlacedWriter to(GetParam(), layout, world());
  for (SyntheticUnit const& u : units) {
    CubeUnit const unit = synthetic_unit(layout, u.px, u.first_date, u.dates);
    to.write(world().rank() == last ? &unit : nullptr);
  }
  EXPECT_EQ(to.writer->finish({units.size(), units.size(), ""}), serial_digest(layout));
  expect_content(layout, units);
}

TEST_P(Cube, equal_runs_give_equal_bytes) {
  if (GetParam() == std::string("collective") && world().size() > 1)
    GTEST_SKIP() << "where HDF5 puts its pieces depends on the timing of the ranks";
  fs::path const folder = fresh_folder();
  CubeLayout const one = synthetic_layout(folder / "one.nc"), two = synthetic_layout(folder / "two.nc");
  write_cube(one);
  write_cube(two);
  EXPECT_TRUE(bytes_of(one.path) == bytes_of(two.path));
}

TEST_P(Cube, reader_gives_back_the_layout) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  layout.quantity = quantity_named("temperature");
  layout.grid.x0 = 123456.789;
  write_cube(layout);
  auto const cube = open_cube(layout.path);
  EXPECT_EQ(cube->grid().x0, layout.grid.x0);
  EXPECT_EQ(cube->grid().y0, layout.grid.y0);
  EXPECT_EQ(cube->grid().dx, layout.grid.dx);
  EXPECT_EQ(cube->grid().dy, layout.grid.dy);
  EXPECT_EQ(cube->grid().all(), layout.grid.all());
  EXPECT_EQ(cube->dates(), layout.dates);
  EXPECT_EQ(cube->bands(), layout.bands);
  EXPECT_EQ(cube->quantity().name, "temperature");
  EXPECT_EQ(cube->quantity().offset, 273.15);
  EXPECT_EQ(cube->quantity().step, 0.01);
  EXPECT_EQ(cube->attribute("stfcube_job_digest"), layout.provenance.job_digest);
  EXPECT_EQ(cube->attribute("no_such_attribute"), "");
}

TEST_P(Cube, writer_thrown_away_leaves_no_cube_and_no_more_than_it_can_use_again) {
  fs::path const folder = fresh_folder();
  CubeLayout const layout = synthetic_layout(folder / "cube.nc");
  {
    PlacedWriter to(GetParam(), layout, world());
    SyntheticUnit const u = synthetic_units(layout, tile_px, slab).front();
    CubeUnit const unit = synthetic_unit(layout, u.px, u.first_date, u.dates);
    to.write(world().is_root() ? &unit : nullptr);
  }
  world().barrier();
  EXPECT_FALSE(fs::exists(layout.path));
  if (GetParam() == std::string("collective")) {
    EXPECT_TRUE(fs::is_empty(folder));
  } else {
    EXPECT_TRUE(fs::exists(folder / "cube.nc.work" / "journal.1.0"));
  }
  world().barrier();
  PlacedWriter const again(GetParam(), layout, world());
  EXPECT_EQ(again.writer->units_done().size(), GetParam() == std::string("collective") ? 0U : 1U);
}

TEST_P(Cube, unit_off_the_chunk_borders_is_refused_on_all_ranks_that_take_part) {
  fs::path const folder = fresh_folder();
  CubeLayout const layout = synthetic_layout(folder / "cube.nc");
  {
    PlacedWriter to(GetParam(), layout, world());
    CubeUnit const unit = synthetic_unit(layout, {8, 0, 32, 32}, 0, 2);
    if (world().is_root() || to.writer->in_rounds()) {
      EXPECT_THROW(to.write(world().is_root() ? &unit : nullptr), Error);
    }
    world().barrier();
  }
  world().barrier();
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_P(Cube, disk_that_is_full_is_an_error_on_all_ranks) {
  fs::path const folder = fresh_folder();
  CubeLayout layout = synthetic_layout(folder / "cube.nc");
  layout.grid.width = layout.grid.height = 320;
  std::optional<Error> failed;
  {
    PlacedWriter to(GetParam(), layout, world());
    world().barrier();
    fs::path const part = folder / "cube.nc.work" / "collective.part";
    FileSizeLimit const limit(fs::exists(part) ? fs::file_size(part) + 10000 : 10000);
    try {
      write_units(to, layout, synthetic_units(layout, 64, 2), world());
    } catch (Error const& error) {
      failed = error;
    }
  }
  world().barrier();
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->kind(), ErrorKind::io);
  EXPECT_THAT(failed->what(), HasSubstr("writing"));
  EXPECT_THAT(failed->what(), HasSubstr("free there"));
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_P(Cube, missing_directory_is_named) {
  expect_refused(synthetic_layout(fresh_folder() / "missing" / "cube.nc"), "does not exist");
}

TEST_P(Cube, directory_under_the_name_is_refused) {
  fs::path const folder = fresh_folder();
  if (world().is_root()) fs::create_directory(folder / "cube.nc");
  world().barrier();
  expect_refused(synthetic_layout(folder / "cube.nc"), "is a folder");
}

TEST_P(Cube, foreign_file_is_never_overwritten) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  if (world().is_root()) std::ofstream(layout.path) << "not a cube";
  world().barrier();
  EXPECT_FALSE(is_cube(layout.path));
  expect_refused(layout, "is no stfcube cube");
  EXPECT_EQ(bytes_of(layout.path), "not a cube");
}

TEST_P(Cube, finished_cube_is_replaced_at_the_end) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  std::string const before = layout.provenance.job_digest;
  write_cube(layout);
  layout.provenance.job_digest = std::string(64, 'b');
  {
    PlacedWriter const to(GetParam(), layout, world());
    EXPECT_EQ(open_cube(layout.path)->attribute("stfcube_job_digest"), before);
  }
  write_cube(layout);
  EXPECT_EQ(open_cube(layout.path)->attribute("stfcube_job_digest"), layout.provenance.job_digest);
}

TEST_P(Cube, truncated_or_damaged_file_is_bad_data) {
  fs::path const folder = fresh_folder();
  CubeLayout const layout = synthetic_layout(folder / "cube.nc");
  write_cube(layout);
  if (!world().is_root()) return;
  auto const expect_bad = [](fs::path const& path) {
    try {
      open_cube(path);
      ADD_FAILURE() << path << " was opened";
    } catch (Error const& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_THAT(error.what(), HasSubstr(path.string()));
    }
  };
  fs::copy_file(layout.path, folder / "short.nc");
  fs::resize_file(folder / "short.nc", fs::file_size(layout.path) / 2);
  expect_bad(folder / "short.nc");
  expect_bad(folder / "missing.nc");
  std::ofstream(folder / "text.nc") << "no HDF5 at all";
  expect_bad(folder / "text.nc");
}

TEST_P(Cube, flipped_bit_in_a_chunk_does_not_read) {
  CubeLayout layout = synthetic_layout(fresh_folder() / "cube.nc");
  layout.chunk = {5, 3, 70, 90};
  write_cube(layout, synthetic_units(layout, 128, 5));
  if (!world().is_root()) return;
  std::string bytes = bytes_of(layout.path);
  // Two thirds into the file lie the only chunks of the product and its uncertainty, behind the metadata.
  std::size_t const place = bytes.size() / 3 * 2;
  bytes[place] = static_cast<char>(bytes[place] ^ 0x10);
  std::ofstream(layout.path, std::ios::binary) << bytes;
  auto const cube = open_cube(layout.path);
  try {
    cube->read(0, 0, layout.grid.all());
    cube->read_uncertainty(0, 0, layout.grid.all());
    ADD_FAILURE() << "the damage was not seen";
  } catch (Error const& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
  }
}

}  // namespace
}  // namespace stfcube
