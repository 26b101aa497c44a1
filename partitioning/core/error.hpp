#pragma once

#include <exception>
#include <source_location>
#include <string>

namespace stfcube {

/// What went wrong, in terms of who can mend it. Decides the exit status (docs/interface: exit codes).
enum class ErrorKind {
  config,    ///< command line or job file
  data,      ///< input data unusable
  io,        ///< reading or writing failed at run time
  mpi,       ///< a message-passing call failed
  model,     ///< a fusion method could not do its work
  resource,  ///< memory or disk space too small for the job as asked
  internal,  ///< our own fault
};

/// Exit status of the program: 2 for config and resource, 3 for data, 1 for the rest.
int exit_status(ErrorKind kind);

/// The one exception type of stfcube. The message says the problem, the reason and the way out.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::source_location where = std::source_location::current());

  char const* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const { return kind_; }
  std::source_location const& where() const { return where_; }

  /// Whether every rank throws this error together (Communicator::agree). One that only this rank knows must end the others.
  bool agreed() const { return agreed_; }
  Error as_agreed() const;

  /// The same error with `context` in front ("tile x012y044, 2021-06-03: ...").
  Error with(std::string const& context) const;

 private:
  ErrorKind kind_;
  std::string message_;
  std::source_location where_;
  bool agreed_ = false;
};

/// Always on; for everything that comes from outside. @throws Error(kind) when `condition` is false.
void require(bool condition, ErrorKind kind, std::string const& message,
             std::source_location where = std::source_location::current());

/// A check of our own logic. @throws Error(internal).
void ensure(bool condition, char const* what, std::source_location where = std::source_location::current());

/// The error that is being handled, as an Error; anything foreign becomes ErrorKind::internal.
/// Call it inside a catch block only.
Error current_error();

}  // namespace stfcube
