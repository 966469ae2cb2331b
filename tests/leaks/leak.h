/* SPDX-License-Identifier: Apache-2.0
 * Cycles of create, run, close must leave memory flat: it is measured after a fifth of them and at the end. */
#ifndef OCTET_TESTS_LEAKS_LEAK_H_
#define OCTET_TESTS_LEAKS_LEAK_H_

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static long ResidentKilobytes(void) {
  long size = 0, resident = 0;
  FILE* f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2) abort();
  fclose(f);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Returns main's exit code. `cycle` returns 0 when all went well. */
static int RunCycles(const char* what, int count, int (*cycle)(const char* model), const char* model) {
  long early = 0;
  for (int i = 0; i < count; ++i) {
    if (cycle(model)) return fprintf(stderr, "%s: cycle %d failed\n", what, i), 1;
    if (i == count / 5) early = ResidentKilobytes();
  }
  const long late = ResidentKilobytes();
  printf("%s: %d cycles of create, run, close; resident %ld kB after a fifth, %ld kB at the end\n", what, count, early, late);
  return late - early > 1024;
}

#endif
