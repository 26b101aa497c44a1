#pragma once

#include <filesystem>
#include <string_view>

namespace stfcube::nn {

/// Writes a file so that its name never stands for a part of it: under another name first, which is synced to
/// disk and renamed.
/// @throws Error(io); the other name is removed then
void write_whole_file(std::filesystem::path const& path, std::string_view bytes);

}  // namespace stfcube::nn
