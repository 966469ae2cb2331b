// SPDX-License-Identifier: Apache-2.0
#include "quantizer/metric.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

namespace octet::quantizer {
namespace {

using Outputs = std::vector<std::vector<float>>;
using Weights = std::vector<uint32_t>;

struct MetricName {
  Metric metric;
  std::string_view flag, name;
};
constexpr MetricName kNames[] = {{Metric::kAuto, "auto", "automatic"},
                                 {Metric::kTop1, "top1", "top-1 accuracy"},
                                 {Metric::kTop5, "top5", "top-5 accuracy"},
                                 {Metric::kRecall, "recall", "mean recall of the classes"},
                                 {Metric::kF1, "f1", "mean F1 of the classes"},
                                 {Metric::kAuc, "auc", "AUC"},
                                 {Metric::kReconstruction, "reconstruction", "AUC of the reconstruction error"},
                                 {Metric::kMae, "mae", "mean absolute error"},
                                 {Metric::kRmse, "rmse", "root mean squared error"},
                                 {Metric::kCosine, "cosine", "cosine similarity"},
                                 {Metric::kMap, "map", "mAP at 0.5"},
                                 {Metric::kWer, "wer", "word error rate"}};

double Total(const Weights& w) { return static_cast<double>(std::accumulate(w.begin(), w.end(), uint64_t{0})); }

size_t ArgMax(const std::vector<float>& v) { return static_cast<size_t>(std::ranges::max_element(v) - v.begin()); }

// Area under the ROC curve from (value, positive) pairs with counts, in %. A positive and a negative of the same value,
// which 256 steps make often, count half.
double AreaUnderCurve(const std::vector<std::pair<double, bool>>& values, const Weights& weights) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return values[i].first; });
  double negatives = 0, positives = 0, pairs = 0;  // Of smaller values; pairs in the right order.
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    double equal[2] = {0, 0};
    for (; end < order.size() && values[order[end]].first == values[order[begin]].first; ++end) equal[values[order[end]].second] += weights[order[end]];
    pairs += equal[1] * (negatives + equal[0] / 2);
    negatives += equal[0];
    positives += equal[1];
  }
  return positives > 0 && negatives > 0 ? 100 * pairs / (positives * negatives) : 0;
}

class Base : public Scorer {
 public:
  explicit Base(const data::Dataset& data) : data_(data) {}

 protected:
  Result<int64_t> Label(int64_t i, size_t classes) const {
    const int64_t label = data_.label(i);
    if (label < 0 || label >= static_cast<int64_t>(classes))
      return Error(Code::kInvalidArgument, "'%s': sample %lld has label %lld, the model has %zu classes (0 to %zu)", data_.path().c_str(),
                   static_cast<long long>(i), static_cast<long long>(label), classes, classes - 1);
    return label;
  }
  const data::Dataset& data_;
};

// Facts: label, answer, 1 when right. The k largest outputs count, earlier ones first among equals.
class TopK : public Base {
 public:
  TopK(const data::Dataset& data, size_t k) : Base(data), k_(k) {}
  Result<Facts> Look(int64_t i, const Outputs& outputs, const Outputs&) override {
    const std::vector<float>& y = outputs[0];
    OCTET_ASSIGN(const int64_t label, Label(i, y.size()));
    size_t before = 0;
    for (size_t c = 0; c < y.size(); ++c)
      before += y[c] > y[static_cast<size_t>(label)] || (y[c] == y[static_cast<size_t>(label)] && static_cast<int64_t>(c) < label);
    return Facts{static_cast<double>(label), static_cast<double>(ArgMax(y)), before < k_ ? 1.0 : 0.0};
  }
  double Score(const std::vector<Facts>& samples, const Weights& w) const override {
    double right = 0;
    for (size_t i = 0; i < samples.size(); ++i) right += samples[i][2] * w[i];
    return 100 * right / Total(w);
  }
  int64_t Answer(const Facts& f) const override { return static_cast<int64_t>(f[1]); }

 private:
  size_t k_;
};

class PerClass : public TopK {
 public:
  PerClass(const data::Dataset& data, bool f1) : TopK(data, 1), f1_(f1) {}
  double Score(const std::vector<Facts>& samples, const Weights& w) const override {
    struct Counts {
      double right = 0, of_class = 0, answered = 0;
    };
    std::map<int64_t, Counts> classes;
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto label = static_cast<int64_t>(samples[i][0]), answer = static_cast<int64_t>(samples[i][1]);
      classes[label].of_class += w[i];
      classes[answer].answered += w[i];
      if (label == answer) classes[label].right += w[i];
    }
    double sum = 0;
    int count = 0;
    for (const auto& [label, c] : classes) {
      if (c.of_class == 0) continue;
      sum += f1_ ? 2 * c.right / (c.of_class + c.answered) : c.right / c.of_class;
      ++count;
    }
    return count ? 100 * sum / count : 0;
  }

 private:
  bool f1_;
};

