/* SPDX-License-Identifier: Apache-2.0
 *
 * Telemetry for programs that run models themselves: what inferences take, into a spool on the device, and from there to the
 * owner's collector. docs/telemetry.md says what is recorded and how it is configured. Link liboctet_telemetry; the
 * runtime itself knows nothing of this.
 *
 *   OctetTelemetry* t = octet_telemetry_open("telemetry.json", &e);
 *   OctetTelemetryKey key = {sizeof(key)};
 *   key.model = "detector"; key.version = "7";
 *   int32_t series = octet_telemetry_series(t, &key);
 *   ...
 *   octet_telemetry_inference(t, series, ns);      after each inference: tens of nanoseconds, never waits
 *   octet_telemetry_close(t);                      commits the open window
 *
 * Threads: everything but open and close may be called from any thread at any time. A NULL `t` is allowed everywhere
 * and does nothing, so that a program without telemetry needs no second path. */
#ifndef OCTET_TELEMETRY_H_
#define OCTET_TELEMETRY_H_

#include "octet/octet.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct OctetTelemetry OctetTelemetry;

/* Set struct_size = sizeof(OctetTelemetryKey); strings may be NULL and are copied. */
typedef struct OctetTelemetryKey {
  size_t struct_size;
  const char *model, *version;  /* As the owner calls them. */
  const char* sha256;           /* Of the file, 64 hexadecimal digits. */
  const char* precision;        /* "float32", "int8", ... */
  const char* delegate;         /* "cpu", ... */
  const char *runtime, *build;
  int32_t threads, nodes, delegated, partitions;
  int64_t arena_bytes;
} OctetTelemetryKey;

typedef enum OctetTelemetryStage {
  OCTET_STAGE_QUEUE = 0, OCTET_STAGE_COPY_IN = 1, OCTET_STAGE_INVOKE = 2, OCTET_STAGE_COPY_OUT = 3, OCTET_STAGE_TOTAL = 4,
  OCTET_STAGE_LOAD = 5, OCTET_STAGE_PREPARE = 6, OCTET_STAGE_FIRST = 7
} OctetTelemetryStage;

typedef enum OctetTelemetryCount {
  OCTET_COUNT_DEADLINE_MISS = 0, OCTET_COUNT_SHADOW = 1, OCTET_COUNT_SHADOW_MISMATCH = 2, OCTET_COUNT_LOST_FRAME = 3
} OctetTelemetryCount;

/* Reads the configuration and starts. An error is one of the configuration; a disk or a network that fails is tried again. */
OCTET_API OctetTelemetry* octet_telemetry_open(const char* config_path, OctetError* error);
/* Commits what is recorded. Does not wait for the collector: what is not uploaded is kept for the next start. */
OCTET_API void octet_telemetry_close(OctetTelemetry* t);

/* A loaded model; once, before its inferences. */
OCTET_API int32_t octet_telemetry_series(OctetTelemetry* t, const OctetTelemetryKey* key);
/* A number for an operator ("CONV_2D"), an error code ("invoke") or a reason; once each. */
OCTET_API int32_t octet_telemetry_name(OctetTelemetry* t, const char* text);

/* The hot path. `ns`: queue, copy in, invoke, copy out, total. */
OCTET_API void octet_telemetry_inference(OctetTelemetry* t, int32_t series, const uint64_t ns[5]);
OCTET_API void octet_telemetry_stage(OctetTelemetry* t, int32_t series, OctetTelemetryStage stage, uint64_t ns);
OCTET_API void octet_telemetry_operator(OctetTelemetry* t, int32_t series, int32_t op_name, uint64_t ns);
OCTET_API void octet_telemetry_error(OctetTelemetry* t, int32_t series, int32_t code_name);
OCTET_API void octet_telemetry_count(OctetTelemetry* t, int32_t series, OctetTelemetryCount count);
OCTET_API void octet_telemetry_fallback(OctetTelemetry* t, int32_t series, int32_t op_name, int32_t reason_name);

/* Events that found no room in memory since the start. */
OCTET_API uint64_t octet_telemetry_lost(const OctetTelemetry* t);
/* Ends the open window and commits it, as far as the disk allows; may wait seconds. */
OCTET_API void octet_telemetry_flush(OctetTelemetry* t);

#ifdef __cplusplus
}
#endif
#endif /* OCTET_TELEMETRY_H_ */
