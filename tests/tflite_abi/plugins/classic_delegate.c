/* SPDX-License-Identifier: Apache-2.0
 * A classic external delegate: float ADD (with its fused relu) and MUL of equal sizes. Options:
 *   fail=create|prepare|replace|init|kernel_prepare|invoke|copy   what goes wrong
 *   split=1    every node in a call of Replace of its own
 *   handles=1  outputs stay "on the device" behind handles until they are asked for
 *   scratch=1  kernels use a tensor that they add
 *   preview=1  the preview must cover what is claimed; log=PATH  a line per call
 */
#include "their_tflite.h"

typedef struct State {
  Delegate delegate;
  char fail[32];
  int split, handles, scratch, preview;
  char log[256];
  float* device[64]; /* Behind handles: copies of outputs. */
  int32_t used;
} State;

typedef struct Kernel {
  State* state;
  int32_t count, scratch;
  int32_t *nodes;
  const Ints *inputs, *outputs;
  float** memory; /* By tensor. */
} Kernel;

static void Log(const State* s, const char* text) {
  FILE* f = s->log[0] ? fopen(s->log, "a") : NULL;
  if (!f) return;
  fprintf(f, "%s\n", text);
  fclose(f);
}

static int32_t Fail(Context* c, const char* text) {
  c->ReportError(c, "%s (%d)", text, 42);
  return ERROR;
}

static void Drop(Context* c, void* data) {
  Kernel* k = data;
  if (!k) return;
  Log(k->state, "free");
  for (size_t i = 0; i < c->tensors_size; ++i) free(k->memory[i]);
  free(k->memory);
  free(k->nodes);
  free(k);
}

static void* Init(Context* c, const char* buffer, size_t length) {
  const DelegateParams* p = (const DelegateParams*)buffer;
  State* s = p->delegate->data;
  if (length != 0) return NULL;
  Log(s, "init");
  if (Is(s->fail, "init")) return (void*)-1;
  Kernel* k = calloc(1, sizeof *k);
  k->state = s;
  k->count = p->nodes->count;
  k->nodes = malloc((size_t)k->count * sizeof(int32_t) + 1);
  memcpy(k->nodes, p->nodes->at, (size_t)k->count * sizeof(int32_t));
  k->inputs = p->inputs;
  k->outputs = p->outputs;
  k->scratch = -1;
  if (s->scratch && c->AddTensors(c, 1, &k->scratch) != OK) return (void*)-1;
  k->memory = calloc(c->tensors_size + 64, sizeof *k->memory);
  return k;
}

static int32_t PrepareKernel(Context* c, Node* node) {
  Kernel* k = node->user_data;
  if (Is(k->state->fail, "kernel_prepare")) return Fail(c, "no memory on the device");
  if (node->inputs->count != k->inputs->count || node->outputs->count != k->outputs->count || node->delegate != &k->state->delegate)
    return Fail(c, "another node");
  for (int32_t i = 0; i < k->count; ++i) {
    Node* n;
    Registration* r;
    if (c->GetNodeAndRegistration(c, k->nodes[i], &n, &r) != OK) return Fail(c, "a node is gone");
    const int32_t out = n->outputs->at[0];
    k->memory[out] = malloc(c->tensors[out].bytes + 1);
  }
  if (k->scratch >= 0) {
    Tensor* t = c->GetTensor(c, k->scratch);
    Ints* dims = malloc(sizeof(int32_t) * 2);
    dims->count = 1;
    dims->at[0] = 1000;
    t->type = FLOAT32;
    t->allocation_type = ARENA_RW;
    if (c->ResizeTensor(c, t, dims) != OK) return ERROR;
  }
  return OK;
}

static const float* Values(const Context* c, const Kernel* k, int32_t tensor) { return k->memory[tensor] ? k->memory[tensor] : c->tensors[tensor].data; }

static int32_t Invoke(Context* c, Node* node) {
  Kernel* k = node->user_data;
  State* s = k->state;
  if (Is(s->fail, "invoke")) return Fail(c, "the device hung");
  if (k->scratch >= 0) memset(c->tensors[k->scratch].data, 1, c->tensors[k->scratch].bytes);
  for (int32_t i = 0; i < k->count; ++i) {
    Node* n;
    Registration* r;
    if (c->GetNodeAndRegistration(c, k->nodes[i], &n, &r) != OK) return ERROR;
    const float *a = Values(c, k, n->inputs->at[0]), *b = Values(c, k, n->inputs->at[1]);
    float* y = k->memory[n->outputs->at[0]];
    const int relu = *(const int32_t*)n->builtin_data == 1; /* The activation is the first field of both. */
    for (size_t e = 0; e < c->tensors[n->outputs->at[0]].bytes / sizeof(float); ++e) {
      y[e] = r->builtin_code == CODE_ADD ? a[e] + b[e] : a[e] * b[e];
      if (relu && y[e] < 0) y[e] = 0;
    }
  }
  for (int32_t i = 0; i < k->outputs->count; ++i) {
    Tensor* t = &c->tensors[k->outputs->at[i]];
    if (!s->handles) {
      memcpy(t->data, k->memory[k->outputs->at[i]], t->bytes);
      continue;
    }
    if (t->buffer_handle < 0) t->buffer_handle = s->used++ % 64;
    s->device[t->buffer_handle] = realloc(s->device[t->buffer_handle], t->bytes);
    memcpy(s->device[t->buffer_handle], k->memory[k->outputs->at[i]], t->bytes);
    t->delegate = &s->delegate;
    t->data_is_stale = 1;
  }
  return OK;
}

