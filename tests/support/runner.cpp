// support/runner.cpp - Catch2's runner, for a Catch2 2 of which only the headers are installed.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
