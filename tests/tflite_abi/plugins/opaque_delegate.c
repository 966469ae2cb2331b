/* SPDX-License-Identifier: Apache-2.0
 * The same through the opaque interface: nothing of any structure is known but the builder's, everything else is asked
 * for by function, and the functions are the host's. Options: fail=prepare|init|kernel_prepare|invoke. */
#include "their_tflite.h"

typedef struct OContext OContext;
typedef struct ONode ONode;
typedef struct OTensor OTensor;
typedef struct ODelegate ODelegate;
typedef struct OOperator OOperator;
typedef struct { /* 48 bytes */
  void* data;
  int32_t (*Prepare)(OContext*, ODelegate*, void*);
  int32_t (*CopyFrom)(OContext*, ODelegate*, void*, int32_t, OTensor*);
  int32_t (*CopyTo)(OContext*, ODelegate*, void*, int32_t, OTensor*);
  void (*FreeHandle)(OContext*, ODelegate*, void*, int32_t*);
  int64_t flags;
} Builder;
typedef struct { /* 40 bytes */
  ODelegate* delegate;
  void* delegate_data;
  Ints *nodes, *inputs, *outputs;
} OParams;

extern ODelegate* TfLiteOpaqueDelegateCreate(const Builder*);
extern void TfLiteOpaqueDelegateDelete(ODelegate*);
extern void* TfLiteOpaqueDelegateGetData(const ODelegate*);
extern int32_t TfLiteOpaqueContextGetExecutionPlan(OContext*, Ints**);
extern int32_t TfLiteOpaqueContextGetNodeAndRegistration(OContext*, int, ONode**, OOperator**);
extern int32_t TfLiteOpaqueContextReplaceNodeSubsetsWithDelegateKernels(OContext*, OOperator*, const Ints*, ODelegate*);
extern OTensor* TfLiteOpaqueContextGetOpaqueTensor(const OContext*, int);
extern void TfLiteOpaqueContextReportError(OContext*, const char*, ...);
extern size_t TfLiteOpaqueContextGetNumTensors(const OContext*);
extern int32_t TfLiteOpaqueContextGetInputs(const OContext*, const int**, int*);
extern OOperator* TfLiteOperatorCreate(int32_t, const char*, int, void*);
extern void TfLiteOperatorSetInitWithData(OOperator*, void* (*)(void*, OContext*, const char*, size_t));
extern void TfLiteOperatorSetFreeWithData(OOperator*, void (*)(void*, OContext*, void*));
extern void TfLiteOperatorSetPrepareWithData(OOperator*, int32_t (*)(void*, OContext*, ONode*));
extern void TfLiteOperatorSetInvokeWithData(OOperator*, int32_t (*)(void*, OContext*, ONode*));
extern int32_t TfLiteOperatorGetBuiltInCode(const OOperator*);
extern void* TfLiteOpaqueNodeGetUserData(const ONode*);
extern void* TfLiteOpaqueNodeGetBuiltinData(const ONode*);
extern int32_t TfLiteOpaqueNodeInputs(const ONode*, const int**, int*);
extern int32_t TfLiteOpaqueNodeOutputs(const ONode*, const int**, int*);
extern size_t TfLiteOpaqueTensorByteSize(const OTensor*);
extern void* TfLiteOpaqueTensorData(const OTensor*);
extern int32_t TfLiteOpaqueTensorType(const OTensor*);

typedef struct State {
  char fail[32];
} State;
typedef struct Kernel {
  State* state;
  OParams part;
  float** memory;
  size_t tensors;
} Kernel;

static int32_t Fail(OContext* c, const char* text) {
  TfLiteOpaqueContextReportError(c, "%s", text);
  return ERROR;
}
static size_t BytesOf(const OContext* c, int t) { return TfLiteOpaqueTensorByteSize(TfLiteOpaqueContextGetOpaqueTensor(c, t)); }

static int Ends(const ONode* n, const int** in, const int** out) {
  int ni = 0, no = 0;
  return TfLiteOpaqueNodeInputs(n, in, &ni) == OK && TfLiteOpaqueNodeOutputs(n, out, &no) == OK && ni == 2 && no == 1;
}

