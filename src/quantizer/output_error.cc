// SPDX-License-Identifier: Apache-2.0
#include "quantizer/output_error.h"

#include <algorithm>
#include <cmath>

#include "exporter/exporter.h"
#include "passes/visible_ranges.h"
#include "quantizer/rewrite.h"
#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::TensorId;

// The input of an operator whose output has a scale of its own and mixes the last axis: of a softmax.
TensorId SoftmaxInput(const Graph& g, TensorId output) {
  const graph::NodeId id = g.tensor(output).producer;
  if (id < 0) return graph::kNoTensor;
  const graph::Node& n = g.node(id);
  const ops::QuantRow* rule = RuleFor(*n.op, ~0, DType::kI8);
  const bool own_scale = rule && rule->kind == ops::QuantKind::kFixed;
  return own_scale && n.inputs.size() == 1 && !(n.op->traits & ops::kElementwise) ? n.inputs[0] : graph::kNoTensor;
}

TensorId Computed(const Graph& g, const std::string& name) {
  for (const std::string& n : {name, name + std::string(kInt8Suffix)})
    for (size_t i = 0; i < g.tensors().size(); ++i)
      if (g.tensors()[i].name == n && g.tensors()[i].producer >= 0) return static_cast<TensorId>(i);
  return graph::kNoTensor;
}

double Square(double x) { return x * x; }

// Ranges may end where a softmax does not look (passes/visible_ranges.h): what is cut off there is no error.
std::vector<float> FloorsOf(const std::vector<float>& scores, float margin, const Shape& shape) {
  std::vector<float> floors(scores.size(), -INFINITY);
  const auto row = static_cast<ptrdiff_t>(shape.rank() > 0 ? shape.back() : 0);
  for (ptrdiff_t at = 0; std::isfinite(margin) && row > 0 && at + row <= std::ssize(scores); at += row)
    std::fill_n(floors.begin() + at, row, *std::max_element(scores.begin() + at, scores.begin() + at + row) - margin);
  return floors;
}

void Raise(const std::vector<std::vector<float>>& floors, std::vector<std::vector<float>>* values) {
  for (size_t s = 0; s < values->size(); ++s)
    for (size_t i = 0; i < std::min(floors[s].size(), (*values)[s].size()); ++i) (*values)[s][i] = std::max((*values)[s][i], floors[s][i]);
}

constexpr float kCompared = 2.0f / 3;  // Of what ranges keep: samples that chose none lie lower now and then, at e^-8 of a row's largest.
constexpr double kOffset = 10;      // Times what tells samples apart: more of a signal is the same for all of them.
constexpr double kSame = 1e-9;      // Of the power: rounding.
constexpr size_t kFewSamples = 4;   // Which tell little about what differs.

}  // namespace

// Of a power that is the same for all samples little counts: a step of noise is much beside 1000.5 and 1001.5.
OutputError::Signal OutputError::SignalOf(const Values& samples) {
  Signal signal;
  double shared = 0;
  const bool alike = std::ranges::all_of(samples, [&](const auto& s) { return s.size() == samples[0].size(); });
  for (const std::vector<float>& s : samples)
    for (const float v : s) signal.power += Square(static_cast<double>(v));
  for (size_t i = 0; alike && samples.size() >= kFewSamples && i < samples[0].size(); ++i) {
    double sum = 0;
    for (const std::vector<float>& s : samples) sum += static_cast<double>(s[i]);
    shared += Square(sum) / static_cast<double>(samples.size());
  }
  const double apart = kOffset * (signal.power - shared);
  signal.counted = apart > kSame * signal.power ? std::min(signal.power, apart) : signal.power;  // Constant outputs have no other.
  return signal;
}

graph::Model OutputError::Compared(const graph::Model& model) const {
  graph::Model compared = model;
  compared.signatures.clear();
  Graph& g = compared.main();
  for (size_t i = 0; i < g.outputs.size(); ++i)
    if (const TensorId t = inner_[i].empty() ? graph::kNoTensor : Computed(g, inner_[i]); t != graph::kNoTensor) g.outputs[i] = t;
  return compared;
}

Result<OutputError::Seen> OutputError::Look(const graph::Model& model, const Progress& progress) const {
  graph::Model both = model;
  const graph::Model compared = Compared(model);
  std::vector<int> at;  // Of the compared tensors among the outputs of `both`.
  for (size_t i = 0; i < inner_.size(); ++i) {
    const bool own = compared.main().outputs[i] == model.main().outputs[i];
    at.push_back(static_cast<int>(own ? i : both.main().outputs.size()));
    if (!own) both.main().outputs.push_back(compared.main().outputs[i]);
  }
  OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(both));
  OCTET_ASSIGN(const std::shared_ptr<const runtime::Model> file, runtime::Model::FromBytes(bytes));
  const Values none(static_cast<size_t>(samples_.count()));
  Seen seen{none, none, none};
  const auto append = [](const std::vector<float>& y, std::vector<float>& to) { to.insert(to.end(), y.begin(), y.end()); };
  OCTET_TRY(ForSamples(file, {}, *data_, samples_, "outputs", progress, [&](Session& session, int, int64_t sample, int64_t position) -> Status {
    OCTET_TRY(session.Run(*data_, sample));
    for (size_t i = 0; i < at.size(); ++i) {
      append(session.Output(static_cast<int>(i)), seen.outputs[static_cast<size_t>(position)]);
      const std::vector<float> scores = session.Output(at[i]);
      append(scores, seen.compared[static_cast<size_t>(position)]);
      append(FloorsOf(scores, margins_[i], compared.main().tensor(compared.main().outputs[i]).type.shape), seen.floors[static_cast<size_t>(position)]);
    }
    return {};
  }));
  return seen;
}

Result<OutputError> OutputError::Make(const graph::Model& reference, const data::Dataset& data, SampleRange samples, const Progress& progress) {
  OutputError e;
  e.data_ = &data;
  e.samples_ = samples;
  const Graph& g = reference.main();
  for (TensorId t : g.outputs) {
    const TensorId inner = SoftmaxInput(g, t);
    e.inner_.push_back(inner == graph::kNoTensor ? "" : g.tensor(inner).name);
    e.margins_.push_back(inner == graph::kNoTensor ? INFINITY : kCompared * passes::MarginOf(g.node(g.tensor(t).producer)));
  }
  OCTET_ASSIGN(e.reference_, e.Look(reference, progress));
  Raise(e.reference_.floors, &e.reference_.compared);
  e.signal_ = SignalOf(e.reference_.compared);
  return e;
}

Result<OutputDistance> OutputError::Measure(const graph::Model& model) const {
  OCTET_ASSIGN(Seen seen, Look(model, {}));
  Raise(reference_.floors, &seen.compared);
  OutputDistance d;
  double noise = 1e-30;
  int64_t values = 0;
  for (size_t s = 0; s < seen.outputs.size(); ++s) {
    const std::vector<float> &a = reference_.outputs[s], &b = seen.outputs[s], &wanted = reference_.compared[s], &found = seen.compared[s];
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i, ++values) d.mean += std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    for (size_t i = 0; i < std::min(wanted.size(), found.size()); ++i)
      noise += Square(static_cast<double>(wanted[i]) - static_cast<double>(found[i]));
  }
  d.mean /= std::max<double>(1, static_cast<double>(values));
  d.sqnr_db = std::isfinite(noise) ? 10 * std::log10(signal_.counted / noise) : -300;
  return d;
}

}  // namespace octet::quantizer
