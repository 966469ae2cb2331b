// SPDX-License-Identifier: Apache-2.0
#include "cli/tfio.h"

#include <cstring>

#include "base/file.h"

namespace octet::cli::tfio {
namespace {

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : left_(bytes) {}
  bool ok() const { return ok_; }

  std::span<const std::byte> Take(uint64_t n) {
    if (n > left_.size()) {
      ok_ = false;
      return {};
    }
    const auto taken = left_.first(static_cast<size_t>(n));
    left_ = left_.subspan(static_cast<size_t>(n));
    return taken;
  }
  template <class T> T Get() {
    T value{};
    const auto bytes = Take(sizeof(T));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  std::string Text() {
    const auto bytes = Take(Get<uint16_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  Tensor ReadTensor() {
    Tensor t;
    t.name = Text();
    t.dtype = static_cast<DType>(Get<uint8_t>());
    const int rank = Get<uint8_t>();
    for (int i = 0; i < rank && ok_; ++i) t.shape.push_back(Get<int32_t>());
    const auto bytes = Take(Get<uint64_t>());
    t.bytes.assign(bytes.begin(), bytes.end());
    return t;
  }
  Run ReadRun() {
    Run run;
    run.signature = Text();
    const uint8_t flags = Get<uint8_t>();
    run.reset = flags & 1;
    run.must_fail = flags & 2;
    const uint16_t inputs = Get<uint16_t>(), outputs = Get<uint16_t>();
    for (int i = 0; i < inputs && ok_; ++i) run.inputs.push_back(ReadTensor());
    for (int i = 0; i < outputs && ok_; ++i) {
      Output o{ReadTensor(), static_cast<Mode>(Get<uint8_t>()), Get<float>(), Get<float>()};
      run.outputs.push_back(std::move(o));
    }
    const uint16_t alternatives = Get<uint16_t>();
    for (int i = 0; i < alternatives && ok_; ++i) SkipAlternative(run);
    return run;
  }

 private:
  // What another build of LiteRT answers: octet accepts none of them.
  void SkipAlternative(const Run& run) {
    Get<uint8_t>();
    const uint16_t output = Get<uint16_t>();
    if (Get<uint8_t>() == 0) {
      ReadTensor();
      return;
    }
    const uint32_t n = Get<uint32_t>();
    if (output >= run.outputs.size()) {
      ok_ = false;
      return;
    }
    const Tensor& t = run.outputs[output].tensor;
    const int64_t elements = t.shape.elements();
    Take(uint64_t{n} * (4 + (elements > 0 ? t.bytes.size() / static_cast<size_t>(elements) : 0)));
  }

  std::span<const std::byte> left_;
  bool ok_ = true;
};

}  // namespace

Result<std::vector<Run>> Read(const std::string& path) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  Reader reader(file.bytes());
  const auto magic = reader.Take(4);
  if (magic.size() != 4 || std::memcmp(magic.data(), "TFIO", 4) != 0 || reader.Get<uint32_t>() != 1)
    return Error(Code::kInvalidArgument, "'%s' is not an .io file of version 1", path.c_str());
  std::vector<Run> runs;
  const uint32_t n = reader.Get<uint32_t>();
  for (uint32_t i = 0; i < n && reader.ok(); ++i) runs.push_back(reader.ReadRun());
  if (!reader.ok()) return Error(Code::kInvalidArgument, "'%s' is truncated", path.c_str());
  return runs;
}

}  // namespace octet::cli::tfio
