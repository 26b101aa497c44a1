#include "stfcube/jobs/cross_validation.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stfcube/io/raster_file.hpp"
#include "stfcube/jobs/comparison_tile.hpp"
#include "stfcube/jobs/evaluate.hpp"
#include "stfcube/jobs/fold_run.hpp"
#include "stfcube/jobs/series_report.hpp"
#include "stfcube/models/shipped_weights.hpp"
#include "stfcube/partitioning/core/error.hpp"
#include "stfcube/partitioning/core/log.hpp"
#include "stfcube/partitioning/core/text.hpp"

namespace stfcube {
namespace {

std::vector<std::string> known_methods() {
  std::vector<std::string> names;
  for (auto const& [name, entry] : model_registry()) names.push_back(name);
  return names;
}

/// All methods; of networks those whose weights come with stfcube, and the one that the job has weights for.
std::vector<std::string> default_methods(JobSpec const& job) {
  auto methods = known_methods();
  std::erase_if(methods, [&](std::string const& name) {
    return model_registry().at(name).needs_weights() && shipped_weights(name).empty() &&
           (job.weights.empty() || name != job.model_name);
  });
  return methods;
}

std::vector<std::string> chosen_methods(std::vector<std::string> const& asked, JobSpec const& job) {
  auto const known = known_methods();
  std::vector<std::string> methods;
  for (std::string const& name : asked) {
    auto const near = nearest_word(name, known);
    require(model_registry().contains(name), ErrorKind::config,
            fmt::format("--methods: {} is no method.{} Known methods: {}.", name,
                        near ? " Did you mean " + *near + "?" : "", fmt::join(known, ", ")));
    if (std::ranges::find(methods, name) == methods.end()) methods.push_back(name);
  }
  return asked.empty() ? default_methods(job) : methods;
}

/// The first file of the fine observation of a date.
std::string scene_path(Catalog const& catalog, Date date) {
  auto const scene = std::ranges::find(catalog.scenes, date, &Scene::date);
  return scene == catalog.scenes.end() ? std::string() : scene->bands.front().path;
}

std::unique_ptr<RasterReader> open_mask(std::filesystem::path const& path, Grid const& grid) {
  if (path.empty()) return nullptr;
  auto mask = open_raster(path);
  require(same_pixels(mask->grid(), grid), ErrorKind::data,
          fmt::format("mask {} is not on the job's grid: {}; the job: {}. Give a mask with the same pixels.",
                      path.string(), describe(mask->grid()), describe(grid)));
  return mask;
}

/// What is the same for all folds.
class Validation {
 public:
  Validation(CrossValidationSettings const& settings, Communicator const& comm)
      : comm_(comm), explicit_(!settings.methods.empty()), pictures_(settings.pictures, comm) {
    comm.together([&] { methods_ = chosen_methods(settings.methods, settings.job); });
    job_ = prepare_job(settings.job, std::nullopt, comm);
    share_cache_with_folds();
    comm.together([&] {
      require(
          job_->pairs.size() >= 2, ErrorKind::data,
          fmt::format(
              "cross-validation withholds one pair of fine and coarse scenes and predicts it from others, "
              "but "
              "the job has {} within model.pair_tolerance = {} days. Give an archive with two pairs or more.",
              job_->pairs.size(), job_->spec.pair_tolerance_days));
      mask_ = open_mask(settings.mask, job_->task.fine_grid);
      if (!settings.classes.empty()) {
        classes_ = open_label_map(settings.classes, job_->task.fine_grid, "the class map (--classes)");
      }
      check_methods();
    });
    scale_.data_range = default_data_range(&job_->task.quantity);
    scale_.ratio = job_->task.ratio;
    scale_.coarse_cell_px = job_->task.ratio;
  }

  AccuracyReport run() {
    for (std::size_t f = 0; f < job_->pairs.size(); ++f) {
      Pair const& pair = job_->pairs[f];
      log::info(fmt::format("{} withheld, date {} of {}", to_string(pair.date), f + 1, job_->pairs.size()));
      folds_.push_back(
          run_fold({*job_, mask_.get(), classes_.get(), possible_methods(), scale_, pictures_}, pair, comm_));
    }
    AccuracyReport result = report();
    pictures_.write_report(result);
    return result;
  }

 private:
  /// The fold reads the scenes that are left through a cache of its own (half of all); this one holds the
  /// withheld scene.
  void share_cache_with_folds() {
    auto& fine = job_->fine;
    fine.cache = std::make_unique<BlockCache>(*fine.reader, job_->task.fine_grid.all(), fine.cache->bands(),
                                              fine.cache->block_px(), job_->memory.block_cache_bytes / 4);
    job_->task.fine = fine.cache.get();
  }

