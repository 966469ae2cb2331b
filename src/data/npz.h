// SPDX-License-Identifier: Apache-2.0
// numpy's .npy and .npz files. Arrays are row-major ('fortran_order': False) and little endian.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::data {

struct Array {
  std::string name;             // Member of the archive, without ".npy".
  DType dtype = DType::kF32;    // kString: fixed-width bytes or unicode, `item_bytes` each.
  Shape shape;
  uint32_t item_bytes = 4;
  bool unicode = false;         // kString: UTF-32 code points, not bytes.
  std::span<const std::byte> bytes;  // By rows, of any alignment: inside the archive's mapping, or of `rows`.
  std::shared_ptr<const std::vector<std::byte>> rows = {};  // Of an array that the file has by columns.
};

// Element i as a number; not for text and complex numbers.
double ElementAt(const Array& array, int64_t i);

// An opened .npz or .npy. Stored members are mapped where they lie; deflated ones are inflated once
// into an unlinked temporary file and mapped, so that memory does not grow with the data. Hostile
// input gives an error that names file and member. Immutable and thread-safe.
class Archive {
 public:
  static Result<std::unique_ptr<Archive>> Open(const std::string& path);
  virtual ~Archive() = default;
  virtual const std::vector<Array>& arrays() const = 0;
  const Array* Find(std::string_view name) const;
  // Bytes of arrays that are not looked at for a while leave memory; looked at again, they come back.
  virtual void Release(std::span<const std::byte> part) const = 0;
};

// Stored (not deflated), members in the given order, no timestamps: the same arrays give the same bytes.
Result<std::vector<std::byte>> ToNpz(std::span<const Array> arrays);
Status WriteNpz(const std::string& path, std::span<const Array> arrays);

}  // namespace octet::data
