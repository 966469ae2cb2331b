// SPDX-License-Identifier: Apache-2.0
// Each metric on samples small enough to be counted by hand.
#include "quantizer/metric.h"

#include <gtest/gtest.h>

#include <cmath>

namespace octet::quantizer {
namespace {

class Labels : public data::Dataset {
 public:
  Labels(std::vector<int64_t> labels) : labels_(std::move(labels)) {}
  Labels(Shape shape, std::vector<std::vector<double>> targets) : shape_(shape), targets_(std::move(targets)) {}
  const std::string& path() const override { return name_; }
  int64_t size() const override { return static_cast<int64_t>(labels_.empty() ? targets_.size() : labels_.size()); }
  int num_inputs() const override { return 1; }
  const std::string& input_name(int) const override { return name_; }
  TensorType input_type(int) const override { return {DType::kF32, Shape{1}, {}}; }
  std::span<const std::byte> sample(int, int64_t) const override { return {}; }
  bool has_labels() const override { return !labels_.empty(); }
  int64_t label(int64_t i) const override { return labels_[static_cast<size_t>(i)]; }
  bool has_targets() const override { return true; }
  Shape target_shape() const override { return shape_; }
  std::vector<double> target(int64_t i) const override { return targets_[static_cast<size_t>(i)]; }

 private:
  std::string name_ = "x";
  std::vector<int64_t> labels_;
  Shape shape_;
  std::vector<std::vector<double>> targets_;
};

using Outputs = std::vector<std::vector<float>>;

double ScoreOf(Metric metric, const data::Dataset& data, const std::vector<Shape>& shapes, const std::vector<Outputs>& outputs) {
  auto scorer = MakeScorer(metric, data, shapes);
  EXPECT_TRUE(scorer.ok()) << (scorer.ok() ? "" : scorer.error().message());
  std::vector<Facts> facts;
  for (size_t i = 0; i < outputs.size(); ++i) facts.push_back(*(*scorer)->Look(static_cast<int64_t>(i), outputs[i], outputs[i]));
  return (*scorer)->Score(facts, std::vector<uint32_t>(facts.size(), 1));
}

TEST(Metric, Classification) {
  const Labels data({0, 1, 2, 2});
  const std::vector<Shape> shape{Shape{1, 3}};
  const std::vector<Outputs> y{{{0.8f, 0.1f, 0.1f}}, {{0.5f, 0.4f, 0.1f}}, {{0.1f, 0.1f, 0.8f}}, {{0.2f, 0.3f, 0.5f}}};
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kTop1, data, shape, y), 75);
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kTop5, data, shape, y), 100);
  EXPECT_NEAR(ScoreOf(Metric::kRecall, data, shape, y), 100.0 * 2 / 3, 1e-9);           // 1, 0, 1.
  EXPECT_NEAR(ScoreOf(Metric::kF1, data, shape, y), 100 * (2.0 / 3 + 0 + 1) / 3, 1e-9);  // Class 0: one right of one, two answered.
}

TEST(Metric, AreaUnderTheCurve) {
  const Labels data({0, 1, 0, 1});
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kAuc, data, {Shape{1, 2}}, {{{0.9f, 0.1f}}, {{0.6f, 0.4f}}, {{0.5f, 0.5f}}, {{0.2f, 0.8f}}}), 75);
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kAuc, data, {Shape{1, 1}}, {{{0.1f}}, {{0.4f}}, {{0.2f}}, {{0.8f}}}), 100);
}

TEST(Metric, RegressionAndCosine) {
  const Labels data(Shape{2}, {{1, 2}, {0, -1}});
  const std::vector<Outputs> y{{{1, 4}}, {{0, -1}}};
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kMae, data, {Shape{1, 2}}, y), 0.5);
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kRmse, data, {Shape{1, 2}}, y), 1);
  EXPECT_NEAR(ScoreOf(Metric::kCosine, data, {Shape{1, 2}}, y), 50 * (9 / std::sqrt(85.0) + 1), 1e-4);
}

TEST(Metric, Detection) {
  const Labels data(Shape{2, 5}, {{0, 0, 1, 1, 3, 0, 0, 0, 0, -1}});
  const std::vector<Shape> shapes{Shape{1, 2, 4}, Shape{1, 2}, Shape{1, 2}};
  // The better box comes second by score: precision at the hit is one half.
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kMap, data, shapes, {{{0, 0, 0.1f, 0.1f, 0, 0, 1, 0.9f}, {3, 3}, {0.9f, 0.5f}}}), 50);
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kMap, data, shapes, {{{0, 0, 1, 0.9f, 0, 0, 1, 1}, {3, 2}, {0.9f, 0.5f}}}), 100);
}

TEST(Metric, WordErrors) {
  const Labels data(Shape{4}, {{0, 1, 1, -1}});
  // Blank is 2; decoded 0 1 1.
  EXPECT_DOUBLE_EQ(ScoreOf(Metric::kWer, data, {Shape{1, 5, 3}}, {{{1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0}}}), 0);
  // Without the blank between them the two run together.
  EXPECT_NEAR(ScoreOf(Metric::kWer, data, {Shape{1, 3, 3}}, {{{1, 0, 0, 0, 1, 0, 0, 1, 0}}}), 100.0 / 3, 1e-9);
}

TEST(Metric, SaysWhatIsMissing) {
  const Labels targets(Shape{2}, {{1, 2}});
  const auto error = [](Result<std::unique_ptr<Scorer>> r) { return r.ok() ? std::string() : r.error().message(); };
  EXPECT_NE(error(MakeScorer(Metric::kTop1, targets, {Shape{1, 2}})).find("argmax"), std::string::npos);
  EXPECT_NE(error(MakeScorer(Metric::kMae, targets, {Shape{1, 3}})).find("2 values"), std::string::npos);
}

}  // namespace
}  // namespace octet::quantizer
