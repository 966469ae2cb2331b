// SPDX-License-Identifier: Apache-2.0
#include "quantizer/gate.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

constexpr int kResamples = 400;          // Enough for a 95 % interval to two digits.
constexpr double kOutside = 0.025;       // On each side.
constexpr double kRuleOfThree = 3;       // Nothing seen in n samples: up to 3/n may still be there, with 95 %.
constexpr double kSmallestSlack = 1;     // Points.
constexpr double kNoError = 1e-12;       // In the outputs' unit: a float model without errors loses beyond all percents.
constexpr int64_t kMostClasses = 1000;   // For the table and the confusion.

std::vector<std::vector<float>> AllOutputs(const Session& session, int count) {
  std::vector<std::vector<float>> all;
  for (int i = 0; i < count; ++i) all.push_back(session.Output(i));
  return all;
}

// One sample's outputs out of arrays NAME_0, NAME_1, …
Result<std::vector<std::vector<float>>> Recorded(const data::Archive& archive, const char* name, int count, int64_t sample, int64_t samples) {
  std::vector<std::vector<float>> all;
  for (int i = 0; i < count; ++i) {
    const std::string member = Format("%s_%d", name, i);
    const data::Array* array = archive.Find(member);
    const bool fits = array && array->dtype == DType::kF32 && array->shape.rank() > 0 && array->shape[0] == samples;
    if (!fits) return Error(Code::kInvalidArgument, "recorded outputs: expected float32 '%s' of %lld samples", member.c_str(), static_cast<long long>(samples));
    const size_t bytes = array->bytes.size() / static_cast<size_t>(samples);
    std::vector<float> values(bytes / sizeof(float));
    std::memcpy(values.data(), array->bytes.data() + static_cast<size_t>(sample) * bytes, values.size() * sizeof(float));
    all.push_back(std::move(values));
  }
  return all;
}

class Comparison {
 public:
  Comparison(const data::Dataset& data, const GateOptions& options) : data_(data), options_(options), recorded_(options.outputs) {
    result_.metric = options.metric;
    result_.max_drop = options.max_drop;
    result_.holdout = data.size();
    result_.samples = options.samples > 0 ? std::min(options.samples, data.size()) : data.size();
  }

  Result<GateResult> Run(const std::string& float_path, const std::string& quantized_path, const Progress& progress) {
    OCTET_ASSIGN(const auto reference, Session::Open(float_path, {}));
    OCTET_ASSIGN(const auto candidate, Session::Open(quantized_path, {}));
    OCTET_TRY(reference->Check(data_));
    OCTET_TRY(candidate->Check(data_));
    OCTET_TRY(Start(reference->interpreter(), candidate->interpreter()));
    const int outputs = reference->interpreter().num_outputs();
    for (int64_t i = 0; i < result_.samples; ++i) {
      if (recorded_) {
        OCTET_ASSIGN(const auto want, Recorded(*recorded_, "float", outputs, i, data_.size()));
        OCTET_ASSIGN(const auto got, Recorded(*recorded_, "quantized", outputs, i, data_.size()));
        for (size_t k = 0; k < want.size(); ++k) OCTET_TRY(SameSize(*reference, static_cast<int>(k), want[k], got[k]));
        OCTET_TRY(Add(i, want, got));
      } else {
        OCTET_TRY(reference->Run(data_, i));
        OCTET_TRY(candidate->Run(data_, i));
        OCTET_TRY(Add(i, AllOutputs(*reference, outputs), AllOutputs(*candidate, outputs)));
      }
      if (progress) progress("holdout", i + 1, result_.samples);
    }
    Finish();
    return std::move(result_);
  }

 private:
  static Status SameSize(Session& session, int output, const std::vector<float>& want, const std::vector<float>& got) {
    const auto size = static_cast<size_t>(session.interpreter().output(output).type->shape.elements());
    if (want.size() == size && got.size() == size) return {};
    return Error(Code::kInvalidArgument, "recorded outputs: expected %zu values a sample for output %d, found %zu and %zu", size, output, want.size(),
                 got.size());
  }

  Status Start(const runtime::Interpreter& reference, const runtime::Interpreter& candidate) {
    std::vector<Shape> shapes;
    for (int i = 0; i < reference.num_outputs(); ++i) {
      const Shape &a = reference.output(i).type->shape, &b = i < candidate.num_outputs() ? candidate.output(i).type->shape : Shape();
      if (!(a == b)) return Error(Code::kInvalidArgument, "the models answer differently: %s and %s", a.text().c_str(), b.text().c_str());
      shapes.push_back(a);
    }
    if (options_.output < 0 || options_.output >= reference.num_outputs())
      return Error(Code::kInvalidArgument, "there is no output %d: the model has %d, counted from 0", options_.output, reference.num_outputs());
    for (int i = 0; i < reference.num_outputs(); ++i) result_.outputs.push_back({std::string(reference.output(i).name), 1, 0});
    sums_.resize(result_.outputs.size());
    result_.output = result_.metric == Metric::kMap ? -1 : options_.output;
    Pick(&shapes);
    values_ = shapes[0].elements();
    if (result_.metric == Metric::kAuto) result_.metric = values_ == reference.input(0).type->shape.elements() ? Metric::kReconstruction : Metric::kTop1;
    OCTET_ASSIGN(scorer_, MakeScorer(result_.metric, data_, shapes));
    result_.float_operators = CountFloatOperators(candidate);
    result_.in_percent = scorer_->in_percent();
    result_.lower_is_better = scorer_->lower_is_better();
    const bool classes =
        result_.metric == Metric::kTop1 || result_.metric == Metric::kTop5 || result_.metric == Metric::kRecall || result_.metric == Metric::kF1;
    if (classes && values_ <= kMostClasses) {
      result_.classes.resize(static_cast<size_t>(values_));
      result_.confusion.assign(static_cast<size_t>(values_ * values_), 0);
    }
    return {};
  }

