/* SPDX-License-Identifier: Apache-2.0
 * A program's own telemetry: TfLiteInterpreterOptionsSetTelemetryProfiler. Functions that are NULL are not called. */
#ifndef TENSORFLOW_LITE_PROFILING_TELEMETRY_C_PROFILER_H_
#define TENSORFLOW_LITE_PROFILING_TELEMETRY_C_PROFILER_H_

#include <stdint.h>

#include "tensorflow/lite/profiling/telemetry/c/telemetry_setting.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TfLiteTelemetryProfilerStruct {
  void* data; /* The program's. */
  /* "Invoke", "ModifyGraphWithDelegate". Status: the source (1: the interpreter) in the upper half, a TfLiteStatus in the lower. */
  void (*ReportTelemetryEvent)(struct TfLiteTelemetryProfilerStruct* profiler, const char* event_name, uint64_t status);
  void (*ReportTelemetryOpEvent)(struct TfLiteTelemetryProfilerStruct* profiler, const char* event_name, int64_t op_idx, int64_t subgraph_idx, uint64_t status);
  /* Once, when the interpreter is made. */
  void (*ReportSettings)(struct TfLiteTelemetryProfilerStruct* profiler, const char* setting_name, const TfLiteTelemetrySettings* settings);
  /* Around each operator that runs; what Begin returns goes to End. */
  uint32_t (*ReportBeginOpInvokeEvent)(struct TfLiteTelemetryProfilerStruct* profiler, const char* op_name, int64_t op_idx, int64_t subgraph_idx);
  void (*ReportEndOpInvokeEvent)(struct TfLiteTelemetryProfilerStruct* profiler, uint32_t event_handle);
  /* For operators that measure themselves: octet's do not. */
  void (*ReportOpInvokeEvent)(struct TfLiteTelemetryProfilerStruct* profiler, const char* op_name, uint64_t elapsed_time, int64_t op_idx, int64_t subgraph_idx);
} TfLiteTelemetryProfilerStruct;

#ifdef __cplusplus
}
#endif
#endif /* TENSORFLOW_LITE_PROFILING_TELEMETRY_C_PROFILER_H_ */
