// SPDX-License-Identifier: Apache-2.0
// TensorFlow Lite's delegates, classic and opaque, as delegates of octet.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/library.h"
#include "runtime/delegate.h"
#include "tensorflow/lite/c/common.h"

namespace octet::tflite_abi {

// `free` is called when nobody uses it any more.
std::shared_ptr<const runtime::Delegate> WrapDelegate(TfLiteDelegate* delegate, std::function<void()> free, std::string name);

// One that stays its caller's.
std::shared_ptr<const runtime::Delegate> Borrow(TfLiteDelegate* delegate);

// One of octet's own under a TensorFlow Lite name: interpreters take what is in here. To others it is a delegate that takes no nodes.
struct OwnDelegate : TfLiteDelegate {
  OwnDelegate();
  std::shared_ptr<const runtime::Delegate> delegate = nullptr;  // Null: the CPU's kernels answer,
  std::string why = {};                                          // because of this, where it was not meant so.
  int threads = 0;    // The interpreter gets at least as many,
  int max_parts = 0;  // and of each delegate at most so many parts; 0: any number.
};
// Null where it is somebody else's.
const OwnDelegate* AsOwn(const TfLiteDelegate* delegate);

// The two functions of an external delegate: tflite_plugin_create_delegate and _destroy_delegate.
bool IsPlugin(const Library& library);
struct Plugin {
  TfLiteDelegate* delegate;
  void (*destroy)(TfLiteDelegate*);
};
Result<Plugin> CreateFromPlugin(const Library& library, const std::string& path, const runtime::Delegate::Settings& settings);

}  // namespace octet::tflite_abi