static int32_t CopyFrom(Context* c, Delegate* d, int32_t handle, Tensor* t) {
  State* s = d->data;
  if (Is(s->fail, "copy")) return Fail(c, "the bus is broken");
  memcpy(t->data, s->device[handle], t->bytes);
  return OK;
}
static void FreeHandle(Context* c, Delegate* d, int32_t* handle) {
  State* s = d->data;
  (void)c;
  Log(s, "free handle");
  free(s->device[*handle]);
  s->device[*handle] = NULL;
  *handle = -1;
}

static int Takes(const Context* c, const Node* n, const Registration* r) {
  if (r->builtin_code != CODE_ADD && r->builtin_code != CODE_MUL) return 0;
  const Tensor* y = &c->tensors[n->outputs->at[0]];
  for (int32_t i = 0; i < 2; ++i)
    if (c->tensors[n->inputs->at[i]].type != FLOAT32 || c->tensors[n->inputs->at[i]].bytes != y->bytes) return 0;
  return n->builtin_data && *(const int32_t*)n->builtin_data <= 1;
}

static int32_t Prepare(Context* c, Delegate* d) {
  State* s = d->data;
  Ints* plan;
  Log(s, "prepare");
  if (Is(s->fail, "prepare")) return Fail(c, "the firmware is too old");
  if (c->GetExecutionPlan(c, &plan) != OK) return ERROR;
  Ints* mine = calloc((size_t)plan->count + 2, sizeof(int32_t));
  for (int32_t i = 0; i < plan->count; ++i) {
    Node* n;
    Registration* r;
    if (c->GetNodeAndRegistration(c, plan->at[i], &n, &r) != OK) return ERROR;
    if (Takes(c, n, r)) mine->at[mine->count++] = plan->at[i];
  }
  int32_t status = OK, count = 0, covered = 0;
  if (s->preview) {
    DelegateParams* parts;
    status = c->Preview(c, mine, &parts, &count);
    for (int32_t i = 0; i < count; ++i) covered += parts[i].nodes->count;
    if (covered != mine->count) status = Fail(c, "the preview leaves nodes out");
  }
  Registration kernel = {Init, Drop, PrepareKernel, Invoke, NULL, 51, "ClassicPlugin", 1, NULL, NULL, 0};
  if (Is(s->fail, "replace")) mine->at[0] = 12345;
  for (int32_t i = 0; status == OK && s->split && i < mine->count; ++i) {
    Ints* one = calloc(2, sizeof(int32_t));
    one->count = 1;
    one->at[0] = mine->at[i];
    status = c->Replace(c, kernel, one, d);
    free(one);
  }
  if (status == OK && !s->split) status = c->Replace(c, kernel, mine, d);
  free(mine);
  return status;
}

PLUGIN Delegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values, size_t count, void (*report)(const char*)) {
  State* s = calloc(1, sizeof *s);
  for (size_t i = 0; i < count; ++i) {
    if (Is(keys[i], "fail")) snprintf(s->fail, sizeof s->fail, "%s", values[i]);
    else if (Is(keys[i], "split")) s->split = atoi(values[i]);
    else if (Is(keys[i], "handles")) s->handles = atoi(values[i]);
    else if (Is(keys[i], "scratch")) s->scratch = atoi(values[i]);
    else if (Is(keys[i], "preview")) s->preview = atoi(values[i]);
    else if (Is(keys[i], "log")) snprintf(s->log, sizeof s->log, "%s", values[i]);
    else snprintf(s->fail, sizeof s->fail, "create");
  }
  if (Is(s->fail, "create")) {
    report("no such device in this machine");
    free(s);
    return NULL;
  }
  s->delegate = (Delegate){s, Prepare, CopyFrom, NULL, FreeHandle, 0, NULL};
  return &s->delegate;
}

PLUGIN void tflite_plugin_destroy_delegate(Delegate* d) {
  if (!d) return;
  Log(d->data, "destroy");
  free(d->data);
}
