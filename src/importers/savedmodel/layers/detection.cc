// SPDX-License-Identifier: Apache-2.0
// The best boxes of several classes: suppression class by class, then the best of all.
#include <algorithm>

#include "importers/lowerings/loop.h"
#include "importers/lowerings/selection.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::savedmodel {
namespace {

constexpr float kLowest = -3.4e38f;
constexpr int64_t kMostSuppressions = 1024;  // Of one image and class each.
constexpr int64_t kMostBoxes = 1 << 22;       // Of one image.

// Candidates of one image, class by class; those that were not chosen have the lowest score.
struct Chosen {
  Value boxes, scores, classes, count;
};

class Suppression {
 public:
  explicit Suppression(NodeContext& c) : c_(c) {}

  Status Convert() {
    const std::vector<Value> in = c_.Inputs(6);
    if (!Ready(in)) return {};
    OCTET_TRY(Read(in));
    if (batch_ == kUnknown) return Looped(in);
    std::vector<Value> results[4];
    for (int32_t b = 0; b < batch_; ++b) {
      OCTET_ASSIGN(const Chosen chosen, OfImage(in, b));
      OCTET_TRY(Best(chosen, results));
    }
    for (int i = 0; i < 4; ++i) {
      OCTET_ASSIGN(const Value y, c_.Make("pack", results[i], {{"axis", 0}, {"values_count", batch_}}));
      c_.SetOutput(i, y);
    }
    return {};
  }

 private:
  // Image after image, where only the running model knows how many there are: each puts its row into the results.
  Status Looped(const std::vector<Value>& in) {
    OCTET_ASSIGN(const Value batch, ops::DimensionOf(c_, in[0], 0));
    Carried start = {c_.ScalarInt(0), in[0], in[1], in[4], in[5]};
    const size_t first = start.size();
    const std::vector<int32_t> rows[] = {{most_, 4}, {most_}, {most_}, {}};
    for (const std::vector<int32_t>& row : rows) {
      Shape shape{kUnknown};
      std::vector<Value> dims = {batch};
      for (const int32_t d : row) shape.push_back(d), dims.push_back(c_.ScalarInt(d));
      OCTET_ASSIGN(const Value size, c_.Make("pack", dims, {{"axis", 0}, {"values_count", static_cast<int64_t>(dims.size())}}));
      const bool counts = start.size() == first + 3;
      const Value inputs[] = {size, counts ? c_.ScalarInt(0) : c_.Scalar(0)};
      OCTET_ASSIGN(start.emplace_back(), c_.EmitAs("fill", inputs, nullptr, {counts ? DType::kI32 : DType::kF32, shape, {}}));
    }
    const auto more = [&](const Carried& v) -> Result<Value> {
      OCTET_ASSIGN(const Value n, ops::DimensionOf(c_, v[1], 0));
      return c_.Make("less", {v[0], n});
    };
    const auto step = [&](const Carried& v) -> Result<Carried> {
      OCTET_ASSIGN(const Value at, c_.Make("reshape", {v[0], c_.Vector({1})}));
      OCTET_ASSIGN(const Value boxes, c_.Make("gather", {v[1], at}, {{"axis", 0}}));
      OCTET_ASSIGN(const Value scores, c_.Make("gather", {v[2], at}, {{"axis", 0}}));
      OCTET_ASSIGN(const Chosen chosen, OfImage({boxes, scores, {}, {}, v[3], v[4]}, 0));
      std::vector<Value> results[4];
      OCTET_TRY(Best(chosen, results));
      Carried next(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(first));
      OCTET_ASSIGN(next[0], c_.Make("add", {v[0], c_.ScalarInt(1)}));
      OCTET_ASSIGN(const Value places, Positions(c_, v[1], 0));
      OCTET_ASSIGN(const Value here, c_.Make("equal", {places, v[0]}));
      for (size_t i = 0; i < 4; ++i) {
        std::vector<int32_t> column(static_cast<size_t>(c_.rank(v[first + i])), 1);
        column[0] = -1;
        OCTET_ASSIGN(const Value row, c_.Make("reshape", {here, c_.Vector(column)}));
        OCTET_ASSIGN(next.emplace_back(), c_.Make("select_v2", {row, results[i][0], v[first + i]}));
      }
      return next;
    };
    OCTET_ASSIGN(const Carried y, Loop(c_, start, more, step));
    for (size_t i = 0; i < 4; ++i) c_.SetOutput(static_cast<int>(i), y[first + i]);
    return {};
  }

