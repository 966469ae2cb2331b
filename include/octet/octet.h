/* SPDX-License-Identifier: Apache-2.0
 *
 * octet's C interface: load a .tflite model, allocate once, set inputs, invoke, read outputs.
 *
 *   OctetError e;
 *   OctetModel* m = octet_model_open("model.tflite", &e);
 *   OctetInterpreter* it = m ? octet_interpreter_create(m, NULL, &e) : NULL;
 *   if (!it || octet_allocate(it, &e) != OCTET_OK) { fprintf(stderr, "%s\n", e.text); return 1; }
 *   octet_input(it, 0, &t);
 *   memcpy(t.data, pixels, t.bytes);
 *   if (octet_invoke(it, &e) == OCTET_OK) octet_output(it, 0, &t);
 *
 * Ownership: what *_open and *_create return is closed by the caller with *_close; a model may be closed
 * while interpreters of it live. Strings and dimensions that a function hands out belong to the object
 * they were asked of; data pointers are valid until the next allocate or close.
 * Threads: a model may be shared by any number of threads. An interpreter is used by one thread at a
 * time, and a second one gets OCTET_INVALID_ARGUMENT; only octet_cancel and octet_hold may be called from another.
 * Wrong use, a handle that is NULL or was closed included, is an error with its reason; functions without one give 0, -1 or NULL.
 * Errors: every function that can fail returns a code (or NULL) and, where `error` is not NULL, fills the
 * caller's OctetError. Nothing is thrown, printed or kept.
 * The structures begin with nothing hidden and only grow at their end; OctetOptions says its own size. */
#ifndef OCTET_OCTET_H_
#define OCTET_OCTET_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define OCTET_API __declspec(dllexport)
#else
#define OCTET_API __attribute__((visibility("default")))
#endif

typedef enum OctetCode {
  OCTET_OK = 0,
  OCTET_INVALID_ARGUMENT = 1, /* The caller broke the contract: wrong shape, type or order of calls. */
  OCTET_INVALID_MODEL = 2,    /* The file is malformed or inconsistent. */
  OCTET_UNSUPPORTED = 3,      /* Well formed, but this build cannot run it. */
  OCTET_OUT_OF_MEMORY = 4,    /* More than the memory limit, or than the machine has. */
  OCTET_IO = 5,               /* Missing, unreadable or unwritable. */
  OCTET_DELEGATE = 6,         /* A delegate failed. */
  OCTET_ACCURACY = 7,         /* An accuracy gate said no. */
  OCTET_CANCELLED = 8         /* octet_cancel was called, or a limit was reached. */
} OctetCode;

/* Where, what was expected, what was found, what to do: one line of UTF-8, always terminated. */
typedef struct OctetError {
  OctetCode code;
  char text[1020];
} OctetError;

/* Numbers of TensorType in the .tflite schema. */
typedef enum OctetDType {
  OCTET_FLOAT32 = 0, OCTET_FLOAT16 = 1, OCTET_INT32 = 2, OCTET_UINT8 = 3, OCTET_INT64 = 4, OCTET_STRING = 5,
  OCTET_BOOL = 6, OCTET_INT16 = 7, OCTET_COMPLEX64 = 8, OCTET_INT8 = 9, OCTET_FLOAT64 = 10, OCTET_COMPLEX128 = 11,
  OCTET_UINT64 = 12, OCTET_RESOURCE = 13, OCTET_VARIANT = 14, OCTET_UINT32 = 15, OCTET_UINT16 = 16,
  OCTET_INT4 = 17, OCTET_BFLOAT16 = 18, OCTET_INT2 = 19, OCTET_UINT4 = 20
} OctetDType;

typedef struct OctetModel OctetModel;
typedef struct OctetInterpreter OctetInterpreter;
typedef struct OctetDelegateHandle OctetDelegateHandle;

#define OCTET_MAX_RANK 8

/* A tensor as it is now. real = scale * (q - zero_point), per slice of `axis` where num_scales > 1. */
typedef struct OctetTensor {
  const char* name;
  OctetDType dtype;
  int32_t rank;
  int32_t dims[OCTET_MAX_RANK];
  int32_t signature[OCTET_MAX_RANK]; /* The same with -1 where the model leaves a dimension free. */
  void* data;                 /* NULL before allocate, and for tensors without memory of their own. */
  size_t bytes;
  int32_t num_scales;
  const float* scales;
  const int32_t* zero_points;
  int32_t axis;
  int32_t block_size;         /* > 0: blockwise along the last dimension. */
} OctetTensor;

typedef enum OctetKernels { OCTET_KERNELS_FAST = 0, OCTET_KERNELS_REFERENCE = 1 } OctetKernels;

