// SPDX-License-Identifier: Apache-2.0
#include "data/dataset.h"

#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "data/npz.h"

namespace octet::data {
namespace {

class NpzDataset : public Dataset {
 public:
  Status Load(const std::string& path) {
    path_ = path;
    OCTET_ASSIGN(archive_, Archive::Open(path));
    const Array* x = archive_->Find("x");
    for (const Array& a : archive_->arrays()) {
      if (a.name == "y") {
        labels_ = &a;
      } else if (!x || a.shape.rank() > 0) {  // Beside x, scalars are notes such as a scale.
        OCTET_TRY(AddInput(a));
      }
    }
    if (inputs_.empty())
      return Error(Code::kInvalidArgument, "'%s' has no samples; expected an array x (or one per input), and y for labels", path.c_str());
    return labels_ ? CheckLabels() : Status();
  }

  const std::string& path() const override { return path_; }
  int64_t size() const override { return size_; }
  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  const std::string& input_name(int i) const override { return inputs_[i]->name; }
  TensorType input_type(int i) const override {
    return {inputs_[i]->dtype, Shape(inputs_[i]->shape.dims().subspan(1)), {}};
  }
  std::span<const std::byte> sample(int i, int64_t index) const override {
    const size_t each = inputs_[i]->bytes.size() / static_cast<size_t>(size_);
    return inputs_[i]->bytes.subspan(each * static_cast<size_t>(index), each);
  }
  bool has_labels() const override { return labels_ != nullptr; }
  int64_t label(int64_t index) const override { return static_cast<int64_t>(LabelNumber(index)); }

 private:
  Status AddInput(const Array& a) {
    const char* name = a.name.c_str();
    if (a.shape.rank() == 0) return Error(Code::kInvalidArgument, "'%s': array '%s' is a single number, not samples", path_.c_str(), name);
    if (a.dtype == DType::kString) return Error(Code::kUnsupported, "'%s': array '%s' holds text; octet takes numbers", path_.c_str(), name);
    if (a.shape[0] == 0) return Error(Code::kInvalidArgument, "'%s': array '%s' has no samples", path_.c_str(), name);
    if (!inputs_.empty() && a.shape[0] != size_)
      return Error(Code::kInvalidArgument, "'%s': arrays of unequal length: '%s' has %lld samples, '%s' has %d", path_.c_str(),
                   inputs_[0]->name.c_str(), static_cast<long long>(size_), name, a.shape[0]);
    size_ = a.shape[0];
    inputs_.push_back(&a);
    return {};
  }

  Status CheckLabels() const {
    const Shape& s = labels_->shape;
    if (s.rank() == 0 || s[0] != size_)
      return Error(Code::kInvalidArgument, "'%s': arrays of unequal length: %lld samples, but y has shape %s", path_.c_str(),
                   static_cast<long long>(size_), s.text().c_str());
    if (s.elements() != size_)
      return Error(Code::kInvalidArgument, "'%s': y has shape %s; expected one class number per sample, for example numpy.argmax(y, axis=1)",
                   path_.c_str(), s.text().c_str());
    const DType t = labels_->dtype;
    if (t == DType::kString || t == DType::kC64 || t == DType::kC128)
      return Error(Code::kInvalidArgument, "'%s': y is %s; expected class numbers", path_.c_str(), std::string(NumpyName(t)).c_str());
    for (int64_t i = 0; i < size_; ++i) {
      const double v = LabelNumber(i);
      if (!(v == std::floor(v)) || std::fabs(v) > 0x1p53)
        return Error(Code::kInvalidArgument, "'%s': y[%lld] is %g; expected a class number", path_.c_str(), static_cast<long long>(i), v);
    }
    return {};
  }

  template <class T> T At(int64_t index) const {
    T value;
    std::memcpy(&value, labels_->bytes.data() + sizeof(T) * static_cast<size_t>(index), sizeof(T));
    return value;
  }
  double LabelNumber(int64_t i) const {
    switch (labels_->dtype) {
      case DType::kI8: return At<int8_t>(i);
      case DType::kBool:
      case DType::kU8: return At<uint8_t>(i);
      case DType::kI16: return At<int16_t>(i);
      case DType::kU16: return At<uint16_t>(i);
      case DType::kI32: return At<int32_t>(i);
      case DType::kU32: return At<uint32_t>(i);
      case DType::kI64: return static_cast<double>(At<int64_t>(i));
      case DType::kU64: return static_cast<double>(At<uint64_t>(i));
      case DType::kF16: return F16ToF32(At<uint16_t>(i));
      case DType::kF32: return At<float>(i);
      default: return At<double>(i);
    }
  }

  std::string path_;
  std::unique_ptr<Archive> archive_;
  std::vector<const Array*> inputs_;
  const Array* labels_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace

Result<std::unique_ptr<Dataset>> Dataset::Open(const std::string& path) {
  auto dataset = std::make_unique<NpzDataset>();
  OCTET_TRY(dataset->Load(path));
  return std::unique_ptr<Dataset>(std::move(dataset));
}

}  // namespace octet::data
