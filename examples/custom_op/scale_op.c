/* SPDX-License-Identifier: Apache-2.0
 * A template: "ExampleScale" multiplies float32 by a factor, which is the operator's option (a float32, 2 without).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "octet/custom_op.h"

enum { kFloat32 = 0 };

static int Infer(const OctetCustomNode* node, OctetCustomShape* outputs, char* error, size_t error_bytes) {
  if (node->num_inputs != 1 || node->num_outputs != 1 || node->inputs[0].type != kFloat32) {
    snprintf(error, error_bytes, "expected one float32 input and one output");
    return OCTET_CUSTOM_ERROR;
  }
  outputs[0].type = kFloat32;
  outputs[0].rank = node->inputs[0].rank;
  memcpy(outputs[0].dims, node->inputs[0].dims, sizeof outputs[0].dims);
  return OCTET_CUSTOM_OK;
}

static int Prepare(const OctetCustomNode* node, void** state, size_t* workspace_bytes, char* error, size_t error_bytes) {
  float* factor = malloc(sizeof *factor);
  (void)workspace_bytes; /* It needs none. */
  if (!factor) {
    snprintf(error, error_bytes, "out of memory");
    return OCTET_CUSTOM_ERROR;
  }
  *factor = 2.0f;
  if (node->options_bytes == sizeof *factor) memcpy(factor, node->options, sizeof *factor);
  *state = factor;
  return OCTET_CUSTOM_OK;
}

static int Run(void* state, const OctetCustomNode* node, const void* const* in, void* const* out, void* workspace, char* error, size_t error_bytes) {
  const float factor = *(const float*)state;
  const size_t n = node->inputs[0].bytes / sizeof(float);
  const float* x = in[0];
  float* y = out[0];
  (void)workspace, (void)error, (void)error_bytes;
  for (size_t i = 0; i < n; ++i) y[i] = factor * x[i];
  return OCTET_CUSTOM_OK;
}

static const OctetCustomOp kOps[] = {{"ExampleScale", Infer, Prepare, Run, free}};

const OctetCustomOp* octet_custom_ops(uint32_t host_version, size_t* count) {
  if (host_version != OCTET_CUSTOM_OP_VERSION) return NULL;
  *count = sizeof kOps / sizeof *kOps;
  return kOps;
}
