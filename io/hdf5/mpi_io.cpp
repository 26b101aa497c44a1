#include "stfcube/io/hdf5/mpi_io.hpp"

#include <cstring>
#include <string>

#include <mpi.h>

namespace stfcube::hdf5 {
namespace {

/// A control variable of the MPI library that holds text. Absent ones read as not set and take no value.
class TextVariable {
 public:
  explicit TextVariable(char const* name) {
    int index = 0;
    if (MPI_T_cvar_get_index(name, &index) != MPI_SUCCESS) return;
    if (MPI_T_cvar_handle_alloc(index, nullptr, &handle_, &length_) != MPI_SUCCESS)
      handle_ = MPI_T_CVAR_HANDLE_NULL;
  }
  ~TextVariable() {
    if (handle_ != MPI_T_CVAR_HANDLE_NULL) MPI_T_cvar_handle_free(&handle_);
  }
  TextVariable(TextVariable const&) = delete;
  TextVariable& operator=(TextVariable const&) = delete;

  bool is_set() const {
    std::string value(static_cast<std::size_t>(length_) + 1, '\0');
    return handle_ != MPI_T_CVAR_HANDLE_NULL && MPI_T_cvar_read(handle_, value.data()) == MPI_SUCCESS &&
           value[0] != '\0';
  }
  void set(char const* value) {
    if (handle_ != MPI_T_CVAR_HANDLE_NULL) MPI_T_cvar_write(handle_, value);
  }

 private:
  MPI_T_cvar_handle handle_ = MPI_T_CVAR_HANDLE_NULL;
  int length_ = 0;
};

}  // namespace

void choose_collective_io() {
  int provided = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) != MPI_SUCCESS) return;
  {
    TextVariable method("fcoll");
    if (!method.is_set()) method.set("individual");
  }
  MPI_T_finalize();
}

}  // namespace stfcube::hdf5
