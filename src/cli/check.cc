// SPDX-License-Identifier: Apache-2.0
// octet check SOURCE [--target NAME]: everything that will not convert, or not run on a target, before any work is done.
// Exit code 3 when there is any.
#include <cstdio>

#include "checker/target.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/source.h"
#include "importers/importer.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string source, target;
  SourceFlags reading;
  bool json = false;
};

// What stands in the way on the target, in the form of what stands in the way of conversion.
Result<std::vector<importers::Finding>> OnTarget(const Flags& f, const checker::Target& target, std::vector<std::string>* trusted) {
  OCTET_ASSIGN(importers::ImportOptions options, f.reading.Options());
  std::vector<importers::Finding> flex;
  if (f.reading.allow_flex) options.flex = &flex;
  OCTET_ASSIGN(const graph::Model model, LoadSource(f.source, options));
  *trusted = checker::TakenOnTrust(target, model);
  std::vector<importers::Finding> findings;
  for (const checker::Obstacle& o : checker::Evaluate(target, model)) {
    const std::string layer = o.place.substr(o.place.rfind('/') + 1);
    findings.push_back({o.op.empty() ? f.source : layer, o.op.empty() ? "model" : o.op, o.op.empty() ? f.source : o.place, o.reason, o.advice});
  }
  return findings;
}

void PrintJson(const Flags& f, const checker::Target& target, const std::vector<importers::Finding>& findings, bool converts,
               const std::vector<std::string>& trusted, const std::map<std::string, int>& tensorflow) {
  report::Json j;
  j.Object().Field("source", f.source).Field("converts", converts);
  if (!f.target.empty()) {
    j.Field("target", f.target).Field("runs", converts && findings.empty()).Key("rules").Array();
    for (const std::string& source : target.sources) j.Text(source);
    j.End().Key("unverified").Array();
    for (const std::string& op : trusted) j.Text(op);
    j.End();
  }
  j.Key("findings").Array();
  for (const importers::Finding& n : findings)
    j.Object().Field("layer", n.layer).Field("class", n.kind).Field("place", n.place).Field("reason", n.reason).Field("advice", n.advice).Field("flex", n.flex).End();
  j.End().Key("tensorflow_operators").Object();
  for (const auto& [name, count] : tensorflow) j.Field(name, count);
  std::printf("%s\n", j.End().End().text().c_str());
}

Result<int> Check(const Flags& f) {
  checker::Target target;
  if (!f.target.empty()) {
    OCTET_ASSIGN(target, checker::LoadTarget(f.target));
  }
  OCTET_ASSIGN(const importers::ImportOptions options, f.reading.Options());
  graph::Model model;  // Where everything converts.
  OCTET_ASSIGN(std::vector<importers::Finding> findings, importers::Check(f.source, options, &model));
  const std::map<std::string, int> tensorflow = TensorFlowOperators(model);
  if (f.reading.allow_flex) std::erase_if(findings, [](const importers::Finding& n) { return n.flex; });
  const bool converts = findings.empty();
  std::vector<std::string> trusted;
  if (converts && !f.target.empty()) {
    OCTET_ASSIGN(findings, OnTarget(f, target, &trusted));
  }
  if (f.json) {
    PrintJson(f, target, findings, converts, trusted, tensorflow);
    return findings.empty() ? kYes : kUnsupported;
  }
  NoteTensorFlowOperators(tensorflow);
  for (const importers::Finding& n : findings)
    Print(stdout, "%s%s\n", importers::Text(n).c_str(), n.flex ? "; or keep it as TensorFlow's own operator with --allow-flex" : "");
  for (const std::string& op : trusted) Print(stdout, "%s is there as far as is known, unverified: no source at hand says so\n", op.c_str());
  if (!converts) Print(stdout, "%s: %zu of its layers do not convert\n", f.source.c_str(), findings.size());
  else if (f.target.empty()) Print(stdout, "%s: everything converts\n", f.source.c_str());
  else if (findings.empty()) Print(stdout, "%s: everything runs on %s\n", f.source.c_str(), target.title.c_str());
  else Print(stdout, "%s: %zu obstacle%s on %s\n", f.source.c_str(), findings.size(), findings.size() == 1 ? "" : "s", target.title.c_str());
  return findings.empty() ? kYes : kUnsupported;
}

}  // namespace

Body DeclareCheck(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("source", &f->source, kAnySource);
  flags.Choice("--target", &f->target, checker::TargetNames(), "Also what will not run there, with the rewrite that avoids it");
  f->reading.Declare(flags);
  flags.Flag("--json", &f->json, "Findings as JSON");
  return [f] { return Check(*f); };
}

}  // namespace octet::cli
