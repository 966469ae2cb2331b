// SPDX-License-Identifier: Apache-2.0
// ONNX models, opset 7 and newer.
#pragma once
#include <string>
#include <vector>

#include "base/file.h"
#include "importers/importer.h"

namespace octet::importers::onnx {

bool Is(std::span<const std::byte> bytes);
// What is not supported goes to `findings`; the model is then unfinished.
// `file`: where the bytes are mapped, to give back what was read; null: they lie elsewhere.
Result<graph::Model> Import(std::span<const std::byte> bytes, const std::string& path, const ImportOptions& options, std::vector<Finding>* findings,
                            const MappedFile* file = nullptr);

}  // namespace octet::importers::onnx
