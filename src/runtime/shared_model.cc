// SPDX-License-Identifier: Apache-2.0
#include "runtime/shared_model.h"

#include <algorithm>
#include <utility>

#include "kernels/kernels.h"
#include "ops/registry.h"

namespace octet::runtime {
namespace {

// Most packed forms are as large as what they are made from, some larger. A channel's 4 bytes of bias come with 20 bytes and 4 of how
// its sums are rounded (kernels::FlooredPanel, and the first of the sum).
uint64_t ExpectedBytes(const tflite::View& view) {
  constexpr uint64_t kOfBias = (sizeof(kernels::FlooredPanel) + kernels::kPanel * sizeof(int32_t)) / (kernels::kPanel * sizeof(int32_t));
  uint64_t constants = 0, biases = 0;
  for (const tflite::SubgraphInfo& g : view.subgraphs()) {
    for (const tflite::TensorInfo& t : g.tensors) {
      constants += t.constant.size();
      if (t.type.dtype == DType::kI32 && !t.type.quant.scale.empty()) biases += t.constant.size();
    }
  }
  constants = std::min<uint64_t>(constants, view.file().size());  // Hostile files have many tensors of the same bytes.
  return constants + constants / 16 + std::min(biases, constants) * kOfBias;
}

// Models of files that are open in this process, by the file and the operators that there were: a second interpreter of
// a file neither verifies nor packs again.
struct OpenModels {
  Mutex mutex;
  std::map<std::pair<FileIdentity, size_t>, std::weak_ptr<const Model>> models;
};
OpenModels& TheOpenModels() {
  static OpenModels* open = new OpenModels;
  return *open;
}

Result<std::shared_ptr<const Model>> OpenShared(MappedFile file) {
  const std::span<const std::byte> bytes = file.bytes();
  if (!file.identity().settled()) return SharedModel::Make(std::move(file), bytes);
  const std::pair key(file.identity(), ops::CountRegistered());
  OpenModels& open = TheOpenModels();
  {
    const Lock lock(open.mutex);
    const auto found = open.models.find(key);
    if (found != open.models.end())
      if (std::shared_ptr<const Model> model = found->second.lock()) return model;
  }
  OCTET_ASSIGN(std::shared_ptr<const Model> model, SharedModel::Make(std::move(file), bytes));
  const Lock lock(open.mutex);
  std::erase_if(open.models, [](const auto& entry) { return entry.second.expired(); });
  open.models.insert_or_assign(key, model);
  return model;
}
}  // namespace

Result<std::shared_ptr<const Model>> SharedModel::Make(MappedFile file, std::span<const std::byte> bytes, std::shared_ptr<const Model> owner) {
  auto model = std::make_shared<SharedModel>();
  model->owner_ = std::move(owner);
  model->file_ = std::move(file);
  OCTET_ASSIGN(model->view_, tflite::View::Open(bytes));
  model->expected_bytes_ = ExpectedBytes(model->view_);
  for (const tflite::SignatureInfo& s : model->view_.signatures()) model->signatures_.push_back(s.key);
  return std::shared_ptr<const Model>(std::move(model));
}

Result<const std::byte*> SharedModel::Pack(std::span<const std::byte> constant, std::string_view format, uint64_t parameters, size_t bytes,
                                           void (*fill)(std::byte*, const void*), const void* context) const {
  const Lock lock(mutex_);
  const auto [it, fresh] = packed_.try_emplace(Key(constant.data(), format, parameters), nullptr);
  if (!fresh) return it->second;
  Result<std::byte*> memory = memory_.Take(bytes + kReadAhead, expected_bytes_ - std::min(expected_bytes_, memory_.taken()));
  if (!memory.ok()) {
    packed_.erase(it);
    return std::move(memory).status();
  }
  if (constant.data() != packing_.data()) LetGo(std::exchange(packing_, constant));  // Constants are packed in several forms, one after the other.
  fill(*memory, context);
  return it->second = *memory;
}

// The file's pages of what was packed, some at a time: they are mapped, and unmapped, in groups. The first of them stay: letting go of
// all takes a sixth of a small model's loading, and what is mapped of a file is the system's to take back.
void SharedModel::LetGo(std::span<const std::byte> constant) const {
  constexpr uint64_t kStay = 4 << 20;
  if (stays_ < kStay) {
    stays_ += constant.size();
    return;
  }
  constexpr ptrdiff_t kNear = 64 << 10;
  constexpr size_t kEnough = 256 << 10;
  const std::byte *const begin = constant.data(), *const end = begin + constant.size(), *const read_end = read_.data() + read_.size();
  const bool adjoins = !read_.empty() && begin <= read_end + kNear && end + kNear >= read_.data();
  if (!adjoins) {
    file_.Release(read_);
    read_ = constant;
  } else {
    const std::byte* const first = std::min(begin, read_.data());
    read_ = {first, static_cast<size_t>(std::max(end, read_end) - first)};
  }
  if (read_.size() < kEnough) return;
  file_.Release(read_);
  read_ = {};
}

uint64_t SharedModel::packed_bytes() const {
  const Lock lock(mutex_);
  return memory_.taken();
}

Result<std::shared_ptr<const Model>> Model::Open(const std::string& path) {
  OCTET_ASSIGN(MappedFile file, MappedFile::Open(path));
  Result<std::shared_ptr<const Model>> model = OpenShared(std::move(file));
  if (!model.ok()) return Error(model.error().code(), "'%s': %s", path.c_str(), model.error().message().c_str());
  return model;
}

Result<std::shared_ptr<const Model>> Model::FromBytes(std::span<const std::byte> bytes) { return SharedModel::Make(MappedFile(), bytes); }

Result<std::shared_ptr<const Model>> Model::Reopen(std::shared_ptr<const Model> model) {
  const std::span<const std::byte> bytes = static_cast<const SharedModel&>(*model).view().file();
  return SharedModel::Make(MappedFile(), bytes, std::move(model));
}

}  // namespace octet::runtime
