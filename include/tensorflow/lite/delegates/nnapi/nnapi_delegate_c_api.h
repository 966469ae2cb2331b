/* SPDX-License-Identifier: Apache-2.0
 * Android's Neural Networks API by TensorFlow Lite's names, over octet's delegate "nnapi" (docs/delegates.md). */
#ifndef TENSORFLOW_LITE_DELEGATES_NNAPI_NNAPI_DELEGATE_C_API_H_
#define TENSORFLOW_LITE_DELEGATES_NNAPI_NNAPI_DELEGATE_C_API_H_

#include "tensorflow/lite/c/common.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TfLiteNnapiDelegateOptions {
  enum ExecutionPreference {
    kUndefined = -1,
    kLowPower = 0,
    kFastSingleAnswer = 1,
    kSustainedSpeed = 2
  } execution_preference;
  const char* accelerator_name; /* NULL: those that the system chooses. */
  const char* cache_dir;        /* With model_token: refused, octet's delegate keeps no compiled models. */
  const char* model_token;
  int disallow_nnapi_cpu;       /* Not 0 (the default): the system's own processor implementation is not used. From Android 10 on. */
  int allow_fp16;
  int max_number_delegated_partitions; /* Those with the most work; 0 and below: no limit; 3 is the default. Of each delegate of the interpreter. */
  void* nnapi_support_library_handle;  /* Refused. */
} TfLiteNnapiDelegateOptions;

TFL_CAPI_EXPORT TfLiteNnapiDelegateOptions TfLiteNnapiDelegateOptionsDefault(void);
/* Never silent: an option that is refused is NULL, with the reason on stderr. Where the machine has no NNAPI, an interpreter that gets the
 * delegate says so through its error reporter and computes everything itself, as TensorFlow Lite does. Outlives its interpreters. */
TFL_CAPI_EXPORT TfLiteDelegate* TfLiteNnapiDelegateCreate(const TfLiteNnapiDelegateOptions* options);
TFL_CAPI_EXPORT void TfLiteNnapiDelegateDelete(TfLiteDelegate* delegate);

#ifdef __cplusplus
}
#endif
#endif /* TENSORFLOW_LITE_DELEGATES_NNAPI_NNAPI_DELEGATE_C_API_H_ */
