/* SPDX-License-Identifier: Apache-2.0
 * Operators of your own, in a shared library that octet loads (octet run --ops LIB.so). Plain C, no octet library
 * to link: the library exports one function, octet_custom_ops(). Every function may be called from several threads
 * at once for different nodes. examples/custom_op is a template.
 */
#ifndef OCTET_CUSTOM_OP_H_
#define OCTET_CUSTOM_OP_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OCTET_CUSTOM_OP_VERSION 1u
#define OCTET_CUSTOM_OP_MAX_RANK 8

#if defined(_WIN32)
#define OCTET_CUSTOM_OP_EXPORT __declspec(dllexport)
#else
#define OCTET_CUSTOM_OP_EXPORT __attribute__((visibility("default")))
#endif

/* Answers of the functions below. */
enum {
  OCTET_CUSTOM_OK = 0,
  OCTET_CUSTOM_ERROR = 1,  /* `error` says why. */
  OCTET_CUSTOM_LATER = 2   /* Of infer: a shape depends on values that are not known yet (data == NULL). */
};

/* An operand: its type and, where it is known, its value. */
typedef struct OctetCustomTensor {
  int32_t type;               /* TensorType of the .tflite schema: 0 float32, 2 int32, 9 int8, ... */
  int32_t rank;
  int32_t dims[OCTET_CUSTOM_OP_MAX_RANK];
  const void* data;           /* NULL while it is not known. */
  size_t bytes;
  const float* scales;        /* num_scales of them; 0: not quantized, 1: one for the whole tensor. */
  const int32_t* zero_points;
  int32_t num_scales;
  int32_t quantized_dimension;
} OctetCustomTensor;

/* What infer says of an output; type and quantization are as declared in the file before the call. */
typedef struct OctetCustomShape {
  int32_t type;
  int32_t rank;
  int32_t dims[OCTET_CUSTOM_OP_MAX_RANK];
} OctetCustomShape;

/* A use of the operator in a model. Pointers live as long as the call; in run as long as the state. */
typedef struct OctetCustomNode {
  const OctetCustomTensor* inputs;   /* An absent optional operand has type -1. */
  int32_t num_inputs;
  const OctetCustomTensor* outputs;  /* Known in prepare and run. */
  int32_t num_outputs;
  const uint8_t* options;            /* The node's custom_options, as the file holds them. */
  size_t options_bytes;
} OctetCustomNode;

typedef struct OctetCustomOp {
  const char* name;  /* As in the file's custom_code. */
  /* Shapes and types of the outputs. */
  int (*infer)(const OctetCustomNode* node, OctetCustomShape* outputs, char* error, size_t error_bytes);
  /* Once per node, when a model is planned: *state (may stay NULL) reaches run; *workspace_bytes asks for scratch
   * memory. May be NULL. */
  int (*prepare)(const OctetCustomNode* node, void** state, size_t* workspace_bytes, char* error, size_t error_bytes);
  /* Computes: in[i] and out[i] are the operands' bytes, in[i] NULL where absent; workspace is aligned to 64 bytes. */
  int (*run)(void* state, const OctetCustomNode* node, const void* const* in, void* const* out, void* workspace, char* error, size_t error_bytes);
  /* Frees what prepare made. May be NULL. */
  void (*destroy)(void* state);
} OctetCustomOp;

/* Exported by the library: its operators, for a host of this version; NULL where it does not fit. The array and
 * what it names live as long as the process. */
typedef const OctetCustomOp* (*OctetCustomOpsFn)(uint32_t host_version, size_t* count);
OCTET_CUSTOM_OP_EXPORT const OctetCustomOp* octet_custom_ops(uint32_t host_version, size_t* count);

#ifdef __cplusplus
}
#endif
#endif  /* OCTET_CUSTOM_OP_H_ */
