/* SPDX-License-Identifier: Apache-2.0
 * The functions of TensorFlow's C API that octet asks for, over one operator: "Double" gives its float32 input times
 * its attribute "times" (an AttrValue with a float, field 4), "Crash" fails, anything else is unknown. Counts what lives. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef struct { int code; char text[200]; } Status;
typedef struct { int type, rank, references; int64_t dims[8]; size_t bytes; void* data; } Tensor;
typedef struct { char name[40]; float times; Tensor* input; } Op;

static int g_alive = 0;
EXPORT int fake_tensorflow_alive(void) { return g_alive; }

static void* New(size_t bytes) { return ++g_alive, calloc(1, bytes); }
static void Delete(void* p) { --g_alive, free(p); }
static void Set(Status* s, int code, const char* text) { s->code = code, snprintf(s->text, sizeof s->text, "%s", text); }
static void Release(Tensor* t) {
  if (--t->references > 0) return;
  free(t->data);
  Delete(t);
}

EXPORT Status* TF_NewStatus(void) { return New(sizeof(Status)); }
EXPORT void TF_DeleteStatus(Status* s) { Delete(s); }
EXPORT int TF_GetCode(const Status* s) { return s->code; }
EXPORT const char* TF_Message(const Status* s) { return s->text; }
EXPORT Tensor* TF_AllocateTensor(int type, const int64_t* dims, int rank, size_t bytes) {
  Tensor* t = New(sizeof *t);
  *t = (Tensor){type, rank, 1, {0}, bytes, malloc(bytes + 1)};
  for (int i = 0; i < rank; ++i) t->dims[i] = dims[i];
  return t;
}
EXPORT void TF_DeleteTensor(Tensor* t) { Release(t); }
EXPORT void* TF_TensorData(const Tensor* t) { return t->data; }
EXPORT size_t TF_TensorByteSize(const Tensor* t) { return t->bytes; }
EXPORT int TF_TensorType(const Tensor* t) { return t->type; }
EXPORT int TF_NumDims(const Tensor* t) { return t->rank; }
EXPORT int64_t TF_Dim(const Tensor* t, int i) { return t->dims[i]; }
EXPORT void* TFE_NewContextOptions(void) { return New(1); }
EXPORT void TFE_DeleteContextOptions(void* o) { Delete(o); }
EXPORT void* TFE_NewContext(const void* options, Status* s) { return (void)options, Set(s, 0, ""), malloc(1); } /* For the rest of the process. */
EXPORT Tensor* TFE_NewTensorHandle(Tensor* t, Status* s) { return Set(s, 0, ""), ++t->references, t; }
EXPORT void TFE_DeleteTensorHandle(Tensor* t) { Release(t); }
EXPORT Tensor* TFE_TensorHandleResolve(Tensor* t, Status* s) { return Set(s, 0, ""), ++t->references, t; }
EXPORT Op* TFE_NewOp(void* context, const char* name, Status* s) {
  (void)context;
  if (strcmp(name, "Double") && strcmp(name, "Crash")) return Set(s, 5, "Op type not registered"), NULL;
  Op* op = New(sizeof *op);
  snprintf(op->name, sizeof op->name, "%s", name);
  op->times = 2;
  return Set(s, 0, ""), op;
}
EXPORT void TFE_DeleteOp(Op* op) { Delete(op); }
EXPORT void TFE_OpAddInput(Op* op, Tensor* t, Status* s) { op->input = t, Set(s, 0, ""); }
EXPORT void TFE_OpSetAttrValueProto(const Op* op, const char* name, const void* proto, size_t bytes, Status* s) {
  const unsigned char* p = proto;
  if (strcmp(name, "times") || bytes != 5 || p[0] != (4 << 3 | 5)) return Set(s, 3, "no such attribute");
  memcpy(&((Op*)op)->times, p + 1, 4);
  Set(s, 0, "");
}
EXPORT void TFE_Execute(Op* op, Tensor** results, int* count, Status* s) {
  if (!strcmp(op->name, "Crash")) return Set(s, 13, "it crashed");
  if (*count < 1 || !op->input) return Set(s, 3, "one input, one output");
  Tensor* y = TF_AllocateTensor(op->input->type, op->input->dims, op->input->rank, op->input->bytes);
  for (size_t i = 0; i < y->bytes / sizeof(float); ++i) ((float*)y->data)[i] = op->times * ((const float*)op->input->data)[i];
  results[0] = y;
  *count = 1;
  Set(s, 0, "");
}
