#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stfcube {

/// Values by key as the user gave them; repeatable keys have several.
using KeyValues = std::map<std::string, std::vector<std::string>>;

/// Reads a job file (INI). `${NAME}` is replaced by the environment.
/// @throws Error(config) for an unreadable file, an unknown key (with line and nearest known key), a key repeated that holds
/// one value, an unset environment variable
KeyValues read_job_file(std::filesystem::path const& path);

/// Where in the job file the key stands that `message` begins with: "job.cfg, line 7"; the file alone when no line, or none
/// for sure, sets the key; "" for a message that begins with no key.
std::string place_in_job_file(std::filesystem::path const& path, std::string const& message);

/// A commented job file with every key, as `stfcube init` prints it: what has a default is commented out.
std::string job_file_template();

/// The job as a canonical text: one "key = value" line per key that is set or has a default, in the order of the table; options of
/// methods other than model.name are left out.
std::string canonical_job(KeyValues const& values);

/// The lines of a canonical job that decide the result: not where and how it runs.
std::string deciding_lines(std::string const& canonical);

/// The keys whose lines differ between two canonical texts, for messages.
std::vector<std::string> differing_keys(std::string const& one, std::string const& other);

}  // namespace stfcube
