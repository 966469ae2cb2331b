/* SPDX-License-Identifier: Apache-2.0
 * C: cc run.c -loctet && ./a.out model.tflite        (fills the first input with zeros, prints the first output) */
#include <octet/octet.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
  OctetError e;
  OctetTensor t;
  OctetModel* model = octet_model_open(argc > 1 ? argv[1] : "model.tflite", &e);
  OctetInterpreter* it = model ? octet_interpreter_create(model, NULL, &e) : NULL;
  if (!it || octet_allocate(it, &e) != OCTET_OK) return fprintf(stderr, "%s\n", e.text), 1;
  octet_input(it, 0, &t);
  memset(t.data, 0, t.bytes);
  if (octet_invoke(it, &e) != OCTET_OK) return fprintf(stderr, "%s\n", e.text), 1;
  octet_output(it, 0, &t);
  printf("%s: %zu bytes, first value %g\n", t.name, t.bytes, ((float*)t.data)[0]);
  octet_interpreter_close(it);
  octet_model_close(model);
  return 0;
}
