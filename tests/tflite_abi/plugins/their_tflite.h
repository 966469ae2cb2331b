/* SPDX-License-Identifier: Apache-2.0
 * TensorFlow Lite's delegate interface as somebody else would write it down: nothing of octet's headers, no names shared
 * with them, only the layout (64 bits). Both sides are right when a delegate compiled against this runs in octet. */
#ifndef THEIR_TFLITE_H_
#define THEIR_TFLITE_H_

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, ERROR = 1 };
enum { FLOAT32 = 1 };
enum { CODE_ADD = 0, CODE_MUL = 18 };
enum { MMAP_RO = 1, ARENA_RW = 2 };

typedef struct { int32_t count; int32_t at[]; } Ints;
typedef struct { float scale; int32_t zero_point; } PerTensor;
typedef struct { int32_t kind; void* params; } Quantization;

typedef struct Tensor {             /* 112 bytes */
  int32_t type;
  void* data;                       /* 8 */
  Ints* dims;                       /* 16 */
  PerTensor params;                 /* 24 */
  int32_t allocation_type;          /* 32 */
  size_t bytes;                     /* 40 */
  const void* allocation;
  const char* name;                 /* 56 */
  struct Delegate* delegate;        /* 64 */
  int32_t buffer_handle;            /* 72 */
  uint8_t data_is_stale;            /* 76 */
  uint8_t is_variable;
  Quantization quantization;        /* 80 */
  void* sparsity;
  const Ints* dims_signature;       /* 104 */
} Tensor;

typedef struct Node {               /* 80 bytes */
  Ints *inputs, *outputs, *intermediates, *temporaries;
  void* user_data;                  /* 32 */
  void* builtin_data;
  const void* custom_initial_data;
  int32_t custom_initial_data_size;
  struct Delegate* delegate;        /* 64 */
  uint8_t might_have_side_effect;
} Node;

struct Context;
typedef struct Registration {       /* 88 bytes */
  void* (*init)(struct Context*, const char*, size_t);
  void (*free)(struct Context*, void*);
  int32_t (*prepare)(struct Context*, Node*);
  int32_t (*invoke)(struct Context*, Node*);
  const char* (*profiling_string)(const struct Context*, const Node*);
  int32_t builtin_code;             /* 40 */
  const char* custom_name;          /* 48 */
  int32_t version;                  /* 56 */
  void* registration_external;
  void* async_kernel;
  uint64_t inplace_operator;
} Registration;

typedef struct DelegateParams {     /* 32 bytes */
  struct Delegate* delegate;
  Ints *nodes, *inputs, *outputs;
} DelegateParams;

typedef struct Context {            /* 200 bytes */
  size_t tensors_size;
  int32_t (*GetExecutionPlan)(struct Context*, Ints**);
  Tensor* tensors;
  void* impl;
  int32_t (*ResizeTensor)(struct Context*, Tensor*, Ints*);
  void (*ReportError)(struct Context*, const char*, ...);
  int32_t (*AddTensors)(struct Context*, int32_t, int32_t*);
  int32_t (*GetNodeAndRegistration)(struct Context*, int32_t, Node**, Registration**);
  int32_t (*Replace)(struct Context*, Registration, const Ints*, struct Delegate*);  /* 64 */
  int32_t recommended_num_threads;
  void *get_external, *set_external;
  uint8_t allow_fp16;
  void* profiler;
  void *persistent, *eval_buffer, *request_scratch, *get_scratch, *resize_explicit;  /* 112.. */
  int32_t (*Preview)(struct Context*, const Ints*, DelegateParams**, int32_t*);      /* 152 */
  Tensor* (*GetTensor)(const struct Context*, int32_t);
  void *get_eval, *get_metadata, *acquire, *release;
} Context;

typedef struct Delegate {           /* 56 bytes */
  void* data;
  int32_t (*Prepare)(Context*, struct Delegate*);
  int32_t (*CopyFrom)(Context*, struct Delegate*, int32_t, Tensor*);
  int32_t (*CopyTo)(Context*, struct Delegate*, int32_t, Tensor*);
  void (*FreeHandle)(Context*, struct Delegate*, int32_t*);
  int64_t flags;
  void* opaque_builder;
} Delegate;

_Static_assert(sizeof(Tensor) == 112 && sizeof(Node) == 80 && sizeof(Registration) == 88 && sizeof(Context) == 200 && sizeof(Delegate) == 56, "64 bits");

#define PLUGIN __attribute__((visibility("default")))

static int Is(const char* a, const char* b) { return a && !strcmp(a, b); }

#endif
