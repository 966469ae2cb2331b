/* SPDX-License-Identifier: Apache-2.0
 * Stands in for Android's libneuralnetworks.so: checks that calls come in the order and with the operands that NNAPI's
 * documentation asks for, and executes float ADD, MUL, CONV_2D, FULLY_CONNECTED, MAX_POOL_2D, RELU, TANH and RESHAPE.
 * standin_fail(NAME) makes one function answer an error; standin_alive() counts objects that are not freed. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
enum { OK = 0, BAD_DATA = 4, OP_FAILED = 5, BAD_STATE = 6 };
enum { ADD = 0, CONV = 3, FULLY_CONNECTED = 9, MAX_POOL = 17, MUL = 18, RELU = 19, RESHAPE = 22, TANH = 28 };
enum { FLOAT32 = 0, INT32 = 1, TENSOR_FLOAT32 = 3, TENSOR_INT32 = 4, BOOL = 6 };

typedef struct { int32_t type; uint32_t rank; const uint32_t* dims; float scale; int32_t zero; } OperandType;
typedef struct { int32_t type; uint32_t rank, dims[4]; const void* value; size_t bytes; char small[128]; float* memory; } Operand;
typedef struct { int32_t code; uint32_t num_in, num_out, in[16], out[2]; } Operation;
typedef struct { Operand operands[256]; Operation operations[64]; uint32_t num_operands, num_operations, num_in, num_out, in[16], out[16]; bool finished, relaxed; } Model;
typedef struct { Model* model; bool finished; int32_t preference; } Compilation;
typedef struct { Compilation* compilation; const void* in[16]; void* out[16]; } Execution;
typedef struct { const char* name; } Device;

static int g_alive, g_computed;
static char g_fail[64];
static Device g_devices[] = {{"standin-npu"}, {"standin-weak"}, {"nnapi-reference"}};
EXPORT int standin_alive(void) { return g_alive; }
EXPORT int standin_computed(void) { return g_computed; }
EXPORT void standin_fail(const char* name) { strncpy(g_fail, name, sizeof g_fail - 1); }
#define FAIL_IF_ASKED(name) if (!strcmp(g_fail, name)) return OP_FAILED

static void* New(size_t bytes) { return ++g_alive, calloc(1, bytes); }
static void Delete(void* p) { if (p) --g_alive, free(p); }
static size_t Count(const Operand* o) {
  size_t n = 1;
  for (uint32_t i = 0; i < o->rank; ++i) n *= o->dims[i];
  return n;
}
static size_t BytesOf(const Operand* o) { return Count(o) * (o->type == BOOL ? 1 : 4); }

EXPORT int ANeuralNetworksModel_create(Model** m) { FAIL_IF_ASKED("Model_create"); return *m = New(sizeof(Model)), OK; }
EXPORT void ANeuralNetworksModel_free(Model* m) {
  for (uint32_t i = 0; m && i < m->num_operands; ++i) free(m->operands[i].memory);
  Delete(m);
}
EXPORT int ANeuralNetworksModel_addOperand(Model* m, const OperandType* t) {
  FAIL_IF_ASKED("Model_addOperand");
  if (m->finished || m->num_operands == 256 || t->rank > 4) return BAD_STATE;
  Operand* o = &m->operands[m->num_operands++];
  o->type = t->type;
  o->rank = t->rank;
  for (uint32_t i = 0; i < t->rank; ++i) o->dims[i] = t->dims[i];
  return OK;
}
/* As there: small values are copied, large ones must live as long as the model. */
EXPORT int ANeuralNetworksModel_setOperandValue(Model* m, int32_t i, const void* value, size_t bytes) {
  if (m->finished || (uint32_t)i >= m->num_operands || bytes != BytesOf(&m->operands[i])) return BAD_DATA;
  Operand* o = &m->operands[i];
  o->bytes = bytes;
  if (bytes <= sizeof o->small) o->value = memcpy(o->small, value, bytes);
  else o->value = value;
  return OK;
}
EXPORT int ANeuralNetworksModel_addOperation(Model* m, int32_t code, uint32_t num_in, const uint32_t* in, uint32_t num_out, const uint32_t* out) {
  static const struct { int32_t code; uint32_t inputs; } kKnown[] = {{ADD, 3}, {MUL, 3}, {CONV, 10}, {FULLY_CONNECTED, 4}, {MAX_POOL, 7}, {RELU, 1},
                                                                     {RESHAPE, 2}, {TANH, 1}};
  bool known = false;
  for (size_t i = 0; i < sizeof kKnown / sizeof *kKnown; ++i) known |= kKnown[i].code == code && kKnown[i].inputs == num_in;
  if (m->finished || !known || num_out != 1 || m->num_operations == 64) return BAD_DATA;
  Operation* o = &m->operations[m->num_operations++];
  o->code = code, o->num_in = num_in, o->num_out = num_out;
  memcpy(o->in, in, num_in * sizeof *in);
  memcpy(o->out, out, num_out * sizeof *out);
  return OK;
}
EXPORT int ANeuralNetworksModel_identifyInputsAndOutputs(Model* m, uint32_t num_in, const uint32_t* in, uint32_t num_out, const uint32_t* out) {
  if (m->finished || num_in > 16 || num_out > 16) return BAD_STATE;
  m->num_in = num_in, m->num_out = num_out;
  memcpy(m->in, in, num_in * sizeof *in);
  memcpy(m->out, out, num_out * sizeof *out);
  return OK;
}
EXPORT int ANeuralNetworksModel_relaxComputationFloat32toFloat16(Model* m, bool allow) { return m->relaxed = allow, OK; }
EXPORT int ANeuralNetworksModel_finish(Model* m) {
  FAIL_IF_ASKED("Model_finish");
  if (m->finished || m->num_out == 0) return BAD_STATE;
  return m->finished = true, OK;
}
EXPORT int ANeuralNetworks_getDeviceCount(uint32_t* n) { return *n = 3, OK; }
EXPORT int ANeuralNetworks_getDevice(uint32_t i, Device** d) { return *d = &g_devices[i], OK; }
EXPORT int ANeuralNetworksDevice_getName(const Device* d, const char** name) { return *name = d->name, OK; }
EXPORT int ANeuralNetworksModel_getSupportedOperationsForDevices(const Model* m, const Device* const* d, uint32_t n, bool* supported) {
  if (!m->finished || n < 1) return BAD_STATE;
  for (uint32_t i = 0; i < m->num_operations; ++i) supported[i] = d[0] == &g_devices[0] || m->operations[i].code == ADD;
  return OK;
}
EXPORT int ANeuralNetworksCompilation_create(Model* m, Compilation** c) {
  FAIL_IF_ASKED("Compilation_create");
  if (!m->finished) return BAD_STATE;
  *c = New(sizeof **c);
  (*c)->model = m;
  return OK;
}
/* Nobody asks for the processor by name. */
EXPORT int ANeuralNetworksCompilation_createForDevices(Model* m, const Device* const* d, uint32_t n, Compilation** c) {
  for (uint32_t i = 0; i < n; ++i)
    if (d[i] == &g_devices[2]) return 4;
  return ANeuralNetworksCompilation_create(m, c);
}
EXPORT void ANeuralNetworksCompilation_free(Compilation* c) { Delete(c); }
EXPORT int ANeuralNetworksCompilation_setPreference(Compilation* c, int32_t p) { return p < 0 || p > 2 || c->finished ? BAD_DATA : (c->preference = p, OK); }
EXPORT int ANeuralNetworksCompilation_finish(Compilation* c) { FAIL_IF_ASKED("Compilation_finish"); return c->finished ? BAD_STATE : (c->finished = true, OK); }
EXPORT int ANeuralNetworksExecution_create(Compilation* c, Execution** e) {
  FAIL_IF_ASKED("Execution_create");
  if (!c->finished) return BAD_STATE;
  *e = New(sizeof **e);
  (*e)->compilation = c;
  return OK;
}
EXPORT void ANeuralNetworksExecution_free(Execution* e) { Delete(e); }
EXPORT int ANeuralNetworksExecution_setInput(Execution* e, int32_t i, const OperandType* t, const void* data, size_t bytes) {
  const Model* m = e->compilation->model;
  if (t || (uint32_t)i >= m->num_in || bytes != BytesOf(&m->operands[m->in[i]])) return BAD_DATA;
  return e->in[i] = data, OK;
}
EXPORT int ANeuralNetworksExecution_setOutput(Execution* e, int32_t i, const OperandType* t, void* data, size_t bytes) {
  const Model* m = e->compilation->model;
  if (t || (uint32_t)i >= m->num_out || bytes != BytesOf(&m->operands[m->out[i]])) return BAD_DATA;
  return e->out[i] = data, OK;
}
EXPORT int ANeuralNetworksBurst_create(Compilation* c, void** b) { return c->finished ? (*b = New(1), OK) : BAD_STATE; }
EXPORT void ANeuralNetworksBurst_free(void* b) { Delete(b); }