  // Leaves of all outputs' facts those of the judged one.
  template <class T> void Pick(std::vector<T>* outputs) const {
    if (result_.output >= 0) *outputs = {(*outputs)[static_cast<size_t>(result_.output)]};
  }

  struct Sums {
    double dot = 0, want = 0, got = 0, difference = 0, count = 0;
  };

  void Compare(const std::vector<float>& want, const std::vector<float>& got, Sums& sums) const {
    for (size_t k = 0; k < want.size(); ++k) {
      const double a = static_cast<double>(want[k]), b = static_cast<double>(got[k]);
      sums.dot += a * b;
      sums.want += a * a;
      sums.got += b * b;
      sums.difference += std::abs(a - b);
    }
    sums.count += static_cast<double>(want.size());
  }

  Status Add(int64_t i, std::vector<std::vector<float>> want, std::vector<std::vector<float>> got) {
    for (size_t k = 0; k < sums_.size(); ++k) Compare(want[k], got[k], sums_[k]);
    Pick(&want);
    Pick(&got);
    for (size_t k = 0; k < want[0].size(); ++k) difference_ += std::abs(static_cast<double>(want[0][k]) - static_cast<double>(got[0][k]));
    OCTET_ASSIGN(Facts a, scorer_->Look(i, want, want));
    OCTET_ASSIGN(Facts b, scorer_->Look(i, got, want));
    const int64_t float_answer = scorer_->Answer(a), quantized_answer = scorer_->Answer(b);
    result_.agreement += float_answer >= 0 && float_answer == quantized_answer;
    if (!result_.classes.empty()) AddClass(i, float_answer, quantized_answer);
    float_facts_.push_back(std::move(a));
    quantized_facts_.push_back(std::move(b));
    return {};
  }

  void AddClass(int64_t i, int64_t a, int64_t b) {
    const int64_t label = data_.label(i);
    ClassRow& row = result_.classes[static_cast<size_t>(label)];
    row.label = label;
    ++row.count;
    row.float_right += a == label;
    row.quantized_right += b == label;
    if (a == label && b != label) result_.flipped.push_back({i, label, b});
    ++result_.confusion[static_cast<size_t>(a * values_ + b)];
  }

  // What was lost: points, or, for errors in the outputs' own unit, percent of the float model's.
  double Drop(double reference, double quantized) const {
    const double lost = result_.lower_is_better ? quantized - reference : reference - quantized;
    return result_.in_percent ? lost : 100 * lost / std::max(std::abs(reference), kNoError);
  }

  void Finish() {
    std::vector<uint32_t> weights(float_facts_.size(), 1);
    result_.float_score = scorer_->Score(float_facts_, weights);
    result_.quantized_score = scorer_->Score(quantized_facts_, weights);
    result_.drop = Drop(result_.float_score, result_.quantized_score);
    result_.mean_difference = difference_ / static_cast<double>(result_.samples * values_);
    for (size_t k = 0; k < sums_.size(); ++k) {
      const Sums& s = sums_[k];
      result_.outputs[k].cosine = s.want > 0 && s.got > 0 ? s.dot / std::sqrt(s.want * s.got) : s.want == s.got ? 1.0 : 0.0;
      result_.outputs[k].mean_difference = s.count > 0 ? s.difference / s.count : 0;
    }
    Bootstrap();
  }

  // The same samples are drawn for both models, so that what is hard for both cancels out.
  void Bootstrap() {
    const size_t n = float_facts_.size();
    std::mt19937_64 random(1);
    std::vector<double> drops;
    for (int r = 0; r < kResamples; ++r) {
      std::vector<uint32_t> weights(n, 0);
      for (size_t k = 0; k < n; ++k) ++weights[random() % n];
      drops.push_back(Drop(scorer_->Score(float_facts_, weights), scorer_->Score(quantized_facts_, weights)));
    }
    std::ranges::sort(drops);
    const double blind = 100 * kRuleOfThree / static_cast<double>(n);
    result_.low = std::min(drops[static_cast<size_t>(kOutside * kResamples)], result_.in_percent ? result_.drop - blind : result_.drop);
    result_.high = std::max(drops[static_cast<size_t>((1 - kOutside) * kResamples) - 1], result_.in_percent ? result_.drop + blind : result_.drop);
  }

  const data::Dataset& data_;
  const GateOptions& options_;
  const data::Archive* recorded_;
  std::vector<Sums> sums_;  // Per output.
  GateResult result_;
  std::unique_ptr<Scorer> scorer_;
  int64_t values_ = 0;
  double difference_ = 0;
  std::vector<Facts> float_facts_, quantized_facts_;
};

}  // namespace

bool GateResult::proven() const { return high <= max_drop + std::max(max_drop, kSmallestSlack); }

int CountFloatOperators(const runtime::Interpreter& interpreter) {
  const auto is_float = [&](int32_t t) { return t >= 0 && interpreter.tensor(t).type->dtype == DType::kF32; };
  int count = 0;
  for (int n = 0; n < interpreter.num_nodes(); ++n) {
    const runtime::NodeInfo node = interpreter.node(n);
    count += std::ranges::any_of(node.inputs, is_float) && std::ranges::any_of(node.outputs, is_float);
  }
  return count;
}

Result<GateResult> Gate(const std::string& float_model, const std::string& quantized_model, const data::Dataset& holdout, const GateOptions& options,
                        const Progress& progress) {
  return Comparison(holdout, options).Run(float_model, quantized_model, progress);
}

}  // namespace octet::quantizer
