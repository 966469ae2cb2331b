// SPDX-License-Identifier: Apache-2.0
// octet diagnose FLOAT MODEL... --data DATA: which layers lose accuracy and why; --report as a page with plots.
// octet diagnose SOURCE MODEL: whether the file computes what its source says, layer by layer (cli/parity.cc).
#include "quantizer/diagnose.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "cli/command.h"
#include "cli/diagnosis.h"
#include "cli/output.h"
#include "cli/parity.h"
#include "cli/source.h"
#include "quantizer/gate.h"
#include "quantizer/input_check.h"
#include "quantizer/session.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string reference, data, calibration, preprocess, report, tolerance;
  std::vector<std::string> models;
  SourceFlags reading;
  int samples = 0;
  bool json = false, parity = false;
};

struct Examined {
  std::string path, name;
  quantizer::Diagnosis diagnosis;
  quantizer::GateResult gate;
  bool has_gate = false;
  uint64_t bytes = 0;
  double median_us = 0;
};

uint64_t FileBytes(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

std::string BaseName(const std::string& path) {
  const size_t slash = path.rfind('/'), dot = path.rfind('.');
  const size_t from = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(from, dot == std::string::npos || dot < from ? std::string::npos : dot - from);
}

// Median latency of one sample over the data, in microseconds.
Result<double> Latency(const std::string& path, const data::Dataset& data) {
  OCTET_ASSIGN(const auto session, quantizer::Session::Open(path, {}));
  OCTET_TRY(session->Check(data));
  std::vector<double> us;
  constexpr int64_t kRuns = 200;
  for (int64_t i = 0; i < kRuns; ++i) {
    OCTET_TRY(session->Run(data, i % data.size()));
    const auto start = std::chrono::steady_clock::now();
    OCTET_TRY(session->interpreter().Invoke());
    us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::nth_element(us, us.begin() + us.size() / 2);
  return us[us.size() / 2];
}

// ---------------------------------------------------------------------------------- the page

// Palette: 0 float, 1 the first of several models (the naive one), 2 octet's.
int ColorOf(size_t model, size_t models) { return static_cast<int>(model + (models == 1 ? 2 : 1)); }

report::Chart LayerChart(const std::vector<Examined>& models, const std::string& title, const std::string& label, bool log_scale,
                         double (*value)(const quantizer::LayerRow&)) {
  report::Chart chart;
  chart.title = title;
  chart.y_label = label;
  chart.log_scale = log_scale;
  for (const quantizer::LayerRow& row : models[0].diagnosis.layers) chart.categories.push_back(row.tensor);
  for (size_t k = 0; k < models.size(); ++k) {
    report::Series series{models[k].name, {}, ColorOf(k, models.size())};
    for (const std::string& category : chart.categories) {
      double v = NAN;
      for (const quantizer::LayerRow& row : models[k].diagnosis.layers)
        if (row.tensor == category) v = value(row);
      series.values.push_back(v);
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

// The widest layers of the first model: channel maxima as the models' int8 scales see them.
std::string RangeCharts(const std::vector<Examined>& models) {
  std::vector<const quantizer::LayerRow*> order;
  for (const quantizer::LayerRow& row : models[0].diagnosis.layers)
    if (row.channels > 1) order.push_back(&row);
  std::ranges::stable_sort(order, [](const auto* a, const auto* b) { return a->spread > b->spread; });
  std::string html = "<div class='charts'>";
  for (size_t i = 0; i < std::min<size_t>(4, order.size()); ++i) {
    report::Chart chart;
    chart.title = order[i]->tensor;
    chart.x_label = "channels, widest first";
    chart.y_label = "max |x| in int8 steps";
    chart.log_scale = true;
    chart.begin = 1;  // Where channels are lost.
    for (size_t k = 0; k < models.size(); ++k) {
      for (const quantizer::LayerRow& row : models[k].diagnosis.layers) {
        if (row.tensor != order[i]->tensor || row.step <= 0) continue;
        report::Series series{models[k].name, {}, ColorOf(k, models.size())};
        for (float m : row.quantized_channel_max) series.values.push_back(static_cast<double>(m) / row.step);
        chart.series.push_back(std::move(series));
      }
    }
    html += report::LineChart(chart);
  }
  return html + "</div>\n";
}

// The four layers that lose most: alone, where that is known, or together with those before them.
std::string HistogramCharts(const Examined& m) {
  const auto loss = [](const quantizer::LayerRow* r) { return std::isnan(r->isolated_db) ? r->sqnr_db : r->isolated_db; };
  std::vector<const quantizer::LayerRow*> order;
  for (const quantizer::LayerRow& row : m.diagnosis.layers)
    if (row.step > 0 && !row.histogram.empty()) order.push_back(&row);
  std::ranges::stable_sort(order, {}, loss);
  std::string html = "<div class='charts'>";
  for (size_t i = 0; i < std::min<size_t>(4, order.size()); ++i) {
    report::Chart chart;
    chart.title = Format("%s, %.1f dB%s", order[i]->tensor.c_str(), loss(order[i]), std::isnan(order[i]->isolated_db) ? "" : " alone");
    chart.x_label = Format("%.3g to %.3g", static_cast<double>(order[i]->min), static_cast<double>(order[i]->max));
    chart.y_label = "values";
    chart.log_scale = true;
    report::Series series{"float", {}, 0};
    for (float v : order[i]->histogram) series.values.push_back(static_cast<double>(v));
    chart.series.push_back(std::move(series));
    html += report::LineChart(chart);
  }
  return html + "</div>\n";
}

constexpr size_t kMostFlipped = 20;

// Where samples are pictures: what they look like.
std::string FlippedShots(const quantizer::GateResult& r, const data::Dataset& data) {
  constexpr int kLargest = 256;
  const TensorType type = data.input_type(0);
  const Shape& s = type.shape;
  if (data.num_inputs() != 1 || type.dtype != DType::kF32 || s.rank() != 3 || (s[2] != 1 && s[2] != 3) || s[0] > kLargest || s[1] > kLargest) return "";
  std::vector<report::Shot> shots;
  for (size_t i = 0; i < std::min(kMostFlipped, r.flipped.size()); ++i) {
    const quantizer::Flip& flip = r.flipped[i];
    std::vector<float> x(data.sample(0, flip.sample).size() / sizeof(float));
    std::memcpy(x.data(), data.sample(0, flip.sample).data(), x.size() * sizeof(float));
    const auto [low, high] = std::ranges::minmax(x);
    report::Shot shot{Format("%lld: %lld became %lld", static_cast<long long>(flip.sample), static_cast<long long>(flip.label), static_cast<long long>(flip.answer)), s[0], s[1], s[2], {}};
    for (float v : x) shot.pixels.push_back(static_cast<uint8_t>(255 * std::clamp((v - low) / std::max(high - low, 1e-9f), 0.0f, 1.0f)));
    shots.push_back(std::move(shot));
  }
  return report::Shots(shots);
}

std::string FlippedTable(const quantizer::GateResult& r) {
  report::Table table{{"sample", "label", "int8 answers"}, {}, 1};
  for (size_t i = 0; i < std::min(kMostFlipped, r.flipped.size()); ++i)
    table.rows.push_back({std::to_string(r.flipped[i].sample), std::to_string(r.flipped[i].label), std::to_string(r.flipped[i].answer)});
  if (r.flipped.size() > kMostFlipped) table.rows.push_back({Format("and %zu more", r.flipped.size() - kMostFlipped), "", ""});
  return report::HtmlTable(table);
}

std::string ConfusionCharts(const std::vector<Examined>& models) {
  std::string html = "<div class='charts'>";
  for (const Examined& m : models) {
    if (!m.has_gate || m.gate.classes.empty() || m.gate.classes.size() > 20) continue;
    report::Heatmap map{m.name, "float answers", "quantized answers", {}, {}, {}};
    for (size_t c = 0; c < m.gate.classes.size(); ++c) {
      map.rows.push_back(std::to_string(c));
      map.columns.push_back(std::to_string(c));
    }
    map.values.assign(m.gate.confusion.begin(), m.gate.confusion.end());
    html += report::HeatmapChart(map);
  }
  return html + "</div>\n";
}

std::string SummaryTable(const std::vector<Examined>& models, uint64_t float_bytes, double float_us) {
  report::Table table{{"model", "accuracy %", "drop", "size", "latency us", "output SQNR dB"}, {}, 1};
  const bool gated = models[0].has_gate;
  table.rows.push_back({"float", gated ? Format("%.2f", models[0].gate.float_score) : "–", "", ByteText(float_bytes), Format("%.0f", float_us), ""});
  for (const Examined& m : models)
    table.rows.push_back({m.name, gated ? Format("%.2f", m.gate.quantized_score) : "–", gated ? Format("%+.2f", m.gate.drop) : "–", ByteText(m.bytes),
                          Format("%.0f", m.median_us), Format("%.1f", m.diagnosis.output_sqnr_db)});
  return report::HtmlTable(table);
}

std::string BarsOf(const std::vector<Examined>& models, uint64_t float_bytes, double float_us) {
  const quantizer::GateResult& gate = models[0].gate;
  const std::string held = gate.full()
                               ? "the full holdout"
                               : Format("%lld of %lld samples, which is no gate", static_cast<long long>(gate.samples), static_cast<long long>(gate.holdout));
  report::Chart accuracy{"Accuracy on " + held, "", "%", {"float"}, {{"", {}, 2}}, {0}, false, 4};
  report::Chart size = accuracy, latency = accuracy;
  size.title = "Size";
  size.y_label = "kB";
  latency.title = "Latency, one thread";
  latency.y_label = "us, median";
  accuracy.series[0].values.push_back(models[0].gate.float_score);
  size.series[0].values.push_back(static_cast<double>(float_bytes) / 1000);
  latency.series[0].values.push_back(float_us);
  for (size_t k = 0; k < models.size(); ++k) {
    const Examined& m = models[k];
    for (report::Chart* c : {&accuracy, &size, &latency}) {
      c->categories.push_back(m.name);
      c->category_colors.push_back(ColorOf(k, models.size()));
    }
    accuracy.series[0].values.push_back(m.gate.quantized_score);
    size.series[0].values.push_back(static_cast<double>(m.bytes) / 1000);
    latency.series[0].values.push_back(m.median_us);
  }
  std::string html = "<div class='charts'>";
  if (models[0].has_gate) html += report::BarChart(accuracy);
  return html + report::BarChart(size) + report::BarChart(latency) + "</div>\n";
}

std::string Page(const Flags& f, const data::Dataset& data, const std::vector<Examined>& models, uint64_t float_bytes, double float_us) {
  const Examined& last = models.back();
  std::vector<report::Fact> facts;
  if (last.has_gate) {
    facts.push_back({"float", Format("%.2f %%", last.gate.float_score), 0});
    for (const Examined& m : models) facts.push_back({m.name, Format("%.2f %%", m.gate.quantized_score), m.gate.drop <= 1 ? 1 : -1});
  }
  facts.push_back({"size of float", Format("%.0f %%", 100.0 * static_cast<double>(last.bytes) / static_cast<double>(std::max<uint64_t>(1, float_bytes))), 0});
  facts.push_back({"speed of float", Format("%.2fx", float_us / std::max(1e-9, last.median_us)), 0});
  std::string body = report::Facts(facts) + SummaryTable(models, float_bytes, float_us) + BarsOf(models, float_bytes, float_us);
  for (const Examined& m : models) {
    std::string list = "<ul>";
    for (const std::string& cause : m.diagnosis.causes) list += "<li>" + report::Escape(cause) + "</li>";
    const bool loses = !m.has_gate || m.gate.drop > 0;
    body += report::Section(loses ? "Why " + m.name + " loses" : "What stands out in " + m.name, m.diagnosis.causes.empty() ? "Nothing stands out." : "",
                            list + "</ul>");
  }
  body += report::Section("Ranges before and after",
                          "Each channel's largest value, counted in int8 steps of its tensor. Below one step a channel is lost: all its values round to zero.",
                          RangeCharts(models));
  body += report::Section(
      "Error per layer", "Signal to accumulated error against the float model, in dB. Every 6 dB is one bit.",
      report::BarChart(LayerChart(models, "Signal to error", "dB", false, [](const quantizer::LayerRow& r) { return std::max(r.sqnr_db, 0.0); })));
  body += report::Section(
      "Each layer alone",
      "Signal to noise of the model's outputs when this layer alone is rounded to int8: low bars are where float pays. No bar: equalisation gave the layer other units than float's.",
      report::BarChart(LayerChart(models, "Outputs' signal to noise", "dB", false,
                                  [](const quantizer::LayerRow& r) { return std::isnan(r.isolated_db) ? NAN : std::max(r.isolated_db, 0.0); })));
  body += report::Section("What the values look like",
                          "How often each size occurs in float, from the smallest to the largest value, for the layers that lose most.",
                          HistogramCharts(models.back()));
  body += report::Section("Spread of the channels", "The largest channel maximum over the median one, in the float model.",
                          report::BarChart(LayerChart({models[0]}, "Largest over median channel", "times", true,
                                                      [](const quantizer::LayerRow& r) { return static_cast<double>(r.spread); })));
  if (last.has_gate && !last.gate.classes.empty())
    body += report::Section("Where answers change", "Rows: what the float model answers; columns: what the quantized one answers.", ConfusionCharts(models));
  if (last.has_gate && !last.gate.flipped.empty())
    body += report::Section("Samples that flipped", "Right in float, wrong in int8: the sample's number, its label, what int8 answers.",
                            FlippedShots(last.gate, data) + FlippedTable(last.gate));
  if (!last.diagnosis.slower.empty()) {
    std::string list = "<ul>";
    for (const std::string& line : last.diagnosis.slower) list += "<li>" + report::Escape(line) + "</li>";
    body += report::Section("Slower in int8", "", list + "</ul>");
  }
  return report::Page("octet: " + BaseName(f.reference) + " in int8", Format("%lld samples of ", static_cast<long long>(last.diagnosis.samples)) + f.data,
                      body);
}

// ---------------------------------------------------------------------------------- text, JSON

void PrintText(const Examined& m) {
  Print(stdout, "%s: output signal to error %.1f dB over %lld samples\n", m.path.c_str(), m.diagnosis.output_sqnr_db,
        static_cast<long long>(m.diagnosis.samples));
  for (const std::string& cause : m.diagnosis.causes) Print(stdout, "  - %s\n", cause.c_str());
  if (m.diagnosis.causes.empty()) Print(stdout, "  nothing stands out\n");
  report::Table table{{"layer", "operator", "SQNR dB", "alone dB", "spread", "widest", "saturated %"}, {}, 2};
  for (const quantizer::LayerRow& r : m.diagnosis.layers)
    table.rows.push_back({r.tensor, r.op, Format("%.1f", r.sqnr_db), std::isnan(r.isolated_db) ? "" : Format("%.1f", r.isolated_db),
                          Format("%.1f", static_cast<double>(r.spread)), Format("%d of %d", r.widest_channel, r.channels), Format("%.2f", 100 * r.saturated)});
  PrintTable(table);
  for (const std::string& line : m.diagnosis.slower) Print(stdout, "slower: %s\n", line.c_str());
}

void WriteJson(report::Json& j, const Examined& m) {
  j.Object().Field("model", m.path).Field("samples", m.diagnosis.samples).Field("output_sqnr_db", m.diagnosis.output_sqnr_db).Key("causes").Array();
  for (const std::string& c : m.diagnosis.causes) j.Text(c);
  j.End().Key("slower").Array();
  for (const std::string& line : m.diagnosis.slower) j.Text(line);
  j.End().Key("layers").Array();
  for (const quantizer::LayerRow& r : m.diagnosis.layers)
    j.Object().Field("tensor", r.tensor).Field("op", r.op).Field("sqnr_db", r.sqnr_db).Field("median_channel_db", r.median_channel_db).Field("isolated_db", r.isolated_db).Field("float_us", r.float_us).Field("quantized_us", r.quantized_us).Field("spread", r.spread).Field("widest_channel", r.widest_channel).Field("channels", r.channels)
        .Field("dead_channels", r.dead_channels).Field("saturated", r.saturated).Field("min", r.min).Field("max", r.max).End();
  j.End().End();
}

Result<Examined> Examine(const std::string& reference, const std::string& path, const data::Dataset& data, const std::vector<std::string>& doubts,
                         const Flags& f, ProgressBar& bar) {
  Examined m;
  m.path = path;
  m.name = BaseName(path);
  m.bytes = FileBytes(path);
  const auto progress = [&](std::string_view what, int64_t done, int64_t total) { bar.Update(what, done, total); };
  OCTET_ASSIGN(m.diagnosis, quantizer::Diagnose(reference, path, data, f.samples, progress));
  m.diagnosis.causes.insert(m.diagnosis.causes.begin(), doubts.begin(), doubts.end());
  if (f.report.empty()) return m;
  OCTET_ASSIGN(m.median_us, Latency(path, data));
  if (!data.has_labels()) return m;
  OCTET_ASSIGN(m.gate, quantizer::Gate(reference, path, data, {.max_drop = 100, .samples = f.samples}, progress));
  m.has_gate = true;
  return m;
}

Result<std::vector<Examined>> ExamineAll(const std::string& reference, const data::Dataset& data, const Flags& f) {
  ProgressBar bar("diagnose");
  std::vector<Examined> models;
  std::vector<std::string> doubts;
  if (!f.calibration.empty()) {
    OCTET_ASSIGN(const auto calibration, OpenData(f.calibration, f.preprocess, f.models[0]));
    doubts = quantizer::CheckCalibration(*calibration, calibration->size());
    const std::vector<std::string> unlike = quantizer::CompareInputs(*calibration, calibration->size(), data);
    doubts.insert(doubts.end(), unlike.begin(), unlike.end());
  }
  for (const std::string& path : f.models) {
    OCTET_ASSIGN(Examined m, Examine(reference, path, data, doubts, f, bar));
    models.push_back(std::move(m));
  }
  return models;
}

Status WriteReport(const std::string& reference, const data::Dataset& data, const Flags& f, const std::vector<Examined>& models) {
  OCTET_ASSIGN(const double float_us, Latency(reference, data));
  return WriteFile(f.report, Page(f, data, models, FileBytes(reference), float_us));
}

Result<int> Diagnose(const Flags& f) {
  const bool parity = f.parity || f.data.empty();
  if (parity && !(f.report.empty() && f.calibration.empty()))
    return Error(Code::kInvalidArgument, "%s belongs to a comparison on --data; without it, and with --parity, layers are compared with the source's",
                 f.report.empty() ? "--calibration" : "--report");
  if (!parity && !f.tolerance.empty()) return Error(Code::kInvalidArgument, "--tolerance is parity's: give --parity, too");
  if (parity) return CompareWithSource({f.reference, f.models, f.data, f.preprocess, f.tolerance, f.reading, f.samples, f.json});
  if (!f.report.empty()) OCTET_TRY(CheckWritable(f.report));
  OCTET_ASSIGN(const auto data, OpenData(f.data, f.preprocess, f.models[0]));
  OCTET_ASSIGN(importers::ImportOptions options, f.reading.Options());
  OCTET_ASSIGN(const TfliteFile reference, TfliteFile::From(f.reference, std::move(options)));
  OCTET_ASSIGN(const std::vector<Examined> models, ExamineAll(reference.path(), *data, f));
  if (!f.report.empty()) OCTET_TRY(WriteReport(reference.path(), *data, f, models));
  if (f.json) {
    report::Json j;
    j.Object().Key("models").Array();
    for (const Examined& m : models) WriteJson(j, m);
    std::printf("%s\n", j.End().End().text().c_str());
  } else if (f.report.empty()) {
    for (const Examined& m : models) PrintText(m);
  } else {
    Print(stdout, "%s: report on %zu model%s\n", f.report.c_str(), models.size(), models.size() == 1 ? "" : "s");
  }
  return kYes;
}

}  // namespace

Status WriteDiagnosis(const std::string& name, const std::string& reference, const std::vector<std::string>& models, const data::Dataset& data,
                      const std::string& report) {
  Flags f;
  f.reference = name;
  f.models = models;
  f.data = data.path();
  f.report = report;
  OCTET_ASSIGN(const std::vector<Examined> examined, ExamineAll(reference, data, f));
  return WriteReport(reference, data, f, examined);
}

Body DeclareDiagnose(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("float", &f->reference, "The float model: .tflite, or a source of any format");
  flags.Positional("model", &f->models, "One or more .tflite files made of it");
  flags.Option("--data", &f->data, "Samples (.npz with x; labels y give accuracy in the report); without them parity on random numbers", false);
  flags.Option("--calibration", &f->calibration, "What the models were calibrated with: is it like --data?", false);
  flags.Flag("--parity", &f->parity, "Compare each layer with the source's, and name the first that differs; exit 1 when one does");
  flags.Option("--tolerance", &f->tolerance, "PERCENT of a layer's largest value that parity lets pass; without it 0.1%, and 10% for quantized models", false);
  f->reading.Declare(flags);
  flags.Option("--preprocess", &f->preprocess, "What is done to raw data, if the model's metadata do not say it", false);
  flags.Option("--report", &f->report, "Write an HTML page with plots", false);
  flags.Option("--samples", &f->samples, "Use the first N samples only (0: all)");
  flags.Flag("--json", &f->json, "Findings as JSON");
  return [f] { return Diagnose(*f); };
}

}  // namespace octet::cli