/* Zero-initialise, set struct_size = sizeof(OctetOptions), then what differs from the defaults. */
typedef struct OctetOptions {
  size_t struct_size;
  int32_t threads;              /* 0 and 1: the calling thread. */
  OctetKernels kernels;
  int32_t keep_all_tensors;     /* Not 0: no tensor's memory is reused, so that all can be read. */
  const char* signature;        /* NULL: the first subgraph's own inputs and outputs. */
  uint64_t memory_limit_bytes;  /* 0: 4 GiB. */
  const OctetDelegateHandle* const* delegates; /* In order of preference; kept. */
  int32_t num_delegates;
  const char* const* deny;      /* Stay on the processor: operators ("conv_2d"), layers or tensors by name, nodes by number ("#12"). */
  int32_t num_deny;
  int32_t min_nodes;            /* Of a delegate's part; smaller ones stay on the processor. */
  double shadow_share;          /* > 0: this share of inferences is computed by the processor, too; its answer is given where they differ. */
} OctetOptions;

OCTET_API const char* octet_version(void);

/* The file is mapped, not read; it must not change while the model lives. */
OCTET_API OctetModel* octet_model_open(const char* path, OctetError* error);
/* Copies nothing: `data` must outlive the model and all its interpreters. */
OCTET_API OctetModel* octet_model_from_bytes(const void* data, size_t bytes, OctetError* error);
OCTET_API void octet_model_close(OctetModel* model); /* NULL is allowed. */

/* Signatures: named entry points. Out of range: NULL. */
OCTET_API int32_t octet_model_num_signatures(const OctetModel* model);
OCTET_API const char* octet_model_signature(const OctetModel* model, int32_t i);
/* The first subgraph and those that control flow and signatures call. */
OCTET_API int32_t octet_model_num_subgraphs(const OctetModel* model);

/* The subgraph that a signature runs; -1: there is no such signature. */
OCTET_API int32_t octet_model_signature_subgraph(const OctetModel* model, int32_t i);
/* Tensors of any subgraph as the file has them: data only of constants. -1: there is no such subgraph. */
OCTET_API int32_t octet_model_num_tensors(const OctetModel* model, int32_t subgraph);
OCTET_API OctetCode octet_model_tensor(const OctetModel* model, int32_t subgraph, int32_t index, OctetTensor* tensor);

/* `options` may be NULL. */
OCTET_API OctetInterpreter* octet_interpreter_create(const OctetModel* model, const OctetOptions* options, OctetError* error);
OCTET_API void octet_interpreter_close(OctetInterpreter* interpreter); /* NULL is allowed. */

OCTET_API int32_t octet_num_inputs(const OctetInterpreter* interpreter);
OCTET_API int32_t octet_num_outputs(const OctetInterpreter* interpreter);
OCTET_API int32_t octet_num_tensors(const OctetInterpreter* interpreter);
/* Tensor index of the i-th input or output, and the signature's name for it ("" without a signature). */
OCTET_API int32_t octet_input_index(const OctetInterpreter* interpreter, int32_t i);
OCTET_API int32_t octet_output_index(const OctetInterpreter* interpreter, int32_t i);
OCTET_API const char* octet_input_key(const OctetInterpreter* interpreter, int32_t i);
OCTET_API const char* octet_output_key(const OctetInterpreter* interpreter, int32_t i);
OCTET_API OctetCode octet_input(const OctetInterpreter* interpreter, int32_t i, OctetTensor* tensor);
OCTET_API OctetCode octet_output(const OctetInterpreter* interpreter, int32_t i, OctetTensor* tensor);
OCTET_API OctetCode octet_tensor(const OctetInterpreter* interpreter, int32_t index, OctetTensor* tensor);

/* A new shape for an input; takes effect with octet_allocate. */
OCTET_API OctetCode octet_resize_input(OctetInterpreter* interpreter, int32_t i, const int32_t* dims, int32_t rank, OctetError* error);
/* Infers shapes, picks kernels, places memory: once, and again after a resize. */
OCTET_API OctetCode octet_allocate(OctetInterpreter* interpreter, OctetError* error);
/* From now on input or output `i` lies in the caller's memory, of at least the tensor's size and at a multiple of its element's: nothing
 * is copied in or out. Until memory is placed anew (octet_allocate after a resize) or `data` is NULL, which gives the tensor its own
 * again; the caller keeps the memory alive so long. What shares the tensor's memory goes along: ask for its data anew.
 * OCTET_UNSUPPORTED where the tensor has no place of its own: constants, strings, what shares memory with another end, outputs that
 * are sized while the model runs. Each entry point has its own. */
