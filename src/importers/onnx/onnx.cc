// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/onnx.h"

#include "importers/onnx/builder.h"

namespace octet::importers::onnx {

bool Is(std::span<const std::byte> bytes) { return LooksLikeModel(bytes); }

Result<graph::Model> Import(std::span<const std::byte> bytes, const std::string& path, const ImportOptions& options, std::vector<Finding>* findings,
                            const MappedFile* file) {
  OCTET_ASSIGN(const ModelProto model, ParseModel(bytes));
  const size_t slash = path.rfind('/');
  Tensors tensors(slash == std::string::npos ? "." : path.substr(0, slash));
  if (file) tensors.OnRead([file](std::span<const std::byte> read) { file->Release(read); });
  Builder builder(model, tensors, options);
  return builder.Build(findings);
}

}  // namespace octet::importers::onnx
