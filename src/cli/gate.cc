// SPDX-License-Identifier: Apache-2.0
// octet gate FLOAT QUANT --data HOLDOUT: exit code 1 when the quantized model lost more than allowed.
#include "quantizer/gate.h"

#include <cstdio>

#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/source.h"
#include "report/html.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string reference, candidate, data, max_drop = "3%", metric = "auto", preprocess, junit, markdown, outputs;
  int samples = 0, output = 0;
  bool json = false;
};

std::string Value(const quantizer::GateResult& r, double v) { return r.in_percent ? Format("%.2f %%", v) : Format("%.4g", v); }
const char* Unit(const quantizer::GateResult& r) { return r.in_percent ? "points" : "%"; }

std::string Verdict(const quantizer::GateResult& r) {
  if (!r.full()) return Format("not a gate: %lld of %lld samples", static_cast<long long>(r.samples), static_cast<long long>(r.holdout));
  if (r.passed()) return "gate passed";
  return r.drop > r.max_drop ? "GATE FAILED"
                             : Format("GATE FAILED: %lld samples are too few to tell; a drop of %.2f %s cannot be excluded", static_cast<long long>(r.samples),
                                      r.high, Unit(r));
}

std::string Summary(const quantizer::GateResult& r) {
  return Format("%s on %lld samples (%s): float %s, quantized %s, drop %+.2f %s (95 %%: %+.2f to %+.2f), %.2f allowed", std::string(Name(r.metric)).c_str(),
                static_cast<long long>(r.samples), r.full() ? "the full holdout" : "a part of the holdout", Value(r, r.float_score).c_str(),
                Value(r, r.quantized_score).c_str(), r.drop, Unit(r), r.low, r.high, r.max_drop);
}

report::Table ClassTable(const quantizer::GateResult& r) {
  report::Table table{{"class", "samples", "float %", "quantized %", "drop"}, {}, 1};
  for (const quantizer::ClassRow& row : r.classes) {
    if (row.count == 0) continue;
    const double a = 100.0 * static_cast<double>(row.float_right) / static_cast<double>(row.count),
                 b = 100.0 * static_cast<double>(row.quantized_right) / static_cast<double>(row.count);
    table.rows.push_back({std::to_string(row.label), std::to_string(row.count), Format("%.1f", a), Format("%.1f", b), Format("%+.1f", a - b)});
  }
  return table;
}

std::string FloatText(const quantizer::GateResult& r) {
  return r.float_operators == 0 ? "no operator computes in float between the ends" : Format("%d operators compute in float", r.float_operators);
}

// Of a model with several outputs: which of them y speaks of, and how near the others are to float's.
report::Table OutputTable(const quantizer::GateResult& r) {
  report::Table table{{"output", "judged", "cosine to float", "mean difference"}, {}, 2};
  for (size_t k = 0; k < r.outputs.size(); ++k)
    table.rows.push_back({Format("%zu %s", k, r.outputs[k].name.c_str()), r.output < 0 || static_cast<size_t>(r.output) == k ? "yes" : "no",
                          Format("%.6f", r.outputs[k].cosine), Format("%.2e", r.outputs[k].mean_difference)});
  return table;
}

void PrintText(const quantizer::GateResult& r) {
  if (!r.classes.empty()) PrintTable(ClassTable(r));
  if (r.outputs.size() > 1) PrintTable(OutputTable(r));
  Print(stdout, "%s\n%s\n%s\n", Summary(r).c_str(), FloatText(r).c_str(), Verdict(r).c_str());
}

std::string JsonText(const quantizer::GateResult& r) {
  report::Json j;
  j.Object().Field("metric", Name(r.metric)).Field("samples", r.samples).Field("holdout", r.holdout).Field("gate", r.full()).Field("float", r.float_score);
  j.Field("quantized", r.quantized_score).Field("drop", r.drop).Field("drop_low", r.low).Field("drop_high", r.high).Field("max_drop", r.max_drop).Field("passed", r.passed());
  j.Field("mean_difference", r.mean_difference).Field("agreement", r.agreement).Field("float_operators", r.float_operators);
  j.Field("output", r.output).Key("outputs").Array();
  for (const quantizer::OutputRow& row : r.outputs)
    j.Object().Field("name", row.name).Field("cosine", row.cosine).Field("mean_difference", row.mean_difference).End();
  j.End().Key("classes").Array();
  for (const quantizer::ClassRow& row : r.classes)
    if (row.count)
      j.Object().Field("label", row.label).Field("count", row.count).Field("float_right", row.float_right).Field("quantized_right", row.quantized_right).End();
  j.End().Key("flipped").Array();
  for (const quantizer::Flip& flip : r.flipped) j.Object().Field("sample", flip.sample).Field("label", flip.label).Field("answer", flip.answer).End();
  return j.End().End().text();
}

