/* SPDX-License-Identifier: Apache-2.0
 * Delegates: whoever computes parts of a model in place of octet's own kernels (a GPU, an accelerator, a library of
 * yours). Plain C, no octet library to link: a shared library exports one function, octet_delegate(), and is named
 * by its path (octet run MODEL --delegate LIB.so;key=value). octet's built-in delegates implement the same
 * structure. examples/custom_delegate is a template.
 *
 *   create -> begin(graph) -> takes(node), for every node -> prepare(part)... -> run... -> release... -> end -> destroy
 *
 * octet asks `takes` of every node; what the delegate takes is cut into connected parts, as large as they can be
 * without a part waiting for itself. Parts that do not pay (rates), or that the user keeps off, stay on the CPU. The
 * graph is begun anew when shapes change. A function that fails says why in `error`, and its part goes to the CPU's
 * kernels: with prepare while the model is planned, with run in the middle of an inference, whose answer stays right.
 * Functions of one graph are called by one thread at a time; several graphs of one delegate may be in use at once.
 */
#ifndef OCTET_DELEGATE_H_
#define OCTET_DELEGATE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OCTET_DELEGATE_VERSION 1u
#define OCTET_DELEGATE_MAX_RANK 8

#if defined(_WIN32)
#define OCTET_DELEGATE_EXPORT __declspec(dllexport)
#else
#define OCTET_DELEGATE_EXPORT __attribute__((visibility("default")))
#endif

enum { OCTET_DELEGATE_OK = 0, OCTET_DELEGATE_ERROR = 1 };

typedef struct OctetDelegateTensor {
  const char* name;
  int32_t type;              /* TensorType of the .tflite schema: 0 float32, 1 float16, 2 int32, 3 uint8, 9 int8, ... */
  int32_t rank;              /* -1: the shape is not known yet; no such tensor belongs to a node that is asked about. */
  int32_t dims[OCTET_DELEGATE_MAX_RANK];
  const void* data;          /* The bytes of a constant, until the graph ends; NULL: computed, or an input. */
  size_t bytes;
  const float* scales;       /* real = scale * (q - zero_point). num_scales 0: not quantized; 1: one for all; */
  const int32_t* zero_points;
  int32_t num_scales;
  int32_t quantized_dimension; /* more: one per slice of this dimension, */
  int32_t block_size;        /* or per so many elements of the last one (> 0). */
} OctetDelegateTensor;

enum {
  OCTET_ATTRIBUTE_INT = 0,   /* Also booleans and enumerations, by the numbers of the schema. */
  OCTET_ATTRIBUTE_FLOAT = 1,
  OCTET_ATTRIBUTE_INTS = 2,
  OCTET_ATTRIBUTE_FLOATS = 3,
  OCTET_ATTRIBUTE_BYTES = 4  /* Also text; not terminated. */
};
typedef struct OctetDelegateAttribute {
  const char* name;          /* As in the schema: "stride_w", "fused_activation_function". */
  int32_t kind;
  int32_t count;             /* Of a list. */
  int64_t value;
  double real;
  const int64_t* ints;
  const float* floats;
  const void* bytes;
} OctetDelegateAttribute;

typedef struct OctetDelegateNode {
  int32_t index;             /* In the file. */
  int32_t code;              /* BuiltinOperator of the schema; 32: custom. */
  int32_t version;
  const char* op;            /* "conv_2d": the operator's name in the schema, in lower case. */
  const char* custom_name;   /* NULL: not a custom operator. */
  const int32_t* inputs;     /* Tensors; -1: an optional operand that is absent. */
  const int32_t* outputs;
  int32_t num_inputs, num_outputs;
  const OctetDelegateAttribute* attributes;
  int32_t num_attributes;
  const uint8_t* options;    /* custom_options, as the file holds them. */
  size_t options_bytes;
  int64_t macs, bytes;       /* Multiply-adds; bytes read and written. */
} OctetDelegateNode;

