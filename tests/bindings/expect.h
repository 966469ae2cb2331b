// SPDX-License-Identifier: Apache-2.0
// For programs that see octet as its users do, without a test library: what must hold is counted, and said where it does not.
#pragma once
#include <cstdio>

inline int g_failed = 0;

#define EXPECT(condition)                                                           \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      ++g_failed;                                                                   \
    }                                                                               \
  } while (false)