static void* Init(void* data, OContext* c, const char* buffer, size_t length) {
  State* s = data;
  (void)length;
  if (Is(s->fail, "init")) return (void*)-1;
  Kernel* k = calloc(1, sizeof *k);
  k->state = s;
  k->part = *(const OParams*)buffer;
  if (k->part.delegate_data != s || TfLiteOpaqueDelegateGetData(k->part.delegate) != s) return (void*)-1;
  k->tensors = TfLiteOpaqueContextGetNumTensors(c);
  k->memory = calloc(k->tensors, sizeof *k->memory);
  return k;
}
static void Drop(void* data, OContext* c, void* kernel) {
  Kernel* k = kernel;
  (void)data, (void)c;
  for (size_t i = 0; k && i < k->tensors; ++i) free(k->memory[i]);
  if (k) free(k->memory);
  free(k);
}
static int32_t PrepareKernel(void* data, OContext* c, ONode* node) {
  Kernel* k = TfLiteOpaqueNodeGetUserData(node);
  (void)data;
  if (Is(k->state->fail, "kernel_prepare")) return Fail(c, "no memory on the device");
  for (int32_t i = 0; i < k->part.nodes->count; ++i) {
    ONode* n;
    OOperator* op;
    const int *in, *out;
    if (TfLiteOpaqueContextGetNodeAndRegistration(c, k->part.nodes->at[i], &n, &op) != OK || !Ends(n, &in, &out)) return ERROR;
    k->memory[out[0]] = malloc(BytesOf(c, out[0]) + 1);
  }
  return OK;
}
static int32_t Invoke(void* data, OContext* c, ONode* node) {
  Kernel* k = TfLiteOpaqueNodeGetUserData(node);
  (void)data;
  if (Is(k->state->fail, "invoke")) return Fail(c, "the device hung");
  for (int32_t i = 0; i < k->part.nodes->count; ++i) {
    ONode* n;
    OOperator* op;
    const int *in, *out;
    if (TfLiteOpaqueContextGetNodeAndRegistration(c, k->part.nodes->at[i], &n, &op) != OK || !Ends(n, &in, &out)) return ERROR;
    const float *a = k->memory[in[0]], *b = k->memory[in[1]];
    if (!a) a = TfLiteOpaqueTensorData(TfLiteOpaqueContextGetOpaqueTensor(c, in[0]));
    if (!b) b = TfLiteOpaqueTensorData(TfLiteOpaqueContextGetOpaqueTensor(c, in[1]));
    const int relu = *(const int32_t*)TfLiteOpaqueNodeGetBuiltinData(n) == 1;
    for (size_t e = 0; e < BytesOf(c, out[0]) / sizeof(float); ++e) {
      float y = TfLiteOperatorGetBuiltInCode(op) == CODE_ADD ? a[e] + b[e] : a[e] * b[e];
      k->memory[out[0]][e] = relu && y < 0 ? 0 : y;
    }
  }
  for (int32_t i = 0; i < k->part.outputs->count; ++i) {
    const int t = k->part.outputs->at[i];
    memcpy(TfLiteOpaqueTensorData(TfLiteOpaqueContextGetOpaqueTensor(c, t)), k->memory[t], BytesOf(c, t));
  }
  return OK;
}

static int32_t Prepare(OContext* c, ODelegate* d, void* data) {
  State* s = data;
  Ints* plan;
  const int* inputs;
  int num_inputs = 0;
  if (Is(s->fail, "prepare")) return Fail(c, "the firmware is too old");
  if (TfLiteOpaqueContextGetExecutionPlan(c, &plan) != OK || TfLiteOpaqueContextGetInputs(c, &inputs, &num_inputs) != OK || num_inputs < 1) return ERROR;
  Ints* mine = calloc((size_t)plan->count + 1, sizeof(int32_t));
  for (int32_t i = 0; i < plan->count; ++i) {
    ONode* n;
    OOperator* op;
    const int *in, *out;
    if (TfLiteOpaqueContextGetNodeAndRegistration(c, plan->at[i], &n, &op) != OK) return ERROR;
    const int32_t code = TfLiteOperatorGetBuiltInCode(op);
    if ((code != CODE_ADD && code != CODE_MUL) || !Ends(n, &in, &out)) continue;
    if (BytesOf(c, in[0]) != BytesOf(c, out[0]) || BytesOf(c, in[1]) != BytesOf(c, out[0])) continue;
    if (TfLiteOpaqueTensorType(TfLiteOpaqueContextGetOpaqueTensor(c, out[0])) == FLOAT32) mine->at[mine->count++] = plan->at[i];
  }
  OOperator* kernel = TfLiteOperatorCreate(51, "OpaquePlugin", 1, s);
  TfLiteOperatorSetInitWithData(kernel, Init);
  TfLiteOperatorSetFreeWithData(kernel, Drop);
  TfLiteOperatorSetPrepareWithData(kernel, PrepareKernel);
  TfLiteOperatorSetInvokeWithData(kernel, Invoke);
  const int32_t status = TfLiteOpaqueContextReplaceNodeSubsetsWithDelegateKernels(c, kernel, mine, d);
  free(mine);
  return status;
}

PLUGIN ODelegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values, size_t count, void (*report)(const char*)) {
  State* s = calloc(1, sizeof *s);
  (void)report;
  for (size_t i = 0; i < count; ++i)
    if (Is(keys[i], "fail")) snprintf(s->fail, sizeof s->fail, "%s", values[i]);
  const Builder builder = {s, Prepare, NULL, NULL, NULL, 0};
  return TfLiteOpaqueDelegateCreate(&builder);
}
PLUGIN void tflite_plugin_destroy_delegate(ODelegate* d) {
  if (!d) return;
  free(TfLiteOpaqueDelegateGetData(d));
  TfLiteOpaqueDelegateDelete(d);
}
