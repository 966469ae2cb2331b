// SPDX-License-Identifier: Apache-2.0
#include "tensorflow/lite/core/async/interop/c/types.h"

struct TfLiteBackendBuffer {
  void* ptr = nullptr;
};
struct TfLiteSynchronization {
  void* ptr = nullptr;
};

TfLiteBackendBuffer* TfLiteBackendBufferCreate(void) { return new TfLiteBackendBuffer; }
void TfLiteBackendBufferDelete(TfLiteBackendBuffer* buf) { delete buf; }
void TfLiteBackendBufferSetPtr(TfLiteBackendBuffer* buf, void* ptr) { buf->ptr = ptr; }
void* TfLiteBackendBufferGetPtr(const TfLiteBackendBuffer* buf) { return buf->ptr; }

TfLiteSynchronization* TfLiteSynchronizationCreate(void) { return new TfLiteSynchronization; }
void TfLiteSynchronizationDelete(TfLiteSynchronization* sync) { delete sync; }
void TfLiteSynchronizationSetPtr(TfLiteSynchronization* sync, void* ptr) { sync->ptr = ptr; }
void* TfLiteSynchronizationGetPtr(const TfLiteSynchronization* sync) { return sync->ptr; }
