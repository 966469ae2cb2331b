// SPDX-License-Identifier: Apache-2.0
#include "runtime/shared_model.h"

namespace octet::runtime {

Result<std::shared_ptr<const Model>> SharedModel::Make(MappedFile file, std::span<const std::byte> bytes, std::shared_ptr<const Model> owner) {
  auto model = std::make_shared<SharedModel>();
  model->owner_ = std::move(owner);
  model->file_ = std::move(file);
  OCTET_ASSIGN(model->view_, tflite::View::Open(bytes));
  for (const tflite::SignatureInfo& s : model->view_.signatures()) model->signatures_.push_back(s.key);
  return std::shared_ptr<const Model>(std::move(model));
}

Result<const std::byte*> SharedModel::Pack(std::span<const std::byte> constant, std::string_view format, uint64_t parameters, size_t bytes,
                                           void (*fill)(std::byte*, const void*), const void* context) const {
  const Lock lock(mutex_);
  const auto [it, fresh] = packed_.try_emplace(Key(constant.data(), format, parameters));
  if (!fresh) return static_cast<const std::byte*>(it->second.data());
  Result<AlignedBuffer> buffer = AlignedBuffer::Make(bytes, AlignedBuffer::Pages::kNow);
  if (!buffer.ok()) {
    packed_.erase(it);
    return std::move(buffer).status();
  }
  fill(buffer->data(), context);
  file_.Release(constant);
  it->second = std::move(*buffer);
  return static_cast<const std::byte*>(it->second.data());
}

uint64_t SharedModel::packed_bytes() const {
  const Lock lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [_, buffer] : packed_) bytes += buffer.bytes();
  return bytes;
}

Result<std::shared_ptr<const Model>> Model::Open(const std::string& path) {
  OCTET_ASSIGN(MappedFile file, MappedFile::Open(path));
  const std::span<const std::byte> bytes = file.bytes();
  Result<std::shared_ptr<const Model>> model = SharedModel::Make(std::move(file), bytes);
  if (!model.ok()) return Error(model.error().code(), "'%s': %s", path.c_str(), model.error().message().c_str());
  return model;
}

Result<std::shared_ptr<const Model>> Model::FromBytes(std::span<const std::byte> bytes) { return SharedModel::Make(MappedFile(), bytes); }

Result<std::shared_ptr<const Model>> Model::Reopen(std::shared_ptr<const Model> model) {
  const std::span<const std::byte> bytes = static_cast<const SharedModel&>(*model).view().file();
  return SharedModel::Make(MappedFile(), bytes, std::move(model));
}

}  // namespace octet::runtime
