// SPDX-License-Identifier: Apache-2.0
#include "quantizer/calibrate.h"

#include <algorithm>
#include <cmath>

#include "exporter/exporter.h"
#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

bool Observed(const runtime::TensorRef& t) { return t.data && t.type->dtype == DType::kF32 && t.bytes > 0; }

// Float tensors that the graph computes or takes in: those need ranges.
std::vector<int> ObservedTensors(const runtime::Interpreter& interpreter) {
  std::vector<bool> wanted(interpreter.num_tensors(), false);
  for (int n = 0; n < interpreter.num_nodes(); ++n) {
    const runtime::NodeInfo node = interpreter.node(n);
    for (int32_t t : node.outputs) wanted[t] = true;
    for (int32_t t : node.inputs)
      if (t >= 0) wanted[t] = true;  // Constants, too: as operands of element-wise operators they need a scale.
  }
  std::vector<int> list;
  for (int i = 0; i < interpreter.num_tensors(); ++i)
    if (wanted[i] && Observed(interpreter.tensor(i))) list.push_back(i);
  return list;
}

void ObserveRange(const runtime::TensorRef& t, int64_t sample, TensorStatistics& s) {
  const auto* x = reinterpret_cast<const float*>(t.data);
  const int64_t n = t.type->shape.elements(), channels = t.type->shape.rank() > 0 ? t.type->shape.back() : 0;
  if (s.channel_max.size() != static_cast<size_t>(channels)) {
    s.channel_max.assign(channels, 0.0f);
    s.channel_mean.assign(channels, 0.0);
  }
  float most = 0;
  for (int64_t i = 0; i < n; ++i) {
    s.min = std::min(s.min, x[i]);
    s.max = std::max(s.max, x[i]);
    most = std::max(most, std::abs(x[i]));
  }
  for (int64_t row = 0; channels > 0 && row < n / channels; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      s.channel_max[c] = std::max(s.channel_max[c], std::abs(x[row * channels + c]));
      s.channel_mean[c] += static_cast<double>(x[row * channels + c]);
    }
  }
  const float before = std::max(s.count ? std::max(-s.min, s.max) : 0.0f, 0.0f);
  if (s.widest_sample < 0 || most >= before) {
    if (s.widest_sample >= 0) s.runner_up_max = std::max(s.runner_up_max, std::min(most, before));
    s.widest_sample = sample;
  } else {
    s.runner_up_max = std::max(s.runner_up_max, most);
  }
  s.count += n;
}

void ObserveHistogram(const runtime::TensorRef& t, TensorStatistics& s) {
  const auto* x = reinterpret_cast<const float*>(t.data);
  const float width = (s.max - s.min) / kHistogramBins;
  if (!(width > 0)) return;
  for (int64_t i = 0; i < t.type->shape.elements(); ++i) {
    const int bin = static_cast<int>((x[i] - s.min) / width);
    s.histogram[std::clamp(bin, 0, kHistogramBins - 1)] += 1.0f;
  }
}

}  // namespace

Result<Statistics> Calibrate(const graph::Model& model, const data::Dataset& data, SampleRange samples, bool histograms, const Progress& progress) {
  OCTET_ASSIGN(std::vector<std::byte> bytes, exporter::Export(model));
  OCTET_ASSIGN(const auto session, Session::FromBytes(std::move(bytes), {.keep_all_tensors = true}));
  OCTET_TRY(session->Check(data));
  const runtime::Interpreter& interpreter = session->interpreter();
  const std::vector<int> tensors = ObservedTensors(interpreter);
  std::vector<TensorStatistics> found(tensors.size());
  for (int pass = 0; pass < (histograms ? 2 : 1); ++pass) {
    if (pass == 1)
      for (TensorStatistics& s : found) s.histogram.assign(kHistogramBins, 0.0f);
    int64_t done = 0;
    for (int64_t i = samples.first; i < samples.end; i += samples.step) {
      OCTET_TRY(session->Run(data, i));
      for (size_t k = 0; k < tensors.size(); ++k) {
        const runtime::TensorRef t = interpreter.tensor(tensors[k]);
        if (pass == 0) ObserveRange(t, i, found[k]);
        else ObserveHistogram(t, found[k]);
      }
      if (progress) progress(pass == 0 ? "ranges" : "histograms", ++done, samples.count());
    }
  }
  Statistics statistics;
  for (size_t k = 0; k < tensors.size(); ++k) {
    TensorStatistics& s = found[k];
    const std::string name(interpreter.tensor(tensors[k]).name);
    if (!std::isfinite(s.min) || !std::isfinite(s.max))
      return Error(Code::kInvalidModel, "tensor '%s' becomes infinite or NaN on the calibration data", name.c_str());
    for (double& m : s.channel_mean) m /= std::max<double>(1.0, static_cast<double>(s.count) / static_cast<double>(s.channel_mean.size()));
    statistics[name] = std::move(s);
  }
  return statistics;
}

}  // namespace octet::quantizer
