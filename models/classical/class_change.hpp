#pragma once

#include <map>
#include <string>
#include <vector>

#include "stfcube/models/classical/bounded_least_squares.hpp"
#include "stfcube/models/classical/class_memberships.hpp"
#include "stfcube/models/classical/classes.hpp"
#include "stfcube/models/classical/purest_cells.hpp"
#include "stfcube/models/pairs.hpp"
#include "stfcube/models/stat_zones.hpp"

namespace stfcube {

struct ClassChangeSettings {
  std::string subject = "class_change";                  ///< begins the names of the statistics
  int purest = 100;                                      ///< P: purest cells of each class
  double lowest_quantile = 0.1, highest_quantile = 0.9;  ///< of their changes: what is kept
  bool by_size = false;                                  ///< quantiles of |change| instead of the change
  bool of_target = false;  ///< fits the coarse values of the target instead of their change: class means
  int zone_px = 0;         ///< side of a statistics zone; 0: the scene is one
  int ratio = 1;
  int parts = 1;  ///< of a pixel that cells are counted in: with memberships, ClassMemberships::parts
};

/// What a pair and a target say about a zone. Classes are those of the pair's fine image; one more stands for
/// valid pixels without a class, and changes as the mean cell does.
struct ChangeTable {
  std::vector<double> change;  ///< [band, classes + 1], DN
  std::vector<double>
      lowest;  ///< per band, DN: the smallest coarse value of the target or temporal prediction
  std::vector<double> highest;  ///< per band, DN: the largest
};

/// Changes of classes between the date of a pair and a target, found from the coarse change of the purest
/// cells by bounded least squares. A part of a method: its rounds of the first pass come after those of the
/// classes.
/// @source specs: fsdaf.md, steps 2 and 3; Zhu et al. 2016, doi:10.1016/j.rse.2015.11.016
class ClassChange {
 public:
  explicit ClassChange(ClassChangeSettings const& settings) : settings_(settings), zones_(settings.zone_px) {}

  /// No more rounds wanted.
  bool done() const { return round_ == Round::none; }
  /// Adds one pair and the targets of a tile without halo. Every pixel must be seen once for each pair.
  /// @param memberships  what cells consist of, instead of whole pixels of the classes
  void observe(FusionInput const& input, Pair const& pair, FineClasses const& classes, Statistics& statistics,
               ClassMemberships const* memberships = nullptr) const;
  void prepare(Statistics const& statistics, FineClasses const& classes);

  /// The table of a zone, or of the scene where the zone has none; null when the pair and the target have no
  /// valid cell in common.
  ChangeTable const* find(Date pair, Date target, StatZones::Zone zone) const;

 private:
  enum class Round { cells, changes, equations, none };
  /// A zone, or the whole scene: (-1, -1).
  using Region = StatZones::Zone;
  struct Images {
    Date pair, target;
    auto operator<=>(Images const&) const = default;
  };
  struct Fit {
    std::vector<std::int64_t> least;  ///< per class: pixels of it that make a cell one of the purest; 0: none
    std::vector<bool> own;            ///< per class: the region has enough cells of its own
    std::vector<Bounds> window;       ///< [class, band]: changes that are kept
    int classes() const { return static_cast<int>(least.size()); }
    ChangeTable table;
  };
  struct Cells;
  bool keeps(Bounds const& window, std::int64_t delta) const;

  std::string name(Images const& images, Region const& region, std::string const& what) const;
  std::vector<Region> regions_of(Rect const& scene_px, int x, int y) const;
  std::map<Region, std::vector<std::size_t>> cells_of_regions(Cells const& cells) const;
  void observe_cells(Images const& images, Cells const& cells, Statistics& statistics) const;
  void observe_ranges(FusionInput const& input, Cells const& cells, Date pair, Statistics& statistics) const;
  void observe_changes(Images const& images, Cells const& cells, Statistics& statistics) const;
  void observe_equations(Images const& images, Cells const& cells, Statistics& statistics) const;
  void prepare_cells(Statistics const& statistics, FineClasses const& classes);
  void prepare_changes(Statistics const& statistics);
  void prepare_equations(Statistics const& statistics);
  void solve(Statistics const& statistics, Images const& images, Region const& region, Fit& fit) const;
  void find_ranges(Images const& images, Region const& region, Fit& fit) const;

  ClassChangeSettings settings_;
  StatZones zones_;
  Round round_ = Round::cells;
  int bands_ = 0;
  Statistics statistics_;  ///< of the first of the rounds, until the last
  std::map<Images, std::map<Region, Fit>> fits_;
};

}  // namespace stfcube
