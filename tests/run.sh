#!/bin/bash
# Installs what is missing, builds the release preset and runs the whole test suite.
# Usage: tests/run.sh [CTEST OPTIONS]     for example: tests/run.sh -L models; tests/run.sh -L fault kills many runs
set -euo pipefail
exec </dev/null

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tests/install_dependencies.sh

# Checkouts in different places share their compiled files.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
# mpirun wants to be told that root is meant.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

cmake --preset release
cmake --build --preset release
# Tests on several ranks say how many processors they take; CTest counts them against these two.
# Without options the ordinary suite runs: not the minutes of kills under the label fault.
if [ $# -eq 0 ]; then set -- -LE fault; fi
ctest --preset release --no-tests=error -j 2 "$@"
