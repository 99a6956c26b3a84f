// sandbox/old_calls.h - system calls that newer architectures lack.
#pragma once

#include <initializer_list>

#if defined(__x86_64__)
#define BUZON_OLD_CALLS(...)                                                                                           \
    { __VA_ARGS__ }
#else
#define BUZON_OLD_CALLS(...)                                                                                           \
    std::initializer_list<long> {}
#endif
