// SPDX-License-Identifier: Apache-2.0
#include "delegates/plugin/plugin.h"

#include "base/library.h"
#include "tflite_abi/delegate.h"

namespace octet::delegates {

Result<std::shared_ptr<const runtime::Delegate>> LoadPlugin(const Spec& spec) {
  OCTET_ASSIGN(const Library library, Library::OpenPlugin(spec.name));
  if (void* function = library.Find("octet_delegate"))
    return runtime::Delegate::Create(reinterpret_cast<OctetDelegateFn>(function)(OCTET_DELEGATE_VERSION), spec.settings);
  if (!tflite_abi::IsPlugin(library))
    return Error(Code::kInvalidArgument,
                 "'%s' is no delegate: expected the function octet_delegate, or tflite_plugin_create_delegate and tflite_plugin_destroy_delegate",
                 spec.name.c_str());
  OCTET_ASSIGN(const tflite_abi::Plugin plugin, tflite_abi::CreateFromPlugin(library, spec.name, spec.settings));
  return tflite_abi::WrapDelegate(plugin.delegate, [plugin] { plugin.destroy(plugin.delegate); }, spec.name.substr(spec.name.find_last_of('/') + 1));
}

}  // namespace octet::delegates
