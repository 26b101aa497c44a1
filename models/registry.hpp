#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stfcube/models/fusion_model.hpp"
#include "stfcube/models/model_options.hpp"

namespace stfcube {

/// Everything a method is made from; the same on every rank.
struct ModelSettings {
  std::vector<std::string> bands = {};         ///< names of the cube's bands, in order
  Quantity quantity = {};                      ///< valid range of predictions
  int ratio = 1;
  int max_pair_gap_days = 90;                  ///< |pair - target| may not exceed this
  int pair_tolerance_days = 0;                 ///< |fine - coarse| within one pair
  int zone_px = 0;                             ///< side of a statistics zone; 0: one set of statistics for the scene
  bool class_map = false;                      ///< FusionInput::classes is there
  bool object_map = false;                     ///< FusionInput::objects is there
  std::filesystem::path weights = {};          ///< of a network; empty: none
  std::map<std::string, std::string> options = {};  ///< "METHOD.OPTION" -> value, of all methods
};

using ModelFactory = std::function<std::unique_ptr<FusionModel>(ModelSettings const&)>;

/// One method, as a line of the registry.
struct ModelEntry {
  std::string summary;               ///< one line
  std::vector<OptionSpec> options;
  ModelFactory make;
  /// Facts with these settings where `make` needs a file of weights; empty for other methods.
  std::function<ModelInfo(ModelSettings const&)> describe = {};

  bool needs_weights() const { return static_cast<bool>(describe); }
};

/// All methods by name. One line per method in registry.cpp; networks come from models/nn.
std::map<std::string, ModelEntry> const& model_registry();

/// @throws Error(config) when there is no such method (naming those that exist) or an option is wrong
std::unique_ptr<FusionModel> make_model(std::string const& name, ModelSettings const& settings);

/// Facts about a method with these settings; a network's without its weights. @throws as make_model
ModelInfo describe_model(std::string const& name, ModelSettings const& settings);

}  // namespace stfcube
