// SPDX-License-Identifier: Apache-2.0
#include "exporter/target_runtime.h"

#include <cctype>
#include <map>

#include "exporter/runtime_version.h"

namespace octet::exporter {
namespace {

// "2.11" -> "2.11.0"; empty where it is no release.
std::string Complete(std::string_view release) {
  std::string text(release);
  int dots = 0;
  bool digit = false;
  for (const char c : text) {
    if (c == '.') {
      if (!digit) return {};
      ++dots;
      digit = false;
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      digit = true;
    } else {
      return {};
    }
  }
  if (!digit || dots < 1 || dots > 2 || text.size() > 15) return {};
  return dots == 1 ? text + ".0" : text;
}

}  // namespace

Status CheckRuntime(const graph::Model& model, std::string_view release) {
  const std::string target = Complete(release);
  if (target.empty()) return Error(Code::kInvalidArgument, "expected a release such as 2.11, found '%.*s'", static_cast<int>(release.size()), release.data());
  std::map<std::string, std::pair<int, std::string>> newer;  // What: how often, and where first.
  for (const graph::Graph& g : model.subgraphs) {
    for (const graph::NodeId id : g.order()) {
      const graph::Node& n = g.node(id);
      const graph::NodeView lens(g, id);
      const int version = ops::VersionOf(lens.view());
      const std::string needs = MinimumRuntime(lens.view(), version);
      if (n.op->code == ops::BuiltinCode::kCustom) continue;  // Comes with the application, not with the runtime.
      if (!needs.empty() && Later(target, needs) == target) continue;
      const std::string what = Format("%s version %d needs %s", std::string(n.op->name).c_str(), version,
                                      needs.empty() ? "a release after all that octet knows of" : needs.c_str());
      auto& [count, place] = newer[what];
      if (count++ == 0) place = n.place;
    }
  }
  if (newer.empty()) return {};
  std::string lines;
  for (const auto& [what, where] : newer)
    lines += (lines.empty() ? "" : "\n") + what + Format(", the runtime is %s: '%s'", target.c_str(), where.second.c_str()) +
             (where.first > 1 ? Format(" and %d more", where.first - 1) : std::string());
  return Error(Code::kUnsupported, "%s\nrun it on that release, or write these layers with older ones", lines.c_str());
}

}  // namespace octet::exporter
