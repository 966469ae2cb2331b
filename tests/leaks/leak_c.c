/* SPDX-License-Identifier: Apache-2.0
 * Usage: leak_c MODEL CYCLES */
#include <string.h>

#include "leak.h"
#include "octet/octet.h"

static int Cycle(const char* path) {
  OctetError e;
  OctetTensor t;
  OctetModel* model = octet_model_open(path, &e);
  OctetInterpreter* it = model ? octet_interpreter_create(model, NULL, &e) : NULL;
  int failed = !it || octet_allocate(it, &e) != OCTET_OK || octet_input(it, 0, &t) != OCTET_OK;
  if (!failed) {
    memset(t.data, 1, t.bytes);
    failed = octet_invoke(it, &e) != OCTET_OK;
  }
  octet_interpreter_close(it);
  octet_model_close(model);
  return failed;
}

int main(int argc, char** argv) { return RunCycles("C", argc > 2 ? atoi(argv[2]) : 2000, Cycle, argv[1]); }
