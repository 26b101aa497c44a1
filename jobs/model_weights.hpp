#pragma once

#include <filesystem>

#include "stfcube/jobs/job_file.hpp"

namespace stfcube {

/// A job that names a file of weights, or a network whose weights come with stfcube, completed by what the
/// file says: model.name where the job has none, model.weights likewise, and the file's checksum
/// (model.weights_sha256), which is part of the job. Any other job as it is.
/// @param folder  the job file's folder @throws Error(config) when the job expects another checksum;
/// Error(data) for a damaged file; Error(io)
KeyValues with_weights(KeyValues values, std::filesystem::path const& folder);

}  // namespace stfcube