// One test suite with one case, as continuous integration servers read it.
std::string JunitText(const Flags& f, const quantizer::GateResult& r) {
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  text += Format("<testsuites>\n  <testsuite name=\"octet gate\" tests=\"1\" failures=\"%d\" skipped=\"%d\">\n    <testcase classname=\"%s\" name=\"%s\">\n",
                 r.full() && !r.passed(), !r.full(), report::Escape(f.candidate).c_str(), std::string(Name(r.metric)).c_str());
  if (!r.full()) text += "      <skipped message=\"" + report::Escape(Verdict(r)) + "\"/>\n";
  else if (!r.passed()) text += "      <failure message=\"" + report::Escape(Verdict(r)) + "\">" + report::Escape(Summary(r)) + "</failure>\n";
  return text + "      <system-out>" + report::Escape(Summary(r)) + "</system-out>\n    </testcase>\n  </testsuite>\n</testsuites>\n";
}

std::string MarkdownTable(const report::Table& table) {
  const auto row = [](const std::vector<std::string>& cells) {
    std::string line = "|";
    for (const std::string& cell : cells) line += " " + cell + " |";
    return line + "\n";
  };
  std::string text = "\n" + row(table.header) + "|";
  for (size_t k = 0; k < table.header.size(); ++k) text += k < static_cast<size_t>(table.text_columns) ? "--|" : "--:|";
  text += "\n";
  for (const auto& cells : table.rows) text += row(cells);
  return text;
}

std::string MarkdownText(const Flags& f, const quantizer::GateResult& r) {
  std::string text = Format("### %s: %s\n\n%s. %s.\n", f.candidate.c_str(), Verdict(r).c_str(), Summary(r).c_str(), FloatText(r).c_str());
  if (!r.classes.empty()) text += MarkdownTable(ClassTable(r));
  if (r.outputs.size() > 1) text += MarkdownTable(OutputTable(r));
  return text;
}

Result<int> Gate(const Flags& f) {
  quantizer::GateOptions options;
  OCTET_ASSIGN(options.max_drop, ParsePoints(f.max_drop));
  OCTET_ASSIGN(options.metric, quantizer::ParseMetric(f.metric));
  options.samples = f.samples;
  options.output = f.output;
  OCTET_TRY(CheckOutputs({f.junit, f.markdown}));
  OCTET_ASSIGN(const auto data, OpenData(f.data, f.preprocess, f.candidate));
  OCTET_ASSIGN(const TfliteFile reference, TfliteFile::From(f.reference));
  std::unique_ptr<data::Archive> outputs;
  if (!f.outputs.empty()) {
    OCTET_ASSIGN(outputs, data::Archive::Open(f.outputs));
    options.outputs = outputs.get();
  }
  ProgressBar bar("gate");
  OCTET_ASSIGN(const quantizer::GateResult r, quantizer::Gate(reference.path(), f.candidate, *data, options,
                                                              [&](std::string_view what, int64_t done, int64_t total) { bar.Update(what, done, total); }));
  if (!f.junit.empty()) OCTET_TRY(WriteFile(f.junit, JunitText(f, r)));
  if (!f.markdown.empty()) OCTET_TRY(WriteFile(f.markdown, MarkdownText(f, r)));
  if (f.json) std::printf("%s\n", JsonText(r).c_str());
  else PrintText(r);
  return r.passed() ? kYes : kNo;
}

}  // namespace

Body DeclareGate(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("float", &f->reference, "The float model: .tflite, or a source of any format");
  flags.Positional("quantized", &f->candidate, "The quantized .tflite");
  flags.Option("--data", &f->data, "The full holdout: .npz with x and labels y, a folder of class folders, or CSV", true);
  flags.Option("--preprocess", &f->preprocess, "What is done to raw data, if the model's metadata do not say it: scale=1/255,mean=…,std=…,resize=HxW", false);
  flags.Choice("--metric", &f->metric, quantizer::MetricFlags(), "What is compared");
  flags.Option("--output", &f->output, "Of a model with several: the output that y speaks of, counted from 0");
  flags.Option("--max-drop", &f->max_drop, "Percentage points that may be lost", false);
  flags.Option("--samples", &f->samples, "Look at the first N samples only: not a gate");
  flags.Option("--outputs", &f->outputs, "What both models answered, taken elsewhere: .npz with float_0 … and quantized_0 …, samples first. Nothing is run",
               false);
  flags.Option("--junit", &f->junit, "Write the verdict as JUnit XML", false);
  flags.Option("--markdown", &f->markdown, "Write the verdict as Markdown", false);
  flags.Flag("--json", &f->json, "The result as JSON");
  return [f] { return Gate(*f); };
}

}  // namespace octet::cli