OCTET_API OctetCode octet_bind_input(OctetInterpreter* interpreter, int32_t i, void* data, size_t bytes, OctetError* error);
OCTET_API OctetCode octet_bind_output(OctetInterpreter* interpreter, int32_t i, void* data, size_t bytes, OctetError* error);
/* 1 after octet_allocate where every tensor's shape and place is final until the next resize, else 0. */
OCTET_API int32_t octet_is_static(const OctetInterpreter* interpreter);
/* Computes. Allocates nothing for models of static shape. */
OCTET_API OctetCode octet_invoke(OctetInterpreter* interpreter, OctetError* error);
/* Ends an octet_invoke that runs in another thread with OCTET_CANCELLED, soon. */
OCTET_API void octet_cancel(OctetInterpreter* interpreter);
/* Not 0: the octet_invoke that runs and all to come end with OCTET_CANCELLED, until 0 takes it back. From any thread. */
OCTET_API void octet_hold(OctetInterpreter* interpreter, int32_t held);
/* Another entry point of the model ("" or NULL: the first subgraph's own). Inputs, outputs and tensors are then
 * its; variables, tables and states stay. Each entry point is allocated once and keeps its memory. */
OCTET_API OctetCode octet_select(OctetInterpreter* interpreter, const char* signature, OctetError* error);
/* Tensors of strings: int32 count, int32 offset[count + 1] from the buffer's start, then the characters. Set copies.
 * Get writes what fits into `buffer` and the whole size into *bytes; call again where it was too small. */
OCTET_API OctetCode octet_set_strings(OctetInterpreter* interpreter, int32_t input, const void* buffer, size_t bytes, OctetError* error);
OCTET_API OctetCode octet_get_strings(const OctetInterpreter* interpreter, int32_t output, void* buffer, size_t capacity, size_t* bytes, OctetError* error);
/* Recurrent states and other variables back to zero. */
OCTET_API OctetCode octet_reset_variables(OctetInterpreter* interpreter, OctetError* error);

/* Nodes, in the order in which they run; names belong to the interpreter. Kernel: "reference", "packed_s8", … */
typedef struct OctetNode {
  const char* op;
  const char* kernel;
  const int32_t* inputs; /* Tensor indices; -1: absent. */
  const int32_t* outputs;
  int32_t num_inputs, num_outputs;
  int64_t macs; /* Multiply-adds, of all nodes that run as one with it; 0 of those whose kernel is "fused". */
} OctetNode;
OCTET_API int32_t octet_num_nodes(const OctetInterpreter* interpreter);
OCTET_API OctetCode octet_node(OctetInterpreter* interpreter, int32_t i, OctetNode* node);

/* Delegates: who computes parts of models in the processor's place. `name`: "gpu" and so on, or the path of a library
 * that has octet_delegate (octet/delegate.h) or TensorFlow Lite's tflite_plugin_create_delegate. Options as
 * pairs of key and value. An interpreter keeps what it was given; the handle may be closed before it. */
OCTET_API OctetDelegateHandle* octet_delegate_open(const char* name, const char* const* keys, const char* const* values, int32_t num_options,
                                                   OctetError* error);
OCTET_API void octet_delegate_close(OctetDelegateHandle* delegate); /* NULL is allowed. */
/* One more, the last in preference; octet_allocate comes next, for each entry point. */
OCTET_API OctetCode octet_add_delegate(OctetInterpreter* interpreter, const OctetDelegateHandle* delegate, OctetError* error);

/* Who computes what, once allocated; the last entry is the processor ("cpu"). */
typedef struct OctetDelegateDetails {
  const char* name;
  int32_t nodes, total_nodes;
  double mac_share;     /* Of all multiply-adds; of the nodes where the model has none. */
  int32_t partitions;
  int32_t copies;       /* Tensors that go to it or come back in one inference. */
  int64_t copy_bytes;
  int32_t num_reasons;  /* Why nodes are not its. */
  int32_t num_failures; /* What failed, and what took over. */
} OctetDelegateDetails;
typedef struct OctetDelegateReason {
  int32_t node;
  const char* op;
  const char* place; /* The name of the node's first output. */
  const char* text;
} OctetDelegateReason;
/* Looks anew; what the functions below hand out is valid until the next look. */
OCTET_API int32_t octet_num_delegates(OctetInterpreter* interpreter);
OCTET_API OctetCode octet_delegate_details(const OctetInterpreter* interpreter, int32_t i, OctetDelegateDetails* details);
OCTET_API OctetCode octet_delegate_reason(const OctetInterpreter* interpreter, int32_t i, int32_t k, OctetDelegateReason* reason);
OCTET_API const char* octet_delegate_failure(const OctetInterpreter* interpreter, int32_t i, int32_t k); /* NULL: there is none. */

#ifdef __cplusplus
}
#endif
#endif /* OCTET_OCTET_H_ */
