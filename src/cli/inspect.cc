// SPDX-License-Identifier: Apache-2.0
// octet inspect MODEL: everything in the file; --json with the schema's field names, --html as a page.
#include <algorithm>
#include <cstdio>
#include <map>

#include "base/file.h"
#include "cli/command.h"
#include "cli/micro.h"
#include "cli/output.h"
#include "report/html.h"
#include "report/json.h"
#include "tflite/view.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string model, html, target, out;
  bool json = false;
};

std::string TypeText(const tflite::TensorInfo& t) {
  std::string s = std::string(NumpyName(t.type.dtype)) + t.signature.text();
  const Quant& q = t.type.quant;
  if (q.per_channel()) s += Format(" %zu scales on axis %d", q.scale.size(), q.axis);
  else if (!q.empty()) s += Format(" scale %g zero %d", static_cast<double>(q.scale0()), q.zero0());
  return s;
}

// The tensors an operator reads that are computed, not stored.
std::string InputTypes(const tflite::SubgraphInfo& g, const tflite::OperatorInfo& op) {
  std::string s;
  for (int32_t t : op.inputs)
    if (t >= 0 && !g.tensors[t].has_constant) s += (s.empty() ? "" : ", ") + std::string(g.tensors[t].name);
  return s;
}

uint64_t WeightBytes(const tflite::SubgraphInfo& g) {
  std::map<const std::byte*, uint64_t> once;  // Shared constants count once.
  for (const tflite::TensorInfo& t : g.tensors)
    if (t.has_constant) once[t.constant.data()] = t.constant.size();
  uint64_t bytes = 0;
  for (const auto& [_, size] : once) bytes += size;
  return bytes;
}

report::Table Operators(const tflite::SubgraphInfo& g) {
  report::Table table{{"#", "operator", "version", "reads", "writes", "type"}, {}, 6};
  for (size_t i = 0; i < g.operators.size(); ++i) {
    const tflite::OperatorInfo& op = g.operators[i];
    const bool any = !op.outputs.empty() && op.outputs[0] >= 0;
    const std::string name = any ? std::string(g.tensors[op.outputs[0]].name) : "";
    table.rows.push_back({std::to_string(i), std::string(op.code_name), std::to_string(op.version), InputTypes(g, op), name,
                          any ? TypeText(g.tensors[op.outputs[0]]) : ""});
  }
  return table;
}

report::Table Ends(const tflite::SubgraphInfo& g) {
  report::Table table{{"", "name", "type"}, {}, 3};
  for (int32_t t : g.inputs) table.rows.push_back({"input", std::string(g.tensors[t].name), TypeText(g.tensors[t])});
  for (int32_t t : g.outputs) table.rows.push_back({"output", std::string(g.tensors[t].name), TypeText(g.tensors[t])});
  return table;
}

std::string Html(const tflite::View& view, const std::string& path) {
  std::string body = report::Facts({{"bytes", std::to_string(view.file().size())},
                                    {"subgraphs", std::to_string(view.subgraphs().size())},
                                    {"operators", std::to_string(view.subgraphs()[0].operators.size())},
                                    {"bytes of weights", std::to_string(WeightBytes(view.subgraphs()[0]))}});
  for (const tflite::SubgraphInfo& g : view.subgraphs()) {
    body += report::Section("Inputs and outputs of " + std::string(g.name), "", report::HtmlTable(Ends(g)));
    body += report::Section("Operators", "", report::HtmlTable(Operators(g)));
  }
  return report::Page(path, view.description(), body);
}

