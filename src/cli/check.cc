// SPDX-License-Identifier: Apache-2.0
// octet check SOURCE: everything that will not convert, before any work is done. Exit code 3 when there is any.
#include <cstdio>

#include "cli/command.h"
#include "importers/importer.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string source;
  bool json = false;
};

Result<int> Check(const Flags& f) {
  OCTET_ASSIGN(const std::vector<importers::Finding> findings, importers::Check(f.source));
  if (f.json) {
    report::Json j;
    j.Object().Field("source", f.source).Field("converts", findings.empty()).Key("findings").Array();
    for (const importers::Finding& n : findings)
      j.Object().Field("layer", n.layer).Field("class", n.kind).Field("place", n.place).Field("reason", n.reason).Field("advice", n.advice).End();
    std::printf("%s\n", j.End().End().text().c_str());
  } else {
    for (const importers::Finding& n : findings) std::printf("%s\n", importers::Text(n).c_str());
    if (findings.empty()) std::printf("%s: everything converts\n", f.source.c_str());
    else std::printf("%s: %zu of its layers do not convert\n", f.source.c_str(), findings.size());
  }
  return findings.empty() ? kYes : kUnsupported;
}

}  // namespace

Body DeclareCheck(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("source", &f->source, "A .keras, .h5 or .tflite file");
  flags.Flag("--json", &f->json, "Findings as JSON");
  return [f] { return Check(*f); };
}

}  // namespace octet::cli
