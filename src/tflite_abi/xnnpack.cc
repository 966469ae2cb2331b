// SPDX-License-Identifier: Apache-2.0
#include "tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h"

#include <cstdio>
#include <mutex>
#include <set>

#include "tflite_abi/delegate.h"

struct TfLiteXNNPackDelegateWeightsCache {
  enum { kOpen, kSoft, kHard } state = kOpen;
};

namespace {

using Cache = TfLiteXNNPackDelegateWeightsCache;

struct XnnPackDelegate : octet::tflite_abi::OwnDelegate {
  TfLiteXNNPackDelegateOptions options;
};

// Those that live: programs of another version of the structure may pass something else.
std::mutex g_mutex;
template <class T>
std::set<const T*>& Living() {
  static auto& set = *new std::set<const T*>;
  return set;
}
bool IsLiving(const Cache* cache) { return Living<Cache>().contains(cache); }

XnnPackDelegate* Of(TfLiteDelegate* delegate) {
  const std::lock_guard lock(g_mutex);
  auto* own = static_cast<XnnPackDelegate*>(delegate);
  return delegate && Living<TfLiteDelegate>().contains(delegate) ? own : nullptr;
}

// Where these fields are pointers here, later versions of the structure have flags and a bool: no addresses.
template <class T>
bool IsAddress(const T* p) {
  return reinterpret_cast<uintptr_t>(p) > 0xffff;
}

// Null: all is well.
const char* Refusal(const TfLiteXNNPackDelegateOptions& o) {
  if (o.flags & TFLITE_XNNPACK_DELEGATE_FLAG_FORCE_FP16)
    return "TFLITE_XNNPACK_DELEGATE_FLAG_FORCE_FP16: octet computes single precision as such; convert the model with float16 weights instead";
  if (IsAddress(o.experimental_weight_cache_file_path))
    return "a file for packed weights: octet packs them when a model is first allocated, and writes no file; leave the path NULL";
  if (!IsAddress(o.weights_cache)) return nullptr;
  const std::lock_guard lock(g_mutex);
  if (!IsLiving(o.weights_cache)) return "weights_cache: not one that TfLiteXNNPackDelegateWeightsCacheCreate made";
  return o.weights_cache->state == Cache::kHard ? "weights_cache: hard-finalized, no more delegates can share it" : nullptr;
}

bool Finalize(Cache* cache, decltype(Cache::state) state) {
  const std::lock_guard lock(g_mutex);
  if (!IsLiving(cache) || cache->state >= state) return false;
  cache->state = state;
  return true;
}

}  // namespace

TfLiteXNNPackDelegateOptions TfLiteXNNPackDelegateOptionsDefault(void) {
  TfLiteXNNPackDelegateOptions options = {};
  options.flags = TFLITE_XNNPACK_DELEGATE_FLAG_QS8 | TFLITE_XNNPACK_DELEGATE_FLAG_QU8;
  return options;
}

TfLiteDelegate* TfLiteXNNPackDelegateCreate(const TfLiteXNNPackDelegateOptions* options) {
  const TfLiteXNNPackDelegateOptions wanted = options ? *options : TfLiteXNNPackDelegateOptionsDefault();
  if (const char* why = Refusal(wanted)) return std::fprintf(stderr, "ERROR: TfLiteXNNPackDelegateCreate: %s\n", why), nullptr;
  auto* delegate = new XnnPackDelegate;
  delegate->options = wanted;
  delegate->threads = wanted.num_threads;
  const std::lock_guard lock(g_mutex);
  Living<TfLiteDelegate>().insert(delegate);
  return delegate;
}
TfLiteDelegate* TfLiteXNNPackDelegateCreateWithThreadpool(const TfLiteXNNPackDelegateOptions* options, TfLiteContext*) {
  return TfLiteXNNPackDelegateCreate(options);
}
void* TfLiteXNNPackDelegateGetThreadPool(TfLiteDelegate*) { return nullptr; }
const TfLiteXNNPackDelegateOptions* TfLiteXNNPackDelegateGetOptions(TfLiteDelegate* delegate) {
  XnnPackDelegate* own = Of(delegate);
  return own ? &own->options : nullptr;
}
int TfLiteXNNPackDelegateGetFlags(TfLiteDelegate* delegate) {
  XnnPackDelegate* own = Of(delegate);
  return own ? static_cast<int>(own->options.flags) : 0;
}
void TfLiteXNNPackDelegateDelete(TfLiteDelegate* delegate) {
  XnnPackDelegate* own = Of(delegate);
  if (!own) return;
  const std::lock_guard lock(g_mutex);
  Living<TfLiteDelegate>().erase(delegate);
  delete own;
}

Cache* TfLiteXNNPackDelegateWeightsCacheCreate(void) { return TfLiteXNNPackDelegateWeightsCacheCreateWithSize(0); }
Cache* TfLiteXNNPackDelegateWeightsCacheCreateWithSize(size_t) {
  const std::lock_guard lock(g_mutex);
  auto* cache = new Cache;
  Living<Cache>().insert(cache);
  return cache;
}
bool TfLiteXNNPackDelegateWeightsCacheFinalizeSoft(Cache* cache) { return Finalize(cache, Cache::kSoft); }
bool TfLiteXNNPackDelegateWeightsCacheFinalizeHard(Cache* cache) { return Finalize(cache, Cache::kHard); }
void TfLiteXNNPackDelegateWeightsCacheDelete(Cache* cache) {
  const std::lock_guard lock(g_mutex);
  if (Living<Cache>().erase(cache) > 0) delete cache;
}