// Facts: label, then the outputs.
class Auc : public Base {
 public:
  using Base::Base;
  Result<Facts> Look(int64_t i, const Outputs& outputs, const Outputs&) override {
    OCTET_ASSIGN(const int64_t label, Label(i, std::max<size_t>(2, outputs[0].size())));
    Facts f{static_cast<double>(label)};
    f.insert(f.end(), outputs[0].begin(), outputs[0].end());
    return f;
  }
  double Score(const std::vector<Facts>& samples, const Weights& w) const override {
    const size_t outputs = samples[0].size() - 1;
    if (outputs <= 2) return OneAgainstRest(samples, w, outputs, 1);
    double sum = 0;
    for (size_t c = 0; c < outputs; ++c) sum += OneAgainstRest(samples, w, c + 1, static_cast<double>(c));
    return sum / static_cast<double>(outputs);
  }

 private:
  static double OneAgainstRest(const std::vector<Facts>& samples, const Weights& w, size_t at, double label) {
    std::vector<std::pair<double, bool>> values;
    for (const Facts& f : samples) values.emplace_back(f[at], f[0] == label);
    return AreaUnderCurve(values, w);
  }
};

// Facts: 1 when anomalous, mean squared error.
class Reconstruction : public Base {
 public:
  using Base::Base;
  Result<Facts> Look(int64_t i, const Outputs& outputs, const Outputs&) override {
    const std::span<const std::byte> x = data_.sample(0, i);
    double sum = 0;
    for (size_t k = 0; k < outputs[0].size(); ++k) {
      float v;
      std::memcpy(&v, x.data() + 4 * k, 4);
      const double d = static_cast<double>(outputs[0][k]) - static_cast<double>(v);
      sum += d * d;
    }
    return Facts{data_.label(i) == 1 ? 1.0 : 0.0, sum / static_cast<double>(outputs[0].size())};
  }
  double Score(const std::vector<Facts>& samples, const Weights& w) const override {
    std::vector<std::pair<double, bool>> values;
    for (const Facts& f : samples) values.emplace_back(f[1], f[0] == 1.0);
    return AreaUnderCurve(values, w);
  }
};

// Facts: sum of the errors, number of values.
class Regression : public Base {
 public:
  Regression(const data::Dataset& data, bool squared) : Base(data), squared_(squared) {}
  Result<Facts> Look(int64_t i, const Outputs& outputs, const Outputs&) override {
    const std::vector<double> y = data_.target(i);
    double sum = 0;
    for (size_t k = 0; k < y.size(); ++k) {
      const double d = std::abs(static_cast<double>(outputs[0][k]) - y[k]);
      sum += squared_ ? d * d : d;
    }
    return Facts{sum, static_cast<double>(y.size())};
  }
  double Score(const std::vector<Facts>& samples, const Weights& w) const override {
    double sum = 0, count = 0;
    for (size_t i = 0; i < samples.size(); ++i) {
      sum += samples[i][0] * w[i];
      count += samples[i][1] * w[i];
    }
    return squared_ ? std::sqrt(sum / count) : sum / count;
  }
  bool lower_is_better() const override { return true; }
  bool in_percent() const override { return false; }

 private:
  bool squared_;
};

// Facts: the cosine.
class Cosine : public Base {
 public:
  using Base::Base;
  Result<Facts> Look(int64_t i, const Outputs& outputs, const Outputs& reference) override {
    std::vector<double> y(reference[0].begin(), reference[0].end());
    if (data_.has_targets() && data_.target_shape().elements() == static_cast<int64_t>(y.size())) y = data_.target(i);
    double dot = 0, a2 = 0, b2 = 0;
    for (size_t k = 0; k < y.size(); ++k) {
      const double a = static_cast<double>(outputs[0][k]);
      dot += a * y[k];
      a2 += a * a;
      b2 += y[k] * y[k];
    }
    return Facts{a2 > 0 && b2 > 0 ? dot / std::sqrt(a2 * b2) : (a2 == b2 ? 1.0 : 0.0)};
  }
  double Score(const std::vector<Facts>& samples, const Weights& w) const override {
    double sum = 0;
    for (size_t i = 0; i < samples.size(); ++i) sum += samples[i][0] * w[i];
    return 100 * sum / Total(w);
  }
};

struct Box {
  double y0, x0, y1, x1;
  double Area() const { return std::max(0.0, y1 - y0) * std::max(0.0, x1 - x0); }
  double Overlap(const Box& o) const {  // Intersection over union.
    const Box both{std::max(y0, o.y0), std::max(x0, o.x0), std::min(y1, o.y1), std::min(x1, o.x1)};
    const double shared = both.Area(), all = Area() + o.Area() - shared;
    return all > 0 ? shared / all : 0;
  }
};

