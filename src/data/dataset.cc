// SPDX-License-Identifier: Apache-2.0
#include "data/dataset.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>

#include "data/npz.h"
#include "data/sources.h"

namespace octet::data {
namespace {

// Arrays: x, or one per input, and y; from an archive or from a source that made them.
class ArrayDataset : public Dataset {
 public:
  ArrayDataset(std::string path, std::unique_ptr<Archive> archive) : path_(std::move(path)), archive_(std::move(archive)) {
    source_.arrays = archive_->arrays();
  }
  ArrayDataset(std::string path, Source source) : path_(std::move(path)), source_(std::move(source)) {}

  // `preprocess` is what still has to be done.
  Status Load(const Preprocess& preprocess) {
    const auto named_x = [](const Array& a) { return a.name == "x"; };
    const bool has_x = std::ranges::any_of(source_.arrays, named_x);
    for (Array& a : source_.arrays) {
      if (a.name == "y") {
        labels_ = &a;
      } else if (!has_x || a.shape.rank() > 0) {  // Beside x, scalars are notes such as a scale.
        OCTET_TRY(AddInput(a));
        const bool raw = a.dtype == DType::kU8 || a.dtype == DType::kI16 || a.dtype == DType::kI32;
        if (!preprocess.empty() && (raw || !preprocess.raw_only)) OCTET_TRY(Preprocessed(preprocess, &a));
      }
    }
    if (inputs_.empty())
      return Error(Code::kInvalidArgument, "'%s' has no samples; expected an array x (or one per input), and y for labels", path_.c_str());
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
    const std::span<const std::byte> all = inputs_[i]->bytes;
    const size_t each = all.size() / static_cast<size_t>(size_), at = each * static_cast<size_t>(index);
    const size_t block = at / kBlock, before = blocks_[static_cast<size_t>(i)]->exchange(block, std::memory_order_relaxed);
    if (block != before) ReleasePart(all.subspan(std::min(all.size(), before * kBlock), std::min(kBlock, all.size() - std::min(all.size(), before * kBlock))));
    return all.subspan(at, each);
  }
  bool has_shape() const override { return source_.has_shape; }
  bool has_labels() const override { return labels_ != nullptr && classes_; }
  int64_t label(int64_t index) const override { return static_cast<int64_t>(ElementAt(*labels_, index)); }
  bool has_targets() const override { return labels_ != nullptr; }
  Shape target_shape() const override { return Shape(labels_->shape.dims().subspan(1)); }
  std::vector<double> target(int64_t index) const override {
    const int64_t each = labels_->shape.elements() / size_;
    std::vector<double> out;
    for (int64_t k = 0; k < each; ++k) out.push_back(ElementAt(*labels_, index * each + k));
    return out;
  }
  std::span<const std::string> class_names() const override { return source_.class_names; }

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
    blocks_.push_back(std::make_unique<std::atomic<size_t>>(0));
    return {};
  }

  // Sample by sample into a temporary file of floats.
  Status Preprocessed(const Preprocess& preprocess, Array* a) {
    OCTET_ASSIGN(SampleWriter writer, SampleWriter::Create());
    const Shape sample(a->shape.dims().subspan(1));
    const int64_t each = sample.elements();
    for (int64_t i = 0; i < size_; ++i) {
      std::vector<float> values(static_cast<size_t>(each));
      for (int64_t k = 0; k < each; ++k) values[static_cast<size_t>(k)] = static_cast<float>(ElementAt(*a, i * each + k));
      Shape shape = sample;
      const Status applied = Apply(preprocess, &values, &shape);
      if (!applied.ok()) return Error(applied.code(), "'%s': %s", path_.c_str(), applied.message().c_str());
      OCTET_TRY(writer.Append(values, shape, path_));
    }
    OCTET_ASSIGN(*a, writer.Finish(a->name, &source_));
    return {};
  }

  // Of what was read before, so that memory does not grow with the data; who still reads there meets it again.
  void ReleasePart(std::span<const std::byte> part) const {
    if (archive_) archive_->Release(part);
    for (const MappedFile& file : source_.files) file.Release(part);
  }

  // Class numbers are whole; anything else is still a target for the metrics that take one.
  Status CheckLabels() {
    const Shape& s = labels_->shape;
    if (s.rank() == 0 || s[0] != size_)
      return Error(Code::kInvalidArgument, "'%s': arrays of unequal length: %lld samples, but y has shape %s", path_.c_str(),
                   static_cast<long long>(size_), s.text().c_str());
    const DType t = labels_->dtype;
    if (t == DType::kString || t == DType::kC64 || t == DType::kC128)
      return Error(Code::kInvalidArgument, "'%s': y is %s; expected class numbers", path_.c_str(), std::string(NumpyName(t)).c_str());
    const int64_t n = s.elements();
    bool whole = true;
    for (int64_t i = 0; i < n; ++i) {
      const double v = ElementAt(*labels_, i);
      if (!std::isfinite(v)) return Error(Code::kInvalidArgument, "'%s': y[%lld] is %g; expected a class number", path_.c_str(), static_cast<long long>(i), v);
      whole &= v == std::floor(v) && std::fabs(v) <= 0x1p53;
    }
    classes_ = whole && n == size_;
    return {};
  }

  std::string path_;
  std::unique_ptr<Archive> archive_;
  Source source_;
  static constexpr size_t kBlock = 4 << 20;
  std::vector<const Array*> inputs_;
  std::vector<std::unique_ptr<std::atomic<size_t>>> blocks_;  // That each input was last read in.
  const Array* labels_ = nullptr;
  bool classes_ = false;
  int64_t size_ = 0;
};

Result<std::unique_ptr<Dataset>> Loaded(std::unique_ptr<ArrayDataset> dataset, const Preprocess& preprocess) {
  OCTET_TRY(dataset->Load(preprocess));
  return std::unique_ptr<Dataset>(std::move(dataset));
}

}  // namespace

Result<std::unique_ptr<Dataset>> Dataset::Open(const std::string& path, const Preprocess& preprocess) {
  if (IsFolder(path)) {
    OCTET_ASSIGN(Source source, LoadFolder(path, preprocess));
    return Loaded(std::make_unique<ArrayDataset>(path, std::move(source)), {});
  }
  if (path.ends_with(".csv")) {
    OCTET_ASSIGN(Source source, LoadCsv(path, preprocess.raw_only ? Preprocess() : preprocess));
    return Loaded(std::make_unique<ArrayDataset>(path, std::move(source)), {});
  }
  OCTET_ASSIGN(std::unique_ptr<Archive> archive, Archive::Open(path));
  return Loaded(std::make_unique<ArrayDataset>(path, std::move(archive)), preprocess);
}

}  // namespace octet::data