  /// A method that was asked for by name has to be possible with this job; of all methods, those that are not
  /// are told.
  void check_methods() {
    for (std::string const& name : methods_) {
      try {
        make_model(name, model_settings(*job_));
      } catch (Error const& error) {
        if (explicit_ || error.kind() != ErrorKind::config) throw;
        impossible_[name] = error.what();
      }
    }
  }

  std::vector<std::string> possible_methods() const {
    std::vector<std::string> possible;
    std::ranges::copy_if(methods_, std::back_inserter(possible),
                         [&](std::string const& name) { return !impossible_.contains(name); });
    return possible;
  }

  AccuracyReport report() {
    AccuracyReport result{scale_, "all", {}, {}, CrossValidation{}};
    CrossValidation& validation = *result.cross_validation;
    for (FoldResult const& fold : folds_) validation.dates.push_back(fold.date);
    for (std::string const& name : methods_) {
      validation.methods.push_back(standing(name));
      if (validation.methods.back().folds > 0) result.predictions.push_back(own_series(name));
    }
    auto const common = common_folds(validation);
    validation.common_folds = static_cast<int>(common.size());
    for (MethodStanding& one : validation.methods) add_common(common, one);
    rank(validation);
    return result;
  }

  MethodStanding standing(std::string const& name) const {
    MethodStanding one;
    one.method = name;
    for (FoldResult const& fold : folds_) {
      if (auto const* sums = fold.sums_of(name)) {
        ++one.folds;
        one.reference_pixels += sums->reference_pixels;
        one.predicted_pixels += sums->predicted_pixels;
      } else {
        one.missed.push_back(
            {fold.date, impossible_.contains(name) ? impossible_.at(name) : fold.missed.at(name)});
      }
    }
    return one;
  }

  void add_image(FoldResult const& fold, std::string const& name, ComparisonSums const& sums,
                 SeriesReport& series) const {
    series.add({fold.date, name, scene_path(job_->fine.catalog, fold.date)}, job_->spec.bands, sums);
  }

  PredictionAccuracy own_series(std::string const& name) const {
    SeriesReport series(name, scale_);
    for (FoldResult const& fold : folds_) {
      if (auto const* sums = fold.sums_of(name)) add_image(fold, name, sums->own, series);
    }
    return series.result();
  }

  /// Folds that every method predicted which predicted any.
  std::vector<FoldResult const*> common_folds(CrossValidation const& validation) const {
    std::vector<FoldResult const*> common;
    for (FoldResult const& fold : folds_) {
      bool const all = std::ranges::all_of(validation.methods, [&](MethodStanding const& one) {
        return one.folds == 0 || fold.sums_of(one.method) != nullptr;
      });
      if (all) common.push_back(&fold);
    }
    return common;
  }

  void add_common(std::vector<FoldResult const*> const& folds, MethodStanding& one) const {
    SeriesReport series(one.method, scale_);
    for (FoldResult const* fold : folds) {
      if (auto const* sums = fold->sums_of(one.method)) add_image(*fold, one.method, sums->common, series);
    }
    one.common = series.result();
  }

  static void rank(CrossValidation& validation) {
    std::vector<MethodStanding*> order;
    for (MethodStanding& one : validation.methods) {
      if (one.common.overall.pixels > 0) order.push_back(&one);
    }
    std::ranges::stable_sort(order, {}, [](MethodStanding const* one) { return one->common.overall.rmse; });
    for (std::size_t i = 0; i < order.size(); ++i) order[i]->rank = static_cast<int>(i) + 1;
  }

  Communicator const& comm_;
  bool explicit_;
  AccuracyPictures pictures_;
  std::vector<std::string> methods_;
  std::map<std::string, std::string> impossible_;
  std::unique_ptr<PreparedJob> job_;
  std::unique_ptr<RasterReader> mask_;
  std::unique_ptr<LabelMap> classes_;
  AccuracyScale scale_;
  std::vector<FoldResult> folds_;
};

}  // namespace

AccuracyReport measure_by_cross_validation(CrossValidationSettings const& settings,
                                           Communicator const& comm) {
  return Validation(settings, comm).run();
}

void cross_validate(CrossValidationSettings const& settings, Communicator const& comm, std::ostream& out) {
  put_report(measure_by_cross_validation(settings, comm), settings.json, settings.csv, comm, out);
}

}  // namespace stfcube