  Status Read(const std::vector<Value>& in) {
    const Shape boxes = c_.shape(in[0]), scores = c_.shape(in[1]);
    if (boxes.rank() != 4 || scores.rank() != 3 || boxes[3] != 4 || boxes[2] < 1 || boxes[1] < 1 || scores[1] != boxes[1] || scores[2] < 1 ||
        scores[0] != boxes[0] || (boxes[2] != 1 && boxes[2] != scores[2]))
      return c_.Fail("boxes [batch, n, classes or 1, 4] and scores [batch, n, classes], all but the batch known", boxes.text() + " and " + scores.text(),
                     "give the input's shape");
    batch_ = boxes[0], candidates_ = boxes[1], shared_ = boxes[2] == 1, classes_ = scores[2];
    if (batch_ == 0 || std::max<int64_t>(batch_, 1) * classes_ > kMostSuppressions)
      return c_.Fail("at most 1024 classes of all images", scores.text(), "select on the application's side");
    std::vector<int64_t> per_class, total;
    if (!c_.IntsOf(2, &per_class) || !c_.IntsOf(3, &total) || per_class.size() != 1 || total.size() != 1 || per_class[0] < 1 || total[0] < 1 ||
        per_class[0] > (1 << 20) || total[0] > (1 << 20))
      return c_.Fail("constant numbers of boxes", "others", "select on the application's side");
    per_class_ = static_cast<int32_t>(std::min<int64_t>(per_class[0], candidates_));
    if (int64_t{per_class_} * classes_ > kMostBoxes)
      return c_.Fail("at most 4194304 boxes", Format("%d of each of %d classes", per_class_, classes_), "select on the application's side");
    most_ = static_cast<int32_t>(c_.Bool("pad_per_class", false) ? std::min(total[0], per_class[0] * classes_) : total[0]);
    return {};
  }

  // [1, n, classes, …] of one image -> [n, …] of one class.
  Result<Value> Part(Value v, int32_t b, int32_t k) {
    const bool boxes = c_.rank(v) == 4;
    const std::vector<int32_t> begin = boxes ? std::vector<int32_t>{b, 0, k, 0} : std::vector<int32_t>{b, 0, k},
                               size = boxes ? std::vector<int32_t>{1, candidates_, 1, 4} : std::vector<int32_t>{1, candidates_, 1};
    OCTET_ASSIGN(const Value part, c_.Make("slice", {v, c_.Vector(begin), c_.Vector(size)}));
    const int32_t dims[] = {candidates_, 4};
    return c_.ReshapeTo(part, std::span(dims).first(boxes ? 2 : 1));
  }

  Result<Chosen> OfImage(const std::vector<Value>& in, int32_t b) {
    std::vector<Value> boxes, scores;
    std::vector<float> classes;
    Chosen all;
    for (int32_t k = 0; k < classes_; ++k) {
      OCTET_ASSIGN(const Value box, Part(in[0], b, shared_ ? 0 : k));
      OCTET_ASSIGN(const Value score, Part(in[1], b, k));
      const TensorType list{DType::kI32, {}, {}};
      OCTET_ASSIGN(const std::vector<Value> y,
                   c_.EmitNode("non_max_suppression_v4", std::vector<Value>{box, score, c_.ScalarInt(per_class_), in[4], in[5]}, nullptr, {list, list}));
      c_.Refine(y[0], {DType::kI32, Shape{per_class_}, {}});
      c_.Refine(y[1], {DType::kI32, Shape{}, {}});
      OCTET_ASSIGN(const Value chosen, c_.Make("gather", {box, y[0]}, {{"axis", 0}}));
      OCTET_ASSIGN(const Value value, c_.Make("gather", {score, y[0]}, {{"axis", 0}}));
      OCTET_ASSIGN(const Value real, Below(per_class_, y[1]));
      OCTET_ASSIGN(const Value kept, c_.Make("select_v2", {real, value, c_.Scalar(kLowest)}));
      boxes.push_back(chosen), scores.push_back(kept);
      classes.insert(classes.end(), static_cast<size_t>(per_class_), static_cast<float>(k));
      OCTET_ASSIGN(all.count, all.count ? c_.Make("add", {all.count, y[1]}) : Result<Value>(y[1]));
    }
    OCTET_ASSIGN(all.boxes, c_.Make("concatenation", boxes, {{"axis", 0}}));
    OCTET_ASSIGN(all.scores, c_.Make("concatenation", scores, {{"axis", 0}}));
    all.classes = c_.Constant<float>(Shape{static_cast<int32_t>(classes.size())}, classes);
    return all;
  }

