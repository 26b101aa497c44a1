#include "stfcube/partitioning/core/error.hpp"

#include <new>

namespace stfcube {

int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::config:
    case ErrorKind::resource:
      return 2;
    case ErrorKind::data:
      return 3;
    default:
      return 1;
  }
}

Error::Error(ErrorKind kind, std::string message, std::source_location where)
    : kind_(kind), message_(std::move(message)), where_(where) {}

Error Error::with(std::string const& context) const {
  Error copy = *this;
  copy.message_ = context + ": " + message_;
  return copy;
}

Error Error::as_agreed() const {
  Error copy = *this;
  copy.agreed_ = true;
  return copy;
}

void require(bool condition, ErrorKind kind, std::string const& message, std::source_location where) {
  if (!condition) throw Error(kind, message, where);
}

void ensure(bool condition, char const* what, std::source_location where) {
  if (!condition) throw Error(ErrorKind::internal, std::string("internal check failed: ") + what, where);
}

Error current_error() {
  try {
    throw;
  } catch (Error const& error) {
    return error;
  } catch (std::bad_alloc const&) {
    return Error(ErrorKind::resource,
                 "out of memory. Give the job more memory per rank, or set run.memory, run.tile or run.slab lower.");
  } catch (std::exception const& error) {
    return Error(ErrorKind::internal, error.what());
  } catch (...) {
    return Error(ErrorKind::internal, "unknown exception");
  }
}

}  // namespace stfcube
