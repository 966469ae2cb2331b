/* SPDX-License-Identifier: Apache-2.0
 * Handles around buffers and fences of the platform, which programs and their delegates hand each other. They own nothing: what they
 * point to outlives them. octet itself waits for nothing and makes none. */
#ifndef TENSORFLOW_LITE_CORE_ASYNC_INTEROP_C_TYPES_H_
#define TENSORFLOW_LITE_CORE_ASYNC_INTEROP_C_TYPES_H_

#include "tensorflow/lite/c/c_api_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TfLiteBackendBuffer TfLiteBackendBuffer;
TFL_CAPI_EXPORT TfLiteBackendBuffer* TfLiteBackendBufferCreate(void);
TFL_CAPI_EXPORT void TfLiteBackendBufferDelete(TfLiteBackendBuffer* buf);
TFL_CAPI_EXPORT void TfLiteBackendBufferSetPtr(TfLiteBackendBuffer* buf, void* ptr);
TFL_CAPI_EXPORT void* TfLiteBackendBufferGetPtr(const TfLiteBackendBuffer* buf);

typedef struct TfLiteSynchronization TfLiteSynchronization;
TFL_CAPI_EXPORT TfLiteSynchronization* TfLiteSynchronizationCreate(void);
TFL_CAPI_EXPORT void TfLiteSynchronizationDelete(TfLiteSynchronization* sync);
TFL_CAPI_EXPORT void TfLiteSynchronizationSetPtr(TfLiteSynchronization* sync, void* ptr);
TFL_CAPI_EXPORT void* TfLiteSynchronizationGetPtr(const TfLiteSynchronization* sync);

typedef enum TfLiteAttrMapType {
  kTfLiteAttrMapTypeUnknown = 0,
  kTfLiteAttrMapTypeBuffer = 1,
  kTfLiteAttrMapTypeSync = 2
} TfLiteAttrMapType;

typedef enum TfLiteBufferAttrKey {
  kTfLiteBufferAttrKeyUnknown = 0,
  kTfLiteBufferAttrKeyResourceTypeName = 1,
  kTfLiteBufferAttrKeyAlignment = 2,
  kTfLiteBufferAttrKeyPadding = 3,
  kTfLiteBufferAttrKeyOffset = 4,
  kTfLiteBufferAttrKeySize = 5,
  kTfLiteBufferAttrKeyCurrentHostCoherencyState = 6,
  kTfLiteBufferAttrKeyPreferredHostCoherencyState = 7,
  kTfLiteBufferAttrKeyCurrentHostCacheState = 8,
  kTfLiteBufferAttrKeyPreferredHostCacheState = 9
} TfLiteBufferAttrKey;

typedef enum TfLiteSynchronizationAttrKey {
  kTfLiteSynchronizationAttrKeyUnknown = 0,
  kTfLiteSynchronizationAttrKeyObjectTypeName = 1
} TfLiteSynchronizationAttrKey;

#ifdef __cplusplus
}
#endif
#endif /* TENSORFLOW_LITE_CORE_ASYNC_INTEROP_C_TYPES_H_ */