static int32_t IntOf(const Model* m, uint32_t operand) { return *(const int32_t*)m->operands[operand].value; }
static float Fuse(float v, int32_t fuse) {
  if (fuse == 1 || fuse == 3) v = fmaxf(v, 0);
  if (fuse == 3) v = fminf(v, 6);
  return fuse == 2 ? fminf(fmaxf(v, -1), 1) : v;
}
static const float* Values(const Operand* o) { return o->value ? o->value : o->memory; }

static void Windows(const Model* m, const Operation* op, bool conv) {
  const Operand *x = &m->operands[op->in[0]], *y = &m->operands[op->out[0]];
  const int first = conv ? 3 : 1;
  const int32_t same = IntOf(m, op->in[first]) == 1, sw = IntOf(m, op->in[first + 1]), sh = IntOf(m, op->in[first + 2]);
  const Operand* w = conv ? &m->operands[op->in[1]] : NULL;
  const int32_t kw = conv ? (int32_t)w->dims[2] : IntOf(m, op->in[4]), kh = conv ? (int32_t)w->dims[1] : IntOf(m, op->in[5]), fuse = IntOf(m, op->in[6]);
  const int32_t dw = conv ? IntOf(m, op->in[8]) : 1, dh = conv ? IntOf(m, op->in[9]) : 1;
  const int32_t H = (int32_t)x->dims[1], W = (int32_t)x->dims[2], C = (int32_t)x->dims[3], oh = (int32_t)y->dims[1], ow = (int32_t)y->dims[2],
                oc = (int32_t)y->dims[3];
  const int32_t need_h = (oh - 1) * sh + (kh - 1) * dh + 1 - H, need_w = (ow - 1) * sw + (kw - 1) * dw + 1 - W;
  const int32_t top = same && need_h > 0 ? need_h / 2 : 0, left = same && need_w > 0 ? need_w / 2 : 0;
  for (int32_t b = 0; b < (int32_t)x->dims[0]; ++b)
    for (int32_t i = 0; i < oh; ++i)
      for (int32_t j = 0; j < ow; ++j)
        for (int32_t c = 0; c < oc; ++c) {
          float sum = conv ? Values(&m->operands[op->in[2]])[c] : -INFINITY;
          for (int32_t p = 0; p < kh; ++p)
            for (int32_t q = 0; q < kw; ++q) {
              const int32_t r = i * sh + p * dh - top, s = j * sw + q * dw - left;
              if (r < 0 || r >= H || s < 0 || s >= W) continue;
              const float* at = Values(x) + ((b * H + r) * W + s) * C;
              if (!conv) sum = fmaxf(sum, at[c]);
              for (int32_t k = 0; conv && k < C; ++k) sum += at[k] * Values(w)[((c * kh + p) * kw + q) * C + k];
            }
          y->memory[((b * oh + i) * ow + j) * oc + c] = Fuse(sum, fuse);
        }
}

