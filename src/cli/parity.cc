// SPDX-License-Identifier: Apache-2.0
#include "cli/parity.h"

#include <cstdio>

#include "cli/command.h"
#include "cli/output.h"
#include "quantizer/parity.h"
#include "report/json.h"

namespace octet::cli {
namespace {

void PrintText(const std::string& model, const quantizer::Parity& p) {
  report::Table table{{"layer", "tensor", "operator", "shape", "largest", "difference", ""}, {}, 4};
  for (const quantizer::ParityRow& r : p.layers)
    table.rows.push_back(
        {r.layer, r.tensor == r.layer ? "" : r.tensor, r.op, r.shape, Format("%.4g", r.largest), Format("%.2g", r.difference), r.differs ? "differs" : ""});
  PrintTable(table);
  Print(stdout, "%s: %zu tensors of the source compared, %zu of its layers are merged into others\n", model.c_str(), p.layers.size(), p.merged.size());
  if (const quantizer::ParityRow* r = p.first())
    Print(stdout, "%s: the first layer that differs is '%s' (%s): by %.4g where its largest value is %.4g\n", model.c_str(), r->layer.c_str(), r->op.c_str(),
          r->difference, r->largest);
  else
    Print(stdout, "%s: no layer differs by more than %g %% of its largest value\n", model.c_str(), 100 * p.tolerance);
}

void WriteJson(report::Json& j, const std::string& model, const quantizer::Parity& p) {
  const quantizer::ParityRow* first = p.first();
  j.Object().Field("model", model).Field("samples", p.samples).Field("tolerance", p.tolerance).Field("agrees", first == nullptr).Field("first_difference", first ? first->layer : "");
  j.Key("layers").Array();
  for (const quantizer::ParityRow& r : p.layers)
    j.Object().Field("layer", r.layer).Field("tensor", r.tensor).Field("op", r.op).Field("shape", r.shape).Field("largest", r.largest).Field("difference", r.difference).Field("differs", r.differs).End();
  j.End().Key("merged").Array();
  for (const std::string& layer : p.merged) j.Text(layer);
  j.End().End();
}

}  // namespace

Result<int> CompareWithSource(const ParityFlags& f) {
  double tolerance = 0;
  if (!f.tolerance.empty()) {
    OCTET_ASSIGN(tolerance, ParsePoints(f.tolerance));
  }
  std::vector<importers::Finding> flex;
  OCTET_ASSIGN(importers::ImportOptions options, f.reading.Options());
  if (f.reading.allow_flex) options.flex = &flex;
  OCTET_ASSIGN(const graph::Model source, importers::Import(f.source, options));
  std::unique_ptr<data::Dataset> data;
  if (!f.data.empty()) {
    OCTET_ASSIGN(data, OpenData(f.data, f.preprocess, f.models[0]));
  }
  report::Json j;
  j.Object().Field("source", f.source).Key("models").Array();
  bool agree = true;
  for (const std::string& model : f.models) {
    OCTET_ASSIGN(const quantizer::Parity parity, quantizer::CompareWithSource(source, model, data.get(), f.samples, tolerance / 100));
    agree &= parity.first() == nullptr;
    if (f.json) WriteJson(j, model, parity);
    else PrintText(model, parity);
  }
  if (f.json) std::printf("%s\n", j.End().End().text().c_str());
  return agree ? kYes : kNo;
}

}  // namespace octet::cli
