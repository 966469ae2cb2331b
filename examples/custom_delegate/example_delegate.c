/* SPDX-License-Identifier: Apache-2.0
 * A template: computes float32 ADD and MUL of two tensors of one shape, without a fused activation. Option: only=add
 * or only=mul. A real delegate builds its device's program in Prepare and starts it in Run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "octet/delegate.h"

enum { kFloat32 = 0 };

typedef struct Example {
  char only[8]; /* Empty: both. */
} Example;

typedef struct Kernel {
  const OctetDelegateGraph* graph;
  OctetDelegatePart part;
  float** memory; /* Per tensor of the graph: where its values are. */
} Kernel;

static int Fail(char* error, size_t error_bytes, const char* text) {
  snprintf(error, error_bytes, "%s", text);
  return OCTET_DELEGATE_ERROR;
}

static int Create(const OctetDelegateOption* options, size_t num_options, void** self, char* error, size_t error_bytes) {
  Example* example = calloc(1, sizeof *example);
  if (!example) return Fail(error, error_bytes, "out of memory");
  for (size_t i = 0; i < num_options; ++i) {
    if (!strcmp(options[i].key, "only") && (!strcmp(options[i].value, "add") || !strcmp(options[i].value, "mul"))) {
      strcpy(example->only, options[i].value);
      continue;
    }
    free(example);
    snprintf(error, error_bytes, "option '%.40s': expected only=add or only=mul", options[i].key);
    return OCTET_DELEGATE_ERROR;
  }
  *self = example;
  return OCTET_DELEGATE_OK;
}

static int64_t Attribute(const OctetDelegateNode* node, const char* name) {
  for (int32_t i = 0; i < node->num_attributes; ++i)
    if (!strcmp(node->attributes[i].name, name)) return node->attributes[i].value;
  return 0;
}

static int Takes(void* session, const OctetDelegateGraph* graph, int32_t index, char* reason, size_t reason_bytes) {
  const Example* example = session; /* There is no `begin`. */
  const OctetDelegateNode* node = &graph->nodes[index];
  const int add = !strcmp(node->op, "add"), mul = !strcmp(node->op, "mul");
  if (!add && !mul) return Fail(reason, reason_bytes, "only add and mul"), 0;
  if (example->only[0] && strcmp(node->op, example->only)) return Fail(reason, reason_bytes, "switched off by the option 'only'"), 0;
  if (Attribute(node, "fused_activation_function") != 0) return Fail(reason, reason_bytes, "a fused activation"), 0;
  const OctetDelegateTensor* out = &graph->tensors[node->outputs[0]];
  for (int32_t i = 0; i < 2; ++i) {
    const OctetDelegateTensor* in = &graph->tensors[node->inputs[i]];
    if (in->type != kFloat32 || in->bytes != out->bytes) return Fail(reason, reason_bytes, "only float32, both of one shape"), 0;
  }
  return 1;
}

static void Release(void* kernel) {
  Kernel* k = kernel;
  for (int32_t i = 0; k->memory && i < k->graph->num_tensors; ++i) free(k->memory[i]);
  free(k->memory);
  free(k);
}

/* The part's lists are octet's: what is needed later is copied, or found again through the graph. */
static int Prepare(void* session, const OctetDelegateGraph* graph, const OctetDelegatePart* part, void** kernel, char* error, size_t error_bytes) {
  (void)session;
  const size_t lists = (size_t)(part->num_nodes + part->num_inputs + part->num_outputs);
  Kernel* k = calloc(1, sizeof *k + lists * sizeof(int32_t));
  if (!k) return Fail(error, error_bytes, "out of memory");
  int32_t* list = (int32_t*)(k + 1);
  k->graph = graph;
  k->part = *part;
  k->part.nodes = memcpy(list, part->nodes, (size_t)part->num_nodes * sizeof *list);
  k->part.inputs = memcpy(list += part->num_nodes, part->inputs, (size_t)part->num_inputs * sizeof *list);
  k->part.outputs = memcpy(list += part->num_inputs, part->outputs, (size_t)part->num_outputs * sizeof *list);
  k->memory = calloc((size_t)graph->num_tensors, sizeof *k->memory);
  for (int32_t i = 0; k->memory && i < part->num_nodes; ++i) {
    const int32_t out = graph->nodes[part->nodes[i]].outputs[0];
    k->memory[out] = malloc(graph->tensors[out].bytes + 1);
    if (!k->memory[out]) break;
    if (i + 1 < part->num_nodes) continue;
    *kernel = k;
    return OCTET_DELEGATE_OK;
  }
  Release(k);
  return Fail(error, error_bytes, "out of memory");
}

static const float* ValuesOf(const Kernel* k, const void* const* in, int32_t tensor) {
  if (k->graph->tensors[tensor].data) return k->graph->tensors[tensor].data;
  for (int32_t i = 0; i < k->part.num_inputs; ++i)
    if (k->part.inputs[i] == tensor) return in[i];
  return k->memory[tensor];
}

static int Run(void* kernel, const void* const* in, void* const* out, char* error, size_t error_bytes) {
  const Kernel* k = kernel;
  (void)error, (void)error_bytes;
  for (int32_t i = 0; i < k->part.num_nodes; ++i) {
    const OctetDelegateNode* node = &k->graph->nodes[k->part.nodes[i]];
    const float* a = ValuesOf(k, in, node->inputs[0]);
    const float* b = ValuesOf(k, in, node->inputs[1]);
    float* y = k->memory[node->outputs[0]];
    const size_t n = k->graph->tensors[node->outputs[0]].bytes / sizeof(float);
    const int add = !strcmp(node->op, "add");
    for (size_t e = 0; e < n; ++e) y[e] = add ? a[e] + b[e] : a[e] * b[e];
  }
  for (int32_t i = 0; i < k->part.num_outputs; ++i) memcpy(out[i], k->memory[k->part.outputs[i]], k->graph->tensors[k->part.outputs[i]].bytes);
  return OCTET_DELEGATE_OK;
}

static const OctetDelegate kExample = {
    .version = OCTET_DELEGATE_VERSION, .struct_size = sizeof(OctetDelegate), .name = "example",
    .create = Create, .destroy = free, .takes = Takes, .prepare = Prepare, .run = Run, .release = Release};

const OctetDelegate* octet_delegate(uint32_t host_version) { return host_version == OCTET_DELEGATE_VERSION ? &kExample : NULL; }