static void Product(const Model* m, const Operation* op) {
  const Operand *x = &m->operands[op->in[0]], *w = &m->operands[op->in[1]], *y = &m->operands[op->out[0]];
  const size_t depth = w->dims[1], out = w->dims[0], rows = Count(x) / depth;
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < out; ++c) {
      float sum = Values(&m->operands[op->in[2]])[c];
      for (size_t k = 0; k < depth; ++k) sum += Values(x)[r * depth + k] * Values(w)[c * depth + k];
      y->memory[r * out + c] = Fuse(sum, IntOf(m, op->in[3]));
    }
}

static int Operate(Model* m, const Operation* op) {
  Operand *a = &m->operands[op->in[0]], *y = &m->operands[op->out[0]];
  if (y->type != TENSOR_FLOAT32 || !Values(a)) return BAD_DATA;
  y->memory = realloc(y->memory, BytesOf(y) + 1);
  if (op->code == CONV || op->code == MAX_POOL) return Windows(m, op, op->code == CONV), OK;
  if (op->code == FULLY_CONNECTED) return Product(m, op), OK;
  const Operand* b = op->code == ADD || op->code == MUL ? &m->operands[op->in[1]] : a;
  const size_t nb = Count(b);
  for (size_t i = 0; i < Count(y); ++i) {
    const float p = Values(a)[i % Count(a)], q = Values(b)[i % nb];
    y->memory[i] = op->code == ADD    ? Fuse(p + q, IntOf(m, op->in[2]))
                   : op->code == MUL  ? Fuse(p * q, IntOf(m, op->in[2]))
                   : op->code == RELU ? fmaxf(p, 0)
                   : op->code == TANH ? tanhf(p)
                                      : p;
  }
  return OK;
}

EXPORT int ANeuralNetworksExecution_compute(Execution* e) {
  FAIL_IF_ASKED("Execution_compute");
  Model* m = e->compilation->model;
  for (uint32_t i = 0; i < m->num_in; ++i) {
    Operand* o = &m->operands[m->in[i]];
    if (!e->in[i]) return BAD_STATE;
    o->memory = realloc(o->memory, BytesOf(o) + 1);
    memcpy(o->memory, e->in[i], BytesOf(o));
  }
  for (uint32_t i = 0; i < m->num_operations; ++i) {
    const int status = Operate(m, &m->operations[i]);
    if (status != OK) return status;
  }
  for (uint32_t i = 0; i < m->num_out; ++i) memcpy(e->out[i], m->operands[m->out[i]].memory, BytesOf(&m->operands[m->out[i]]));
  return ++g_computed, OK;
}
EXPORT int ANeuralNetworksExecution_burstCompute(Execution* e, void* burst) { return burst ? ANeuralNetworksExecution_compute(e) : BAD_STATE; }
