// SPDX-License-Identifier: Apache-2.0
// What all interpreters of one model share: the file, its verified view, packed weights.
#pragma once
#include <map>
#include <tuple>

#include "base/aligned_buffer.h"
#include "base/file.h"
#include "base/mutex.h"
#include "runtime/interpreter.h"
#include "tflite/view.h"

namespace octet::runtime {

class SharedModel : public Model {
 public:
  static Result<std::shared_ptr<const Model>> Make(MappedFile file, std::span<const std::byte> bytes, std::shared_ptr<const Model> owner = nullptr);

  const tflite::View& view() const { return view_; }
  std::span<const std::string_view> signatures() const override { return signatures_; }
  int num_subgraphs() const override { return static_cast<int>(view_.subgraphs().size()); }
  // Packed forms are made once per constant, format and parameters; the file's own pages are let go then. Tensors of different shapes may
  // share a constant: `format` says whose shape it is, too. Thread-safe.
  Result<const std::byte*> Pack(std::span<const std::byte> constant, std::string_view format, uint64_t parameters, size_t bytes,
                                void (*fill)(std::byte*, const void*), const void* context) const;
  uint64_t packed_bytes() const;

 private:
  void LetGo(std::span<const std::byte> constant) const;
  using Key = std::tuple<const std::byte*, std::string, uint64_t>;
  MappedFile file_;
  std::shared_ptr<const Model> owner_;  // Of the file, where another model holds it.
  tflite::View view_;
  std::vector<std::string_view> signatures_;
  mutable Mutex mutex_;
  mutable std::map<Key, const std::byte*> packed_;
  mutable Region memory_;
  uint64_t expected_bytes_ = 0;  // Of what will be packed.
  mutable std::span<const std::byte> packing_, read_;  // Of the file: packed last; packed before it and not let go yet.
  mutable uint64_t stays_ = 0;  // Bytes that were packed and will not be let go.
};

}  // namespace octet::runtime
