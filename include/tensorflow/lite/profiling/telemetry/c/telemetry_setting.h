/* SPDX-License-Identifier: Apache-2.0
 * What a telemetry profiler is told about a model when an interpreter is made. Valid during that call only. */
#ifndef TENSORFLOW_LITE_PROFILING_TELEMETRY_C_TELEMETRY_SETTING_H_
#define TENSORFLOW_LITE_PROFILING_TELEMETRY_C_TELEMETRY_SETTING_H_

#include <stddef.h>
#include <stdint.h>

#include "tensorflow/lite/c/common.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TfLiteTelemetrySettings {
  uint32_t source;  /* 1, the interpreter: data is a TfLiteTelemetryInterpreterSettings. 2 to 7: delegates, with data of their own. */
  const void* data;
} TfLiteTelemetrySettings;

typedef struct TfLiteTelemetryConversionMetadata TfLiteTelemetryConversionMetadata;
typedef struct TfLiteTelemetryInterpreterSettings TfLiteTelemetryInterpreterSettings;
typedef struct TfLiteTelemetrySubgraphInfo TfLiteTelemetrySubgraphInfo;
typedef struct TfLiteTelemetryGpuDelegateSettings TfLiteTelemetryGpuDelegateSettings;

/* Everything takes NULL for nothing known. */
/* How the converter that wrote the file optimized it, from its metadata CONVERSION_METADATA; NULL where the file does not say. */
TFL_CAPI_EXPORT const TfLiteTelemetryConversionMetadata* TfLiteTelemetryInterpreterSettingsGetConversionMetadata(
    const TfLiteTelemetryInterpreterSettings* settings);
TFL_CAPI_EXPORT const int32_t* TfLiteTelemetryConversionMetadataGetModelOptimizationModes(const TfLiteTelemetryConversionMetadata* metadata);
TFL_CAPI_EXPORT size_t TfLiteTelemetryConversionMetadataGetNumModelOptimizationModes(const TfLiteTelemetryConversionMetadata* metadata);

/* The first one; the others follow it. */
TFL_CAPI_EXPORT const TfLiteTelemetrySubgraphInfo* TfLiteTelemetryInterpreterSettingsGetSubgraphInfo(const TfLiteTelemetryInterpreterSettings* settings);
TFL_CAPI_EXPORT size_t TfLiteTelemetryInterpreterSettingsGetNumSubgraphInfo(const TfLiteTelemetryInterpreterSettings* settings);
/* One per tensor of the subgraph. */
TFL_CAPI_EXPORT const TfLiteQuantization* TfLiteTelemetrySubgraphInfoGetQuantizations(TfLiteTelemetrySubgraphInfo* subgraph_info);
TFL_CAPI_EXPORT size_t TfLiteTelemetrySubgraphInfoGetNumQuantizations(TfLiteTelemetrySubgraphInfo* subgraph_info);

/* Of a GPU delegate that reports itself. Backend: 0 unknown, 1 OpenCL, 2 OpenGL. octet's own says what it does through octet.h instead. */
TFL_CAPI_EXPORT size_t TfLiteTelemetryGpuDelegateSettingsGetNumNodesDelegated(const TfLiteTelemetryGpuDelegateSettings* settings);
TFL_CAPI_EXPORT int TfLiteTelemetryGpuDelegateSettingsGetBackend(const TfLiteTelemetryGpuDelegateSettings* settings);

#ifdef __cplusplus
}
#endif
#endif /* TENSORFLOW_LITE_PROFILING_TELEMETRY_C_TELEMETRY_SETTING_H_ */
