// support/runner.cpp - Catch2's runner, for a Catch2 2 installation that has only headers.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
