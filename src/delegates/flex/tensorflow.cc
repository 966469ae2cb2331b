// SPDX-License-Identifier: Apache-2.0
#include "delegates/flex/tensorflow.h"

#include <map>
#include <memory>
#include <mutex>

#include "base/library.h"

namespace octet::delegates {
namespace {

template <class F> void Find(const Library& library, const char* name, F* function, std::string* missing) {
  *function = reinterpret_cast<F>(library.Find(name));
  if (!*function) *missing += std::string(missing->empty() ? "" : ", ") + name;
}

Status FindAll(const Library& library, TensorFlow* tf) {
  std::string missing;
  Find(library, "TF_NewStatus", &tf->NewStatus, &missing);
  Find(library, "TF_DeleteStatus", &tf->DeleteStatus, &missing);
  Find(library, "TF_GetCode", &tf->GetCode, &missing);
  Find(library, "TF_Message", &tf->Message, &missing);
  Find(library, "TF_AllocateTensor", &tf->AllocateTensor, &missing);
  Find(library, "TF_NewTensor", &tf->NewTensor, &missing);
  Find(library, "TF_StringInit", &tf->StringInit, &missing);
  Find(library, "TF_StringCopy", &tf->StringCopy, &missing);
  Find(library, "TF_StringDealloc", &tf->StringDealloc, &missing);
  Find(library, "TF_StringGetDataPointer", &tf->StringData, &missing);
  Find(library, "TF_StringGetSize", &tf->StringSize, &missing);
  Find(library, "TF_DeleteTensor", &tf->DeleteTensor, &missing);
  Find(library, "TF_TensorData", &tf->TensorData, &missing);
  Find(library, "TF_TensorByteSize", &tf->TensorByteSize, &missing);
  Find(library, "TF_TensorType", &tf->TensorType, &missing);
  Find(library, "TF_NumDims", &tf->NumDims, &missing);
  Find(library, "TF_Dim", &tf->Dim, &missing);
  Find(library, "TFE_NewContextOptions", &tf->NewContextOptions, &missing);
  Find(library, "TFE_DeleteContextOptions", &tf->DeleteContextOptions, &missing);
  Find(library, "TFE_NewContext", &tf->NewContext, &missing);
  Find(library, "TFE_NewTensorHandle", &tf->NewTensorHandle, &missing);
  Find(library, "TFE_DeleteTensorHandle", &tf->DeleteTensorHandle, &missing);
  Find(library, "TFE_TensorHandleResolve", &tf->Resolve, &missing);
  Find(library, "TFE_NewOp", &tf->NewOp, &missing);
  Find(library, "TFE_DeleteOp", &tf->DeleteOp, &missing);
  Find(library, "TFE_OpAddInput", &tf->AddInput, &missing);
  Find(library, "TFE_OpSetAttrValueProto", &tf->SetAttribute, &missing);
  Find(library, "TFE_Execute", &tf->Execute, &missing);
  return missing.empty() ? Status()
                         : Error(Code::kUnsupported, "'%s' is no TensorFlow library for Flex operators: it lacks %s", tf->path.c_str(), missing.c_str());
}

Status StartContext(TensorFlow* tf) {
  TF_Status* status = tf->NewStatus();
  TFE_ContextOptions* options = tf->NewContextOptions();
  tf->context = tf->NewContext(options, status);
  tf->DeleteContextOptions(options);
  Status answer;
  if (tf->GetCode(status) != 0 || !tf->context)
    answer = Error(Code::kUnsupported, "TensorFlow in '%s' does not start: %s", tf->path.c_str(), tf->Message(status));
  tf->DeleteStatus(status);
  return answer;
}

}  // namespace

Result<const TensorFlow*> TensorFlow::Load(const std::string& path) {
  static std::mutex mutex;
  static auto& loaded = *new std::map<std::string, std::unique_ptr<const TensorFlow>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<const TensorFlow>& entry = loaded[path];
  if (entry) return entry.get();
  OCTET_ASSIGN(const Library library, Library::Open(path));
  auto tf = std::make_unique<TensorFlow>();
  tf->path = path;
  OCTET_TRY(FindAll(library, tf.get()));
  OCTET_TRY(StartContext(tf.get()));
  entry = std::move(tf);
  return entry.get();
}

}  // namespace octet::delegates