// Facts: per true box its class; then per found box class, score and 1 when it matches a true one:
// [number of true boxes, classes..., (class, score, match)...]. Matching is greedy, best score first.
class Detection : public Base {
 public:
  using Base::Base;
  Result<Facts> Look(int64_t i, const Outputs& outputs, const Outputs&) override {
    const std::vector<double> y = data_.target(i);
    std::vector<std::pair<double, Box>> truth;
    for (size_t k = 0; k + 5 <= y.size(); k += 5)
      if (y[k + 4] >= 0) truth.emplace_back(y[k + 4], Box{y[k], y[k + 1], y[k + 2], y[k + 3]});
    Facts f{static_cast<double>(truth.size())};
    for (const auto& [label, box] : truth) f.push_back(label);
    size_t found = outputs[1].size();
    if (outputs.size() > 3 && !outputs[3].empty()) found = std::min(found, static_cast<size_t>(std::max(0.0f, outputs[3][0])));
    std::vector<size_t> order(found);
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater(), [&](size_t k) { return outputs[2][k]; });
    std::vector<bool> taken(truth.size(), false);
    for (size_t k : order) {
      const auto at = [&](size_t n) { return static_cast<double>(outputs[0][4 * k + n]); };
      const Box box{at(0), at(1), at(2), at(3)};
      const double label = static_cast<double>(outputs[1][k]);
      size_t best = truth.size();
      double most = kOverlap;
      for (size_t t = 0; t < truth.size(); ++t) {
        const double overlap = truth[t].first == label && !taken[t] ? box.Overlap(truth[t].second) : 0;
        if (overlap < most) continue;
        most = overlap;
        best = t;
      }
      if (best < truth.size()) taken[best] = true;
      f.insert(f.end(), {label, static_cast<double>(outputs[2][k]), best < truth.size() ? 1.0 : 0.0});
    }
    return f;
  }

  double Score(const std::vector<Facts>& samples, const Weights& w) const override {
    struct Found {
      double score, match, weight;
    };
    std::map<double, double> truth;
    std::map<double, std::vector<Found>> found;
    for (size_t i = 0; i < samples.size(); ++i) {
      const Facts& f = samples[i];
      const auto boxes = static_cast<size_t>(f[0]);
      for (size_t t = 0; t < boxes; ++t) truth[f[1 + t]] += w[i];
      for (size_t k = 1 + boxes; k + 3 <= f.size(); k += 3) found[f[k]].push_back({f[k + 1], f[k + 2], static_cast<double>(w[i])});
    }
    double sum = 0;
    for (const auto& [label, count] : truth) {
      std::vector<Found>& list = found[label];
      std::ranges::stable_sort(list, std::greater(), &Found::score);
      double hits = 0, seen = 0, area = 0;
      for (const Found& d : list) {  // Precision at every new hit; not interpolated.
        seen += d.weight;
        hits += d.match * d.weight;
        if (d.match > 0 && seen > 0) area += d.weight * hits / seen;
      }
      sum += count > 0 ? area / count : 0;
    }
    return truth.empty() ? 0 : 100 * sum / static_cast<double>(truth.size());
  }

 private:
  static constexpr double kOverlap = 0.5;
};

// Facts: edit distance, length of y. Outputs [steps, symbols] are decoded greedily: the largest per step,
// repeats once, the last symbol is the blank; a vector of numbers is taken as it is. y ends at its first negative.
class WordError : public Base {
 public:
  WordError(const data::Dataset& data, int64_t symbols) : Base(data), symbols_(static_cast<size_t>(symbols)) {}
  Result<Facts> Look(int64_t i, const Outputs& outputs, const Outputs&) override {
    std::vector<int64_t> want;
    for (double v : data_.target(i)) {
      if (v < 0) break;
      want.push_back(static_cast<int64_t>(v));
    }
    return Facts{static_cast<double>(Distance(Decode(outputs[0]), want)), static_cast<double>(want.size())};
  }
  double Score(const std::vector<Facts>& samples, const Weights& w) const override {
    double edits = 0, length = 0;
    for (size_t i = 0; i < samples.size(); ++i) {
      edits += samples[i][0] * w[i];
      length += samples[i][1] * w[i];
    }
    return length > 0 ? 100 * edits / length : 0;
  }
  bool lower_is_better() const override { return true; }

