// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/delegate.h"

#include <cstdio>
#include <cstring>

#include "tflite_abi/delegate_context.h"

namespace octet::tflite_abi {
namespace {

int Say(const Status& status, char* error, size_t bytes) {
  if (status.ok()) return OCTET_DELEGATE_OK;
  std::snprintf(error, bytes, "%s", status.message().c_str());
  return OCTET_DELEGATE_ERROR;
}

int Create(const OctetDelegateOption*, size_t, void**, char*, size_t) { return OCTET_DELEGATE_ERROR; }  // They come ready made: WrapDelegate.

int Begin(void* self, const OctetDelegateGraph* graph, void** session, char* error, size_t bytes) {
  auto context = std::make_unique<DelegateContext>(static_cast<TfLiteDelegate*>(self), *graph);
  const Status status = context->Prepare();
  if (status.ok()) *session = context.release();
  return Say(status, error, bytes);
}

int Takes(void* session, const OctetDelegateGraph*, int32_t node, char* reason, size_t bytes) {
  if (static_cast<DelegateContext*>(session)->claim_of(node) >= 0) return 1;
  std::snprintf(reason, bytes, "the delegate did not ask for it");
  return 0;
}

int Prepare(void* session, const OctetDelegateGraph*, const OctetDelegatePart* part, void** kernel, char* error, size_t bytes) {
  auto made = std::make_unique<DelegateKernel>(*static_cast<DelegateContext*>(session), *part);
  const Status status = made->Prepare();
  if (status.ok()) *kernel = made.release();
  return Say(status, error, bytes);
}

int Run(void* kernel, const void* const* in, void* const* out, char* error, size_t bytes) {
  return Say(static_cast<DelegateKernel*>(kernel)->Run(in, out), error, bytes);
}
void Release(void* kernel) { delete static_cast<DelegateKernel*>(kernel); }
void End(void* session) { delete static_cast<DelegateContext*>(session); }

constexpr OctetDelegate kTfLite = {
    OCTET_DELEGATE_VERSION, sizeof(OctetDelegate), "tflite", Create, nullptr, nullptr, Begin, Takes, Prepare, Run, nullptr, Release, End};

using CreateFn = TfLiteDelegate* (*)(const char* const*, const char* const*, size_t, void (*)(const char*));
using DestroyFn = void (*)(TfLiteDelegate*);

// The interface's report function has no place for the caller's data.
thread_local std::string* g_said = nullptr;
void Report(const char* text) {
  if (g_said && text) *g_said += (g_said->empty() ? "" : "; ") + std::string(text);
}

}  // namespace

std::shared_ptr<const runtime::Delegate> WrapDelegate(TfLiteDelegate* delegate, std::function<void()> free, std::string name) {
  return std::make_shared<runtime::Delegate>(&kTfLite, delegate, std::move(free), std::move(name));
}

std::shared_ptr<const runtime::Delegate> Borrow(TfLiteDelegate* delegate) { return WrapDelegate(delegate, {}, "tflite delegate"); }

OwnDelegate::OwnDelegate() : TfLiteDelegate(TfLiteDelegateCreate()) {
  Prepare = [](TfLiteContext*, TfLiteDelegate*) { return kTfLiteOk; };
}

const OwnDelegate* AsOwn(const TfLiteDelegate* delegate) {
  static const OwnDelegate pattern;
  return delegate && delegate->Prepare == pattern.Prepare ? static_cast<const OwnDelegate*>(delegate) : nullptr;
}

bool IsPlugin(const Library& library) { return library.Find("tflite_plugin_create_delegate") && library.Find("tflite_plugin_destroy_delegate"); }

Result<Plugin> CreateFromPlugin(const Library& library, const std::string& path, const runtime::Delegate::Settings& settings) {
  const auto create = reinterpret_cast<CreateFn>(library.Find("tflite_plugin_create_delegate"));
  const auto destroy = reinterpret_cast<DestroyFn>(library.Find("tflite_plugin_destroy_delegate"));
  if (!create || !destroy)
    return Error(Code::kInvalidArgument, "'%s' is no delegate: expected the functions tflite_plugin_create_delegate and tflite_plugin_destroy_delegate",
                 path.c_str());
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : settings) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  std::string said;
  g_said = &said;
  TfLiteDelegate* delegate = create(keys.data(), values.data(), keys.size(), Report);
  g_said = nullptr;
  if (!delegate) return Error(Code::kDelegate, "'%s' cannot create its delegate: %s", path.c_str(), said.empty() ? "it does not say why" : said.c_str());
  return Plugin{delegate, destroy};
}

}  // namespace octet::tflite_abi
