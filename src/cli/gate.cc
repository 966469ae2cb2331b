// SPDX-License-Identifier: Apache-2.0
// octet gate FLOAT QUANT --data HOLDOUT: exit code 1 when the quantized model lost more than allowed.
#include "quantizer/gate.h"

#include <cstdio>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/source.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string reference, candidate, data, max_drop = "3%";
  bool json = false;
};

void PrintText(const quantizer::GateResult& r) {
  if (!r.classes.empty()) {
    report::Table table{{"class", "samples", "float %", "quantized %", "drop"}, {}, 1};
    for (const quantizer::ClassRow& row : r.classes) {
      if (row.count == 0) continue;
      const double a = 100.0 * static_cast<double>(row.float_right) / static_cast<double>(row.count), b = 100.0 * static_cast<double>(row.quantized_right) / static_cast<double>(row.count);
      table.rows.push_back({std::to_string(row.label), std::to_string(row.count), Format("%.1f", a), Format("%.1f", b), Format("%+.1f", a - b)});
    }
    PrintTable(table);
  }
  std::printf("%s on %lld samples (the full holdout): float %.2f %%, quantized %.2f %%, drop %+.2f points, %.2f allowed\n", std::string(Name(r.metric)).c_str(),
              static_cast<long long>(r.samples), r.float_score, r.quantized_score, r.drop, r.max_drop);
  std::printf("%s\n", r.passed() ? "gate passed" : "GATE FAILED");
}

std::string JsonText(const quantizer::GateResult& r) {
  report::Json j;
  j.Object().Field("metric", Name(r.metric)).Field("samples", r.samples).Field("float", r.float_score).Field("quantized", r.quantized_score);
  j.Field("drop", r.drop).Field("max_drop", r.max_drop).Field("passed", r.passed()).Field("mean_difference", r.mean_difference).Field("agreement", r.agreement);
  j.Key("classes").Array();
  for (const quantizer::ClassRow& row : r.classes)
    if (row.count) j.Object().Field("label", row.label).Field("count", row.count).Field("float_right", row.float_right).Field("quantized_right", row.quantized_right).End();
  return j.End().End().text();
}

Result<int> Gate(const Flags& f) {
  OCTET_ASSIGN(const double max_drop, ParsePoints(f.max_drop));
  OCTET_ASSIGN(const auto data, data::Dataset::Open(f.data));
  OCTET_ASSIGN(const TfliteFile reference, TfliteFile::From(f.reference));
  ProgressBar bar("gate");
  OCTET_ASSIGN(const quantizer::GateResult r,
               quantizer::Gate(reference.path(), f.candidate, *data, max_drop, [&](std::string_view what, int64_t done, int64_t total) { bar.Update(what, done, total); }));
  if (f.json) std::printf("%s\n", JsonText(r).c_str());
  else PrintText(r);
  return r.passed() ? kYes : kNo;
}

}  // namespace

Body DeclareGate(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("float", &f->reference, "The float model: .tflite, .keras or .h5");
  flags.Positional("quantized", &f->candidate, "The quantized .tflite");
  flags.Option("--data", &f->data, "The full holdout: .npz with x and labels y", true);
  flags.Option("--max-drop", &f->max_drop, "Percentage points that may be lost", false);
  flags.Flag("--json", &f->json, "The result as JSON");
  return [f] { return Gate(*f); };
}

}  // namespace octet::cli
