/* SPDX-License-Identifier: Apache-2.0
 * Nanoseconds per TfLiteInterpreterInvoke through whichever libtensorflowlite_c is named: the best of many short rounds.
 * Usage: overhead LIBRARY MODEL */
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

#include "tensorflow/lite/c/c_api.h"

static double Now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char** argv) {
  void* library = argc > 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  if (!library) return fprintf(stderr, "usage: overhead LIBRARY MODEL (%s)\n", argc > 2 ? dlerror() : "arguments"), 1;
#define GET(name) __typeof__(&name) p##name = (__typeof__(&name))dlsym(library, #name)
  GET(TfLiteModelCreateFromFile);
  GET(TfLiteInterpreterCreate);
  GET(TfLiteInterpreterAllocateTensors);
  GET(TfLiteInterpreterInvoke);
  TfLiteModel* model = pTfLiteModelCreateFromFile(argv[2]);
  TfLiteInterpreter* it = model ? pTfLiteInterpreterCreate(model, NULL) : NULL;
  if (!it || pTfLiteInterpreterAllocateTensors(it) != kTfLiteOk) return 1;
  double best = 1e30;
  for (int round = 0; round < 200; ++round) {
    const double start = Now();
    for (int i = 0; i < 2000; ++i)
      if (pTfLiteInterpreterInvoke(it) != kTfLiteOk) return 1;
    const double each = (Now() - start) / 2000;
    if (each < best) best = each;
  }
  printf("%.0f\n", best);
  return 0;
}