// The summary; the source goes to -o, or behind the summary.
Result<int> Micro(const tflite::View& view, const Flags& flags) {
  const MicroNeeds needs = NeedsOf(view);
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  if (flags.json) {
    report::Json j;
    j.Object().Field("arena_bytes", static_cast<int64_t>(needs.arena_bytes)).Field("lower_bound_bytes", static_cast<int64_t>(needs.lower_bound_bytes));
    j.Field("variable_bytes", static_cast<int64_t>(needs.variable_bytes))
        .Field("model_bytes", static_cast<int64_t>(view.file().size()))
        .Key("resolver")
        .Array();
    for (const std::string& call : needs.calls) j.Text(call);
    j.End().Key("missing").Array();
    for (const std::string& op : needs.missing) j.Text(op);
    j.End().End();
    std::printf("%s\n", j.text().c_str());
  } else {
    Print(stdout, "// tensor arena %llu bytes (no plan can be below %llu), variables %llu bytes, model %zu bytes, %zu operators\n", number(needs.arena_bytes),
                number(needs.lower_bound_bytes), number(needs.variable_bytes), view.file().size(), needs.calls.size());
    for (const std::string& op : needs.missing) Print(stdout, "// TFLite Micro has no kernel for %s\n", op.c_str());
    if (flags.out.empty()) Print(stdout, "%s", MicroSource(view, needs, flags.model).c_str());
  }
  if (!flags.out.empty()) OCTET_TRY(WriteFile(flags.out, MicroSource(view, needs, flags.model)));
  return needs.missing.empty() ? kYes : kUnsupported;
}

// Of a model with integer activations: is it integer throughout?
std::string IntegerText(const tflite::SubgraphInfo& g) {
  const auto is = [&](int32_t t, DType dtype) { return t >= 0 && g.tensors[static_cast<size_t>(t)].type.dtype == dtype; };
  const auto quantized = [&](int32_t t) {
    return (is(t, DType::kI8) || is(t, DType::kI16) || is(t, DType::kU8)) && !g.tensors[static_cast<size_t>(t)].type.quant.empty();
  };
  const auto real = [&](int32_t t) { return is(t, DType::kF32); };
  int integer = 0;
  std::string in_float;
  for (const tflite::OperatorInfo& op : g.operators) {
    integer += std::ranges::any_of(op.outputs, quantized);
    if (std::ranges::any_of(op.inputs, real) && std::ranges::any_of(op.outputs, real)) in_float += (in_float.empty() ? "" : ", ") + std::string(op.code_name);
  }
  if (integer == 0) return "";
  return in_float.empty() ? "integer only: no operator computes in float\n" : "computes in float: " + in_float + "\n";
}

Result<int> Inspect(const Flags& flags) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(flags.model));
  Result<tflite::View> view = tflite::View::Open(file.bytes());
  if (!view.ok()) return Error(view.error().code(), "'%s': %s", flags.model.c_str(), view.error().message().c_str());
  if (flags.target == "micro") return Micro(*view, flags);
  if (flags.json) {
    std::printf("%s\n", tflite::ToJson(*view).c_str());
    return kYes;
  }
  if (!flags.html.empty()) {
    OCTET_TRY(WriteFile(flags.html, Html(*view, flags.model)));
    return kYes;
  }
  Print(stdout, "%s: %zu bytes, %s\n", flags.model.c_str(), file.bytes().size(), std::string(view->description()).c_str());
  for (const tflite::SubgraphInfo& g : view->subgraphs()) {
    Print(stdout, "\nsubgraph %s: %zu tensors, %llu bytes of weights\n", std::string(g.name).c_str(), g.tensors.size(),
                static_cast<unsigned long long>(WeightBytes(g)));
    PrintTable(Ends(g));
    Print(stdout, "\n");
    PrintTable(Operators(g));
    Print(stdout, "%s", IntegerText(g).c_str());
  }
  for (const tflite::SignatureInfo& s : view->signatures())
    Print(stdout, "\nsignature %s: %zu inputs, %zu outputs\n", std::string(s.key).c_str(), s.inputs.size(), s.outputs.size());
  return kYes;
}

}  // namespace

Body DeclareInspect(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("model", &f->model, "A .tflite file");
  flags.Flag("--json", &f->json, "Everything as JSON, with the schema's field names");
  flags.Option("--html", &f->html, "Write a page instead", false);
  flags.Choice("--target", &f->target, {"micro"}, "What TensorFlow Lite Micro needs: the arena, an operator resolver, the model as a C array");
  flags.Option("-o,--output", &f->out, "With --target micro: where the C++ source goes", false);
  return [f] { return Inspect(*f); };
}

}  // namespace octet::cli