  // 0, 1, … < count
  Result<Value> Below(int32_t n, Value count) {
    std::vector<int32_t> numbers;
    for (int32_t i = 0; i < n; ++i) numbers.push_back(i);
    return c_.Make("less", {c_.Vector(numbers), count});
  }

  // Boxes, scores and classes of the best, zeros behind them, and how many there are.
  Status Best(const Chosen& chosen, std::vector<Value>* results) {
    const int32_t given = std::min(most_, per_class_ * classes_);
    OCTET_ASSIGN(const std::vector<Value> best, c_.EmitNode("topk_v2", std::vector<Value>{chosen.scores, c_.ScalarInt(given)}, nullptr,
                                                            {{DType::kF32, Shape{given}, {}}, {DType::kI32, Shape{given}, {}}}));
    OCTET_ASSIGN(const Value count, c_.Make("minimum", {chosen.count, c_.ScalarInt(most_)}));
    OCTET_ASSIGN(const Value real, Below(given, count));
    OCTET_ASSIGN(Value boxes, c_.Make("gather", {chosen.boxes, best[1]}, {{"axis", 0}}));
    if (c_.Bool("clip_boxes", true)) {
      OCTET_ASSIGN(boxes, c_.Make("maximum", {boxes, c_.Scalar(0)}));
      OCTET_ASSIGN(boxes, c_.Make("minimum", {boxes, c_.Scalar(1)}));
    }
    OCTET_ASSIGN(const Value column, c_.Make("expand_dims", {real, c_.ScalarInt(1)}));
    OCTET_ASSIGN(boxes, c_.Make("select_v2", {column, boxes, c_.Scalar(0)}));
    OCTET_ASSIGN(Value scores, c_.Make("select_v2", {real, best[0], c_.Scalar(0)}));
    OCTET_ASSIGN(Value classes, c_.Make("gather", {chosen.classes, best[1]}, {{"axis", 0}}));
    OCTET_ASSIGN(classes, c_.Make("select_v2", {real, classes, c_.Scalar(0)}));
    for (Value* v : {&boxes, &scores, &classes}) {
      if (given == most_) break;
      const int32_t pads[] = {0, most_ - given, 0, 0};
      const int32_t rank = c_.rank(*v);
      OCTET_ASSIGN(*v, c_.Make("pad", {*v, c_.Constant<int32_t>(Shape{rank, 2}, std::span(pads).first(static_cast<size_t>(2 * rank)))}));
    }
    int i = 0;
    for (const Value v : {boxes, scores, classes, count}) results[i++].push_back(v);
    return {};
  }

  NodeContext& c_;
  int32_t batch_ = 0, candidates_ = 0, classes_ = 0, per_class_ = 0, most_ = 0;
  bool shared_ = false;  // One box for all classes.
};

Status ConvertCombinedSuppression(NodeContext& c) { return Suppression(c).Convert(); }

constexpr NodeRule kRules[] = {{"CombinedNonMaxSuppression", ConvertCombinedSuppression}};

}  // namespace

const std::span<const NodeRule> kDetectionRules = kRules;

}  // namespace octet::importers::savedmodel
