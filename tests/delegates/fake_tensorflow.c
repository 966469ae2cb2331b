/* SPDX-License-Identifier: Apache-2.0
 * The functions of TensorFlow's C API that octet asks for, over a few operators: "Double" gives its float32 input times
 * its attribute "times" (an AttrValue with a float, field 4); "Twice" writes every string twice; "Box" makes a resource, "Put" stores
 * a float32 tensor in one and "Take" gives it; "Crash" fails, anything else is unknown. Counts what lives. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef struct { int code; char text[200]; } Status;
typedef struct { char* text; size_t size, unused; } String;
typedef void (*Deallocator)(void*, size_t, void*);
typedef struct Tensor { int type, rank, references; int64_t dims[8]; size_t bytes; void* data; Deallocator deallocator; void* owner; struct Tensor* content; } Tensor;
typedef struct { char name[40]; float times; Tensor* inputs[2]; int count; } Op;
enum { kString = 7, kResource = 20 };

static int g_alive = 0;
EXPORT int fake_tensorflow_alive(void) { return g_alive; }

static void* New(size_t bytes) { return ++g_alive, calloc(1, bytes); }
static void Delete(void* p) { --g_alive, free(p); }
static void Set(Status* s, int code, const char* text) { s->code = code, snprintf(s->text, sizeof s->text, "%s", text); }
static void Release(Tensor* t) {
  if (--t->references > 0) return;
  if (t->content) Release(t->content);
  if (t->deallocator) t->deallocator(t->data, t->bytes, t->owner);
  else free(t->data);
  Delete(t);
}

EXPORT Status* TF_NewStatus(void) { return New(sizeof(Status)); }
EXPORT void TF_DeleteStatus(Status* s) { Delete(s); }
EXPORT int TF_GetCode(const Status* s) { return s->code; }
EXPORT const char* TF_Message(const Status* s) { return s->text; }
EXPORT Tensor* TF_AllocateTensor(int type, const int64_t* dims, int rank, size_t bytes) {
  Tensor* t = New(sizeof *t);
  *t = (Tensor){.type = type, .rank = rank, .references = 1, .bytes = bytes, .data = malloc(bytes + 1)};
  for (int i = 0; i < rank; ++i) t->dims[i] = dims[i];
  return t;
}
EXPORT Tensor* TF_NewTensor(int type, const int64_t* dims, int rank, void* data, size_t bytes, Deallocator deallocator, void* owner) {
  Tensor* t = TF_AllocateTensor(type, dims, rank, 0);
  free(t->data);
  t->data = data, t->bytes = bytes, t->deallocator = deallocator, t->owner = owner;
  return t;
}
EXPORT void TF_StringInit(String* s) { s->text = NULL, s->size = 0; }
EXPORT void TF_StringCopy(String* s, const char* text, size_t size) {
  s->text = New(size + 1), s->size = size;
  if (size) memcpy(s->text, text, size);
}
EXPORT void TF_StringDealloc(String* s) {
  if (s->text) Delete(s->text);
  TF_StringInit(s);
}
EXPORT const char* TF_StringGetDataPointer(const String* s) { return s->text; }
EXPORT size_t TF_StringGetSize(const String* s) { return s->size; }
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
  if (!strstr("Double Twice Box Put Take Crash", name)) return Set(s, 5, "Op type not registered"), NULL;
  Op* op = New(sizeof *op);
  snprintf(op->name, sizeof op->name, "%s", name);
  op->times = 2;
  return Set(s, 0, ""), op;
}
EXPORT void TFE_DeleteOp(Op* op) { Delete(op); }
EXPORT void TFE_OpAddInput(Op* op, Tensor* t, Status* s) { op->inputs[op->count++ & 1] = t, Set(s, 0, ""); }
EXPORT void TFE_OpSetAttrValueProto(const Op* op, const char* name, const void* proto, size_t bytes, Status* s) {
  const unsigned char* p = proto;
  if (strcmp(name, "times") || bytes != 5 || p[0] != (4 << 3 | 5)) return Set(s, 3, "no such attribute");
  memcpy(&((Op*)op)->times, p + 1, 4);
  Set(s, 0, "");
}
static void FreeStrings(void* data, size_t bytes, void* owner) {
  (void)owner;
  for (size_t i = 0; i < bytes / sizeof(String); ++i) TF_StringDealloc((String*)data + i);
  free(data);
}
static Tensor* Twice(const Tensor* x) {
  const size_t count = x->bytes / sizeof(String);
  String* list = calloc(count + 1, sizeof(String));
  for (size_t i = 0; i < count; ++i) {
    const String* from = (const String*)x->data + i;
    list[i].text = New(2 * from->size + 1), list[i].size = 2 * from->size;
    memcpy(list[i].text, from->text, from->size);
    memcpy(list[i].text + from->size, from->text, from->size);
  }
  return TF_NewTensor(kString, x->dims, x->rank, list, x->bytes, FreeStrings, NULL);
}
static Tensor* Double(const Op* op, const Tensor* x) {
  Tensor* y = TF_AllocateTensor(x->type, x->dims, x->rank, x->bytes);
  for (size_t i = 0; i < y->bytes / sizeof(float); ++i) ((float*)y->data)[i] = op->times * ((const float*)x->data)[i];
  return y;
}
EXPORT void TFE_Execute(Op* op, Tensor** results, int* count, Status* s) {
  Tensor *x = op->inputs[0], *y = NULL;
  if (!strcmp(op->name, "Crash")) return Set(s, 13, "it crashed");
  if (!strcmp(op->name, "Box") && op->count == 0) y = TF_AllocateTensor(kResource, NULL, 0, 1);
  else if (!strcmp(op->name, "Put") && op->count == 2 && x->type == kResource) {
    if (x->content) Release(x->content);
    x->content = op->inputs[1], ++x->content->references;
  } else if (!strcmp(op->name, "Take") && op->count == 1 && x->type == kResource && x->content) y = x->content, ++y->references;
  else if (!strcmp(op->name, "Twice") && op->count == 1 && x->type == kString) y = Twice(x);
  else if (!strcmp(op->name, "Double") && op->count == 1 && x->type == 1) y = Double(op, x);
  else return Set(s, 3, "inputs that it does not take");
  if (y && *count < 1) return Release(y), Set(s, 3, "one output");
  if (y) results[0] = y;
  *count = y ? 1 : 0;
  Set(s, 0, "");
}
