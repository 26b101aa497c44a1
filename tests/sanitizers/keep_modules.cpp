// Linked into every program that is built with the sanitizers. Open MPI and GDAL unload their plug-ins at the end;
// the leak check, which runs later, could not name the module of a leak then, and no suppression would fit.
#include <dlfcn.h>

extern "C" int dlclose(void*) noexcept {
  return 0;
}
