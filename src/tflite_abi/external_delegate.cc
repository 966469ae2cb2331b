// SPDX-License-Identifier: Apache-2.0
#include "tensorflow/lite/delegates/external/external_delegate.h"

#include <cstdio>
#include <map>
#include <mutex>

#include "tflite_abi/delegate.h"

namespace {

std::mutex g_mutex;
std::map<TfLiteDelegate*, void (*)(TfLiteDelegate*)>& Destroyers() {
  static auto& map = *new std::map<TfLiteDelegate*, void (*)(TfLiteDelegate*)>;
  return map;
}

}  // namespace

TfLiteStatus TfLiteExternalDelegateOptionsInsert(TfLiteExternalDelegateOptions* options, const char* key, const char* value) {
  if (options->count >= kExternalDelegateMaxOptions) {
    std::fprintf(stderr, "ERROR: an external delegate has up to %d options\n", kExternalDelegateMaxOptions);
    return kTfLiteError;
  }
  options->keys[options->count] = key;
  options->values[options->count++] = value;
  return kTfLiteOk;
}

TfLiteExternalDelegateOptions TfLiteExternalDelegateOptionsDefault(const char* lib_path) {
  TfLiteExternalDelegateOptions options{};
  options.lib_path = lib_path;
  options.insert = TfLiteExternalDelegateOptionsInsert;
  return options;
}

TfLiteDelegate* TfLiteExternalDelegateCreate(const TfLiteExternalDelegateOptions* options) {
  const std::string path = options && options->lib_path ? options->lib_path : "";
  const auto made = [&]() -> octet::Result<octet::tflite_abi::Plugin> {
    OCTET_ASSIGN(const octet::Library library, octet::Library::OpenPlugin(path));
    octet::runtime::Delegate::Settings settings;
    for (int i = 0; i < options->count; ++i) settings.emplace_back(options->keys[i], options->values[i]);
    return octet::tflite_abi::CreateFromPlugin(library, path, settings);
  };
  auto plugin = made();
  if (!plugin.ok()) {
    std::fprintf(stderr, "ERROR: %s\n", plugin.error().message().c_str());
    return nullptr;
  }
  const std::lock_guard lock(g_mutex);
  Destroyers()[plugin->delegate] = plugin->destroy;
  return plugin->delegate;
}

void TfLiteExternalDelegateDelete(TfLiteDelegate* delegate) {
  void (*destroy)(TfLiteDelegate*) = nullptr;
  {
    const std::lock_guard lock(g_mutex);
    const auto at = Destroyers().find(delegate);
    if (at == Destroyers().end()) return;
    destroy = at->second;
    Destroyers().erase(at);
  }
  destroy(delegate);
}
