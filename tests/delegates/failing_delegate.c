/* SPDX-License-Identifier: Apache-2.0
 * Takes nodes by their numbers (option seed=N; 0: all) and fails in every run: whatever it took, octet computes in the
 * middle of the inference, in memory of the part's own and in the parts' order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "octet/delegate.h"

static int Create(const OctetDelegateOption* options, size_t num_options, void** self, char* error, size_t error_bytes) {
  unsigned* seed = calloc(1, sizeof *seed);
  if (!seed) return snprintf(error, error_bytes, "out of memory"), OCTET_DELEGATE_ERROR;
  for (size_t i = 0; i < num_options; ++i)
    if (!strcmp(options[i].key, "seed")) *seed = (unsigned)atoi(options[i].value);
  *self = seed;
  return OCTET_DELEGATE_OK;
}

static int Takes(void* session, const OctetDelegateGraph* graph, int32_t node, char* reason, size_t reason_bytes) {
  const unsigned seed = *(const unsigned*)session;
  unsigned mixed = (unsigned)graph->nodes[node].index * 2654435761u + seed * 40503u;
  mixed = (mixed ^ mixed >> 15) * 2246822519u;
  snprintf(reason, reason_bytes, "by its number");
  return seed == 0 || ((mixed ^ mixed >> 13) & 3) != 0;
}

static int Prepare(void* session, const OctetDelegateGraph* graph, const OctetDelegatePart* part, void** kernel, char* error, size_t error_bytes) {
  (void)session, (void)graph, (void)part, (void)error, (void)error_bytes;
  *kernel = NULL;
  return OCTET_DELEGATE_OK;
}

static int Run(void* kernel, const void* const* in, void* const* out, char* error, size_t error_bytes) {
  (void)kernel, (void)in, (void)out;
  return snprintf(error, error_bytes, "on purpose"), OCTET_DELEGATE_ERROR;
}

static void Release(void* kernel) { (void)kernel; }

static const OctetDelegate kFailing = {.version = OCTET_DELEGATE_VERSION, .struct_size = sizeof(OctetDelegate), .name = "failing",
                                       .create = Create, .destroy = free, .takes = Takes, .prepare = Prepare, .run = Run, .release = Release};

const OctetDelegate* octet_delegate(uint32_t host_version) { return host_version == OCTET_DELEGATE_VERSION ? &kFailing : NULL; }
