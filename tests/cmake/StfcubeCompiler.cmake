# Language level, warnings, and the two helpers every folder uses.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(stfcube_flags INTERFACE)
# Results must not depend on where the compiler fuses a multiplication with an addition (docs/decisions/0002).
target_compile_options(stfcube_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(stfcube_flags INTERFACE -Wno-restrict)  # false alarms on std::string, GCC bug 105329
endif()
if(STFCUBE_WARNINGS_AS_ERRORS)
  target_compile_options(stfcube_flags INTERFACE -Werror)
endif()
if(STFCUBE_SANITIZE)
  set(checks -fsanitize=address,undefined,float-cast-overflow)
  target_compile_options(stfcube_flags INTERFACE ${checks} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(stfcube_flags INTERFACE ${checks})
  target_sources(stfcube_flags INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:${PROJECT_SOURCE_DIR}/tests/sanitizers/keep_modules.cpp>)
endif()
if(STFCUBE_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(stfcube_flags INTERFACE _GLIBCXX_ASSERTIONS=1)
endif()

# `#include "stfcube/io/scene.hpp"` is spelled alike in the tree and from an install: one link per folder.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include/stfcube)

# stfcube_library(NAME SOURCES ... [PUBLIC targets] [PRIVATE targets]): the target stfcube::NAME of one folder.
function(stfcube_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(stfcube_${name} STATIC ${arg_SOURCES})
  add_library(stfcube::${name} ALIAS stfcube_${name})
  target_include_directories(stfcube_${name} PUBLIC ${CMAKE_BINARY_DIR}/include)
  target_link_libraries(stfcube_${name} PUBLIC ${arg_PUBLIC} PRIVATE stfcube_flags ${arg_PRIVATE})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_BINARY_DIR}/include/stfcube/${folder} SYMBOLIC)
endfunction()