/* Valid, with all that it points to, from begin to end. */
typedef struct OctetDelegateGraph {
  const OctetDelegateTensor* tensors;
  int32_t num_tensors;
  const OctetDelegateNode* nodes; /* In an order in which they may run. */
  int32_t num_nodes;
  const int32_t* inputs;     /* The model's own. */
  const int32_t* outputs;
  int32_t num_inputs, num_outputs;
  int32_t threads;           /* That the user grants to computations on the CPU. */
  int32_t profile;           /* Not 0: `timings` will be asked for. */
} OctetDelegateGraph;

/* Nodes that run as one, in an order in which they may run. */
typedef struct OctetDelegatePart {
  const int32_t* nodes;      /* Positions in graph->nodes. */
  int32_t num_nodes;
  const int32_t* inputs;     /* Tensors that come from outside (constants do not count), */
  const int32_t* outputs;    /* and those that others read. What is in neither is the delegate's own affair. */
  int32_t num_inputs, num_outputs;
} OctetDelegatePart;

typedef struct OctetDelegateOption {
  const char* key;
  const char* value;         /* "" where the user gave none. */
} OctetDelegateOption;

/* What the pay-off of a part is estimated from; 0: not known, and nothing is estimated with it. */
typedef struct OctetDelegateRates {
  double run_us;             /* What a run of a part costs beyond its work. */
  double copy_gbytes_s;      /* Bytes of inputs and outputs, to and fro. */
  double f32_gmacs_s;        /* Multiply-adds in float, */
  double int8_gmacs_s;       /* in 8-bit integers, */
  double gbytes_s;           /* and bytes that nodes read and write. */
  double node_us;            /* What a node costs beyond its work. */
} OctetDelegateRates;

typedef struct OctetDelegateTiming {
  int32_t node;              /* Position in graph->nodes; for several nodes in one kernel the last one. */
  double us;
} OctetDelegateTiming;

typedef struct OctetDelegate {
  uint32_t version;          /* OCTET_DELEGATE_VERSION. */
  uint32_t struct_size;      /* sizeof(OctetDelegate): later versions only add at the end. */
  const char* name;
  /* One instance with these options. Unknown options are an error. */
  int (*create)(const OctetDelegateOption* options, size_t num_options, void** self, char* error, size_t error_bytes);
  void (*destroy)(void* self);
  /* May be NULL: every part that is taken pays. */
  void (*rates)(void* self, OctetDelegateRates* rates);
  /* Sees the whole graph before the questions. May be NULL: *session is self then, and end is not called. */
  int (*begin)(void* self, const OctetDelegateGraph* graph, void** session, char* error, size_t error_bytes);
  /* Not 0: it will compute the node (position in graph->nodes). 0: `reason` says why not, in a few words. */
  int (*takes)(void* session, const OctetDelegateGraph* graph, int32_t node, char* reason, size_t reason_bytes);
  int (*prepare)(void* session, const OctetDelegateGraph* graph, const OctetDelegatePart* part, void** kernel, char* error, size_t error_bytes);
  /* in[i] and out[i]: bytes of the part's inputs and outputs, aligned to 64; their addresses hardly ever change. Returns
   * when the outputs are there. It must not have written to inputs, also when it fails. */
  int (*run)(void* kernel, const void* const* in, void* const* out, char* error, size_t error_bytes);
  /* Times of the last run's pieces; how many there are. May be NULL. */
  int32_t (*timings)(void* kernel, OctetDelegateTiming* timings, int32_t capacity);
  void (*release)(void* kernel);
  void (*end)(void* session);
} OctetDelegate;

/* Exported by the library: its delegate for a host of this version; NULL where it does not fit. Lives as long as the
 * process. */
typedef const OctetDelegate* (*OctetDelegateFn)(uint32_t host_version);
OCTET_DELEGATE_EXPORT const OctetDelegate* octet_delegate(uint32_t host_version);

#ifdef __cplusplus
}
#endif
#endif /* OCTET_DELEGATE_H_ */