 private:
  std::vector<int64_t> Decode(const std::vector<float>& y) const {
    std::vector<int64_t> out;
    if (symbols_ == 0) {
      for (float v : y) {
        if (v < 0) break;
        out.push_back(std::llround(static_cast<double>(v)));
      }
      return out;
    }
    size_t before = symbols_;
    for (size_t at = 0; at + symbols_ <= y.size(); at += symbols_) {
      const std::vector<float> step(y.begin() + static_cast<ptrdiff_t>(at), y.begin() + static_cast<ptrdiff_t>(at + symbols_));
      const size_t symbol = ArgMax(step);
      if (symbol != before && symbol + 1 != symbols_) out.push_back(static_cast<int64_t>(symbol));
      before = symbol;
    }
    return out;
  }

  static size_t Distance(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= b.size(); ++j) {
        const size_t above = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
        diagonal = above;
      }
    }
    return row.back();
  }

  size_t symbols_;
};

Status NeedLabels(const data::Dataset& data) {
  if (data.has_labels()) return {};
  if (!data.has_targets()) return Error(Code::kInvalidArgument, "'%s' has no labels: expected an array 'y' beside 'x'", data.path().c_str());
  return Error(Code::kInvalidArgument, "'%s': y has samples of shape %s; expected one class number per sample, for example numpy.argmax(y, axis=1)",
               data.path().c_str(), data.target_shape().text().c_str());
}

Status NeedTargets(const data::Dataset& data, int64_t values, const char* what) {
  if (!data.has_targets()) return Error(Code::kInvalidArgument, "'%s' has no y: expected %s per sample", data.path().c_str(), what);
  if (values > 0 && data.target_shape().elements() != values)
    return Error(Code::kInvalidArgument, "'%s': y has %lld values per sample, the model's output has %lld", data.path().c_str(),
                 static_cast<long long>(data.target_shape().elements()), static_cast<long long>(values));
  return {};
}

}  // namespace

std::string_view Name(Metric metric) { return std::ranges::find(kNames, metric, &MetricName::metric)->name; }
std::string_view Flag(Metric metric) { return std::ranges::find(kNames, metric, &MetricName::metric)->flag; }

std::vector<std::string> MetricFlags() {
  std::vector<std::string> flags;
  for (const MetricName& n : kNames) flags.emplace_back(n.flag);
  return flags;
}

Result<Metric> ParseMetric(std::string_view flag) {
  const auto* it = std::ranges::find(kNames, flag, &MetricName::flag);
  if (it == std::end(kNames)) return Error(Code::kInvalidArgument, "unknown metric '%.*s'", static_cast<int>(flag.size()), flag.data());
  return it->metric;
}

Result<std::unique_ptr<Scorer>> MakeScorer(Metric metric, const data::Dataset& data, const std::vector<Shape>& outputs) {
  using Made = std::unique_ptr<Scorer>;
  const int64_t values = outputs[0].elements();
  switch (metric) {
    case Metric::kAuto:
    case Metric::kTop1:
    case Metric::kTop5:
      OCTET_TRY(NeedLabels(data));
      return Made(std::make_unique<TopK>(data, metric == Metric::kTop5 ? 5 : 1));
    case Metric::kRecall:
    case Metric::kF1:
      OCTET_TRY(NeedLabels(data));
      return Made(std::make_unique<PerClass>(data, metric == Metric::kF1));
    case Metric::kAuc: OCTET_TRY(NeedLabels(data)); return Made(std::make_unique<Auc>(data));
    case Metric::kReconstruction:
      OCTET_TRY(NeedLabels(data));
      if (data.input_type(0).dtype != DType::kF32 || data.input_type(0).shape.elements() != values)
        return Error(Code::kInvalidArgument, "a reconstruction needs an output of the input's size, found %lld values", static_cast<long long>(values));
      return Made(std::make_unique<Reconstruction>(data));
    case Metric::kMae:
    case Metric::kRmse:
      OCTET_TRY(NeedTargets(data, values, "the wanted output"));
      return Made(std::make_unique<Regression>(data, metric == Metric::kRmse));
    case Metric::kCosine: return Made(std::make_unique<Cosine>(data));
    case Metric::kMap:
      OCTET_TRY(NeedTargets(data, 0, "rows of top, left, bottom, right, class"));
      if (outputs.size() < 3 || outputs[0].elements() != 4 * outputs[1].elements() || outputs[1].elements() != outputs[2].elements() ||
          data.target_shape().elements() % 5 != 0)
        return Error(Code::kInvalidArgument,
                     "mAP needs outputs boxes [n,4], classes [n], scores [n] and y of [m,5]: top, left, bottom, right, class (-1: none)");
      return Made(std::make_unique<Detection>(data));
    case Metric::kWer:
      OCTET_TRY(NeedTargets(data, 0, "the wanted sequence, ended by -1,"));
      return Made(std::make_unique<WordError>(data, outputs[0].rank() >= 3 ? outputs[0].back() : 0));
  }
  return Error(Code::kInvalidArgument, "unknown metric");
}

}  // namespace octet::quantizer
