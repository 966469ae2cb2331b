// SPDX-License-Identifier: Apache-2.0
// A kernel's functions, whichever form they come in: TfLiteRegistration's own, or those of its TfLiteOperator.
#pragma once
#include "tensorflow/lite/c/common.h"

namespace octet::tflite_abi {

void* CallInit(const TfLiteRegistration& r, TfLiteContext* context, const char* data, size_t bytes);
void CallFree(const TfLiteRegistration& r, TfLiteContext* context, void* data);
TfLiteStatus CallPrepare(const TfLiteRegistration& r, TfLiteContext* context, TfLiteNode* node);
TfLiteStatus CallInvoke(const TfLiteRegistration& r, TfLiteContext* context, TfLiteNode* node);

// A context whose functions all refuse, so that nobody calls a null one: who makes a context replaces those that it has.
TfLiteContext RefusingContext();

// Bytes of a tensor by its type and dims; false where they do not fit.
bool BytesOf(const TfLiteTensor& t, size_t* bytes);

}  // namespace octet::tflite_abi
