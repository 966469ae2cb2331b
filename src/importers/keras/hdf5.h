// SPDX-License-Identifier: Apache-2.0
// The part of HDF5 that Keras writes, read from untrusted bytes: groups (symbol tables or compact
// links), attributes, and contiguous, compact or chunked datasets (gzip, shuffle). Little-endian numbers and text.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::importers::keras {

struct Hdf5Array {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> bytes;
};

class Hdf5 {
 public:
  // `bytes` must outlive the object; `where` names the file in errors.
  static Result<std::unique_ptr<Hdf5>> Open(std::span<const std::byte> bytes, std::string where);
  static bool Is(std::span<const std::byte> bytes);
  // Hears which bytes of the file were read into an array: who has them mapped may give them back.
  using Done = std::function<void(std::span<const std::byte>)>;
  void OnRead(Done done) { done_ = std::move(done); }

  // Paths are "a/b/c"; "" is the root. All calls after the first on an object are cheap.
  Result<bool> Exists(std::string_view path);
  Result<std::vector<std::string>> Children(std::string_view path);  // In the order of names.
  Result<Hdf5Array> Read(std::string_view path);
  Result<bool> HasAttribute(std::string_view path, std::string_view name);
  // A string, or a list of strings; an empty list of any type is empty. Error when there is none.
  Result<std::vector<std::string>> Texts(std::string_view path, std::string_view name);

 private:
  struct Type {
    enum class Kind : uint8_t { kNumber, kText, kVariableText, kOther };
    Kind kind = Kind::kOther;
    DType dtype = DType::kNone;
    uint32_t size = 0;
    bool space_padded = false;
  };
  struct Space {
    std::vector<uint64_t> dims;
    bool null = false;
    uint64_t elements = 1;
  };
  struct Message {
    uint16_t type = 0;
    uint8_t flags = 0;
    std::span<const std::byte> body;
  };
  struct Attribute {
    Type type;
    Space space;
    std::span<const std::byte> data;
  };
  struct Object {
    std::vector<Message> messages;
    std::map<std::string, uint64_t, std::less<>> links;
    bool links_read = false;
  };
  struct Chunks {
    uint64_t tree = 0;
    std::vector<uint64_t> dims;  // Of a chunk.
    std::vector<uint16_t> filters;
  };

  std::span<const std::byte> At(uint64_t address) const;
  bool Spend() { return budget_ > 0 && budget_-- > 0; }
  Status Bad(std::string_view what) const;
  Status ReadSuperblock();
  Result<Object*> Find(std::string_view path);  // Null when there is none.
  Result<Object*> Load(uint64_t address);
  Status ReadHeader1(uint64_t address, Object* object);
  Status ReadHeader2(uint64_t address, Object* object);
  Status ReadLinks(Object* object);
  Status ReadLinkMessage(const Message& message, Object* object);
  Status ReadSymbolTable(uint64_t tree, uint64_t heap, Object* object);
  Status ReadSymbolNode(uint64_t address, std::span<const std::byte> names, Object* object);

  Result<Type> ParseType(std::span<const std::byte> body) const;
  Result<Space> ParseSpace(std::span<const std::byte> body) const;
  Result<std::optional<Attribute>> FindAttribute(std::string_view path, std::string_view name);
  Result<std::optional<Attribute>> ParseAttribute(const Message& message, std::string_view name) const;
  Result<std::string> HeapText(std::span<const std::byte> reference);
  Status ReadLayout(const Object& object, uint64_t bytes, uint32_t item, const Space& space, std::vector<std::byte>* out);
  Status ReadFilters(const Object& object, Chunks* chunks) const;
  Status ReadChunks(const Chunks& chunks, uint64_t node, int level, uint32_t item, const Space& space, uint64_t* covered,
                    std::vector<std::byte>* out);
  Result<std::vector<std::byte>> Unfilter(const Chunks& chunks, std::span<const std::byte> raw, uint32_t mask,
                                          uint64_t bytes, uint32_t item) const;

  std::string where_, path_;  // path_: the object being read, for messages.
  std::span<const std::byte> bytes_;
  Done done_;
  uint64_t root_ = 0;
  uint64_t budget_ = 0;       // Steps left: no file needs more than a few per byte.
  std::map<uint64_t, Object> objects_;
  std::map<uint64_t, std::map<uint16_t, std::string_view>> heaps_;
};

}  // namespace octet::importers::keras
