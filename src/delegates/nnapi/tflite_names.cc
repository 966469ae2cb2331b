// SPDX-License-Identifier: Apache-2.0
// NNAPI by TensorFlow Lite's names: part of libtensorflowlite_c.
#include <cstdio>

#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/delegates/nnapi/nnapi_delegate_c_api.h"
#include "tflite_abi/c_api.h"

namespace octet::delegates {

const OctetDelegate* NnapiDelegate();

namespace {

struct NnapiUnderTfLiteName : tflite_abi::OwnDelegate {};

runtime::Delegate::Settings SettingsOf(const TfLiteNnapiDelegateOptions& o) {
  runtime::Delegate::Settings settings;
  if (o.accelerator_name) settings.emplace_back("accelerator", o.accelerator_name);
  if (o.disallow_nnapi_cpu) settings.emplace_back("cpu", "0");
  if (o.allow_fp16) settings.emplace_back("fp16", "1");
  if (o.execution_preference == TfLiteNnapiDelegateOptions::kLowPower) settings.emplace_back("preference", "low_power");
  if (o.execution_preference == TfLiteNnapiDelegateOptions::kSustainedSpeed) settings.emplace_back("preference", "sustained");
  return settings;
}

std::unique_ptr<NnapiUnderTfLiteName> Make(const TfLiteNnapiDelegateOptions& o) {
  auto made = std::make_unique<NnapiUnderTfLiteName>();
  auto delegate = runtime::Delegate::Create(NnapiDelegate(), SettingsOf(o));
  if (delegate.ok()) made->delegate = std::move(*delegate);
  else made->why = "NNAPI: " + delegate.error().message() + "; the CPU's kernels compute everything";
  made->max_parts = o.max_number_delegated_partitions;
  return made;
}

// Null: all is well.
const char* Refusal(const TfLiteNnapiDelegateOptions& o) {
  if (o.nnapi_support_library_handle) return "nnapi_support_library_handle: only the system's own NNAPI";
  if (o.cache_dir || o.model_token) return "cache_dir and model_token: compiled models are not kept; leave them NULL";
  return nullptr;
}

}  // namespace
}  // namespace octet::delegates

TfLiteNnapiDelegateOptions TfLiteNnapiDelegateOptionsDefault(void) {
  TfLiteNnapiDelegateOptions options = {};
  options.execution_preference = TfLiteNnapiDelegateOptions::kUndefined;
  options.disallow_nnapi_cpu = 1;
  options.max_number_delegated_partitions = 3;
  return options;
}

TfLiteDelegate* TfLiteNnapiDelegateCreate(const TfLiteNnapiDelegateOptions* options) {
  const TfLiteNnapiDelegateOptions wanted = options ? *options : TfLiteNnapiDelegateOptionsDefault();
  if (const char* why = octet::delegates::Refusal(wanted)) return std::fprintf(stderr, "ERROR: TfLiteNnapiDelegateCreate: %s\n", why), nullptr;
  return octet::delegates::Make(wanted).release();
}
void TfLiteNnapiDelegateDelete(TfLiteDelegate* delegate) { delete static_cast<octet::delegates::NnapiUnderTfLiteName*>(delegate); }

void TfLiteInterpreterOptionsSetUseNNAPI(TfLiteInterpreterOptions* options, bool enable) {
  options->nnapi = enable ? octet::delegates::Make(TfLiteNnapiDelegateOptionsDefault()) : nullptr;
}
