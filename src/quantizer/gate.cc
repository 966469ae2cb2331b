// SPDX-License-Identifier: Apache-2.0
#include "quantizer/gate.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

int64_t ArgMax(const std::vector<float>& v) { return std::ranges::max_element(v) - v.begin(); }

// Area under the ROC curve by rank sums (ties by order, stable), in %.
double AreaUnderCurve(const std::vector<double>& error, const data::Dataset& data) {
  std::vector<int64_t> order(error.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int64_t i) { return error[i]; });
  double ranks = 0;
  int64_t positives = 0;
  for (size_t r = 0; r < order.size(); ++r) {
    if (data.label(order[r]) != 1) continue;
    ranks += static_cast<double>(r + 1);
    ++positives;
  }
  const int64_t negatives = static_cast<int64_t>(error.size()) - positives;
  if (positives == 0 || negatives == 0) return 0;
  return 100 * (ranks - static_cast<double>(positives) * static_cast<double>(positives + 1) / 2) / static_cast<double>(positives * negatives);
}

class Comparison {
 public:
  Comparison(const data::Dataset& data, double max_drop) : data_(data) { result_.max_drop = max_drop; }

  Result<GateResult> Run(const std::string& float_path, const std::string& quantized_path, const Progress& progress) {
    OCTET_ASSIGN(const auto reference, Session::Open(float_path, {}));
    OCTET_ASSIGN(const auto candidate, Session::Open(quantized_path, {}));
    OCTET_TRY(reference->Check(data_));
    OCTET_TRY(candidate->Check(data_));
    OCTET_TRY(Start(reference->interpreter(), candidate->interpreter()));
    for (int64_t i = 0; i < data_.size(); ++i) {
      OCTET_TRY(reference->Run(data_, i));
      OCTET_TRY(candidate->Run(data_, i));
      OCTET_TRY(Add(i, reference->Output(), candidate->Output()));
      if (progress) progress("holdout", i + 1, data_.size());
    }
    Finish();
    return std::move(result_);
  }

 private:
  Status Start(const runtime::Interpreter& reference, const runtime::Interpreter& candidate) {
    if (!data_.has_labels())
      return Error(Code::kInvalidArgument, "'%s' has no labels: expected an array 'y' beside 'x'", data_.path().c_str());
    const Shape &a = reference.output(0).type->shape, &b = candidate.output(0).type->shape;
    if (!(a == b)) return Error(Code::kInvalidArgument, "the models answer differently: %s and %s", a.text().c_str(), b.text().c_str());
    values_ = a.elements();
    const bool same_size = values_ == reference.input(0).type->shape.elements();
    result_.metric = same_size ? Metric::kReconstruction : Metric::kTop1;
    result_.samples = data_.size();
    if (result_.metric == Metric::kTop1) {
      result_.classes.resize(static_cast<size_t>(values_));
      result_.confusion.assign(static_cast<size_t>(values_ * values_), 0);
    }
    return {};
  }

  Status Add(int64_t i, const std::vector<float>& want, const std::vector<float>& got) {
    for (size_t k = 0; k < want.size(); ++k) difference_ += std::abs(static_cast<double>(want[k]) - static_cast<double>(got[k]));
    if (result_.metric == Metric::kReconstruction) {
      float_error_.push_back(SquaredError(i, want));
      quantized_error_.push_back(SquaredError(i, got));
      return {};
    }
    const int64_t label = data_.label(i), a = ArgMax(want), b = ArgMax(got);
    if (label < 0 || label >= values_)
      return Error(Code::kInvalidArgument, "'%s': sample %lld has label %lld, the model has %lld classes (0 to %lld)", data_.path().c_str(),
                   static_cast<long long>(i), static_cast<long long>(label), static_cast<long long>(values_), static_cast<long long>(values_ - 1));
    ClassRow& row = result_.classes[static_cast<size_t>(label)];
    row.label = label;
    ++row.count;
    row.float_right += a == label;
    row.quantized_right += b == label;
    result_.agreement += a == b;
    ++result_.confusion[static_cast<size_t>(a * values_ + b)];
    return {};
  }

  double SquaredError(int64_t i, const std::vector<float>& y) const {
    const std::span<const std::byte> x = data_.sample(0, i);
    double sum = 0;
    for (size_t k = 0; k < y.size(); ++k) {
      float v;
      std::memcpy(&v, x.data() + 4 * k, 4);
      sum += (static_cast<double>(y[k]) - static_cast<double>(v)) * (static_cast<double>(y[k]) - static_cast<double>(v));
    }
    return sum / static_cast<double>(y.size());
  }

  void Finish() {
    if (result_.metric == Metric::kReconstruction) {
      result_.float_score = AreaUnderCurve(float_error_, data_);
      result_.quantized_score = AreaUnderCurve(quantized_error_, data_);
    } else {
      int64_t a = 0, b = 0;
      for (const ClassRow& row : result_.classes) {
        a += row.float_right;
        b += row.quantized_right;
      }
      result_.float_score = 100.0 * static_cast<double>(a) / static_cast<double>(data_.size());
      result_.quantized_score = 100.0 * static_cast<double>(b) / static_cast<double>(data_.size());
    }
    result_.drop = result_.float_score - result_.quantized_score;
    result_.mean_difference = difference_ / static_cast<double>(data_.size() * values_);
  }

  const data::Dataset& data_;
  GateResult result_;
  int64_t values_ = 0;
  double difference_ = 0;
  std::vector<double> float_error_, quantized_error_;
};

}  // namespace

std::string_view Name(Metric metric) { return metric == Metric::kTop1 ? "top-1 accuracy" : "AUC of the reconstruction error"; }

Result<GateResult> Gate(const std::string& float_model, const std::string& quantized_model, const data::Dataset& holdout, double max_drop, const Progress& progress) {
  return Comparison(holdout, max_drop).Run(float_model, quantized_model, progress);
}

}  // namespace octet::quantizer
