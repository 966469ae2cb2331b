// SPDX-License-Identifier: Apache-2.0
#include "cli/delegates.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "cli/output.h"
#include "delegates/flex/flex.h"
#include "delegates/load.h"

namespace octet::cli {

void DeclareDelegates(FlagSet& flags, DelegateFlags* f) {
  flags.Option("--delegate", &f->delegates, "Who computes what it can in the CPU's place, in order of preference: NAME_OR_LIBRARY[;key=value...]");
  flags.Option("--deny", &f->deny, "Keep on the CPU: an operator (conv_2d), a layer or tensor by name, or a node by number (#12)");
  flags.Choice("--pay-off", &f->pay_off, {"off", "estimate", "measure"},
               "Which parts are worth their copies: all, by the delegate's rates, or by running both");
  flags.Option("--min-nodes", &f->min_nodes, "Smaller parts stay on the CPU");
  flags.Option("--max-parts", &f->max_parts, "Only so many parts of each delegate, the largest; 0: all");
  flags.Option("--delegate-timeout", &f->timeout_ms, "Milliseconds after which a part goes to the CPU for good; 0: never");
  flags.Option("--shadow", &f->shadow, "A share of inferences that the CPU computes, too: 1%. Where they differ, its answer is given", false);
  flags.Option("--shadow-tolerance", &f->shadow_tolerance, "Allowed difference, of an output's largest value: 0.001", false);
  flags.Option("--shadow-limit", &f->shadow_limit, "Differing inferences after which delegates are switched off");
  flags.Option("--require-delegate", &f->require, "Exit 1 when delegates have less of the multiply-adds than this: 95%", false);
}

Result<std::shared_ptr<const runtime::Model>> OpenModel(const std::string& path, const DelegateFlags& f) {
  OCTET_ASSIGN(const std::string library, delegates::FlexLibrary(f.delegates));
  OCTET_ASSIGN(std::shared_ptr<const runtime::Model> model, runtime::Model::Open(path));
  OCTET_ASSIGN(delegates::FlexModel flex, delegates::WithFlexOps(std::move(model), library));
  if (!flex.warning.empty()) Print(stderr, "octet: warning: %s\n", flex.warning.c_str());
  return std::move(flex.model);
}

Result<double> ParseShare(const std::string& flag, const std::string& text) {
  char* end = nullptr;
  double share = std::strtod(text.c_str(), &end);
  const bool percent = end != text.c_str() && *end == '%';
  if (percent) share /= 100, ++end;
  if (end == text.c_str() || *end || !(share >= 0 && share <= 1))
    return Error(Code::kInvalidArgument, "%s: expected a share such as 95%% or 0.95, found '%s'", flag.c_str(), text.c_str());
  return share;
}

namespace {

// A flag with a share that may be left out.
Status SetShare(const std::string& flag, const std::string& text, double* to) {
  if (text.empty()) return {};
  OCTET_ASSIGN(*to, ParseShare(flag, text));
  return {};
}

}  // namespace

Result<runtime::Delegates> LoadDelegates(const DelegateFlags& f) {
  runtime::Delegates delegates;
  double required = 0;
  OCTET_TRY(SetShare("--require-delegate", f.require, &required));
  OCTET_TRY(SetShare("--shadow", f.shadow, &delegates.shadow.share));
  OCTET_TRY(SetShare("--shadow-tolerance", f.shadow_tolerance, &delegates.shadow.tolerance));
  delegates.shadow.max_mismatches = f.shadow_limit;
  OCTET_ASSIGN(delegates.list, delegates::LoadAll(f.delegates));
  delegates.deny = f.deny;
  delegates.min_nodes = f.min_nodes;
  delegates.max_parts = f.max_parts;
  delegates.timeout_ms = f.timeout_ms;
  delegates.pay_off = f.pay_off == "off" ? runtime::PayOff::kOff : f.pay_off == "measure" ? runtime::PayOff::kMeasure : runtime::PayOff::kEstimate;
  return delegates;
}

double DelegatedShare(const std::vector<runtime::DelegateDetails>& details) {
  double share = 0;
  for (size_t d = 0; d + 1 < details.size(); ++d) share += details[d].mac_share;
  return share;
}

Status CheckRequired(const DelegateFlags& f, const std::vector<runtime::DelegateDetails>& details) {
  if (f.require.empty()) return {};
  OCTET_ASSIGN(const double wanted, ParseShare("--require-delegate", f.require));
  const double share = DelegatedShare(details);
  if (share + 1e-9 >= wanted) return {};
  return Error(Code::kAccuracy, "delegates have %.1f%% of the multiply-adds, --require-delegate wants %.1f%%\n%s", 100 * share, 100 * wanted,
               DelegatesText(details).c_str());
}

void WarnOfDenials(const DelegateFlags& f, const std::vector<runtime::DelegateDetails>& details) {
  for (const std::string& name : f.deny) {
    const auto denied = [&](const auto& reason) { return reason.text == "denied by '" + name + "'"; };
    if (std::ranges::none_of(details, [&](const runtime::DelegateDetails& d) { return std::ranges::any_of(d.reasons, denied); }))
      Print(stderr,
            "octet: warning: --deny '%s' kept nothing from a delegate: no operator, layer, tensor or #node is called so, or no delegate was to have it\n",
            name.c_str());
  }
}

void WriteDelegates(report::Json& j, const std::vector<runtime::DelegateDetails>& details) {
  j.Array();
  for (const runtime::DelegateDetails& d : details) {
    j.Object().Field("name", d.name).Field("nodes", d.nodes).Field("total_nodes", d.total_nodes).Field("mac_share", d.mac_share);
    j.Field("partitions", d.partitions).Field("copies", d.copies).Field("copy_bytes", d.copy_bytes).Key("reasons").Array();
    for (const auto& r : d.reasons) j.Object().Field("node", r.node).Field("op", r.op).Field("place", r.place).Field("reason", r.text).End();
    j.End().Key("failures").Array();
    for (const std::string& f : d.failures) j.Text(f);
    j.End().End();
  }
  j.End();
}

void WriteShadow(report::Json& j, const runtime::ShadowReport& shadow) {
  j.Object().Field("checked", shadow.checked).Field("mismatches", shadow.mismatches).Field("worst", shadow.worst).Field("switched_off", shadow.switched_off).End();
}

std::string ShadowText(const runtime::ShadowReport& shadow) {
  if (shadow.checked == 0) return {};
  return Format("shadow check: %lld of %lld inferences differ from the CPU's, the worst by %.3g%s\n", static_cast<long long>(shadow.mismatches),
                static_cast<long long>(shadow.checked), shadow.worst, shadow.switched_off ? "; the delegates are switched off" : "");
}

std::string DelegatesText(const std::vector<runtime::DelegateDetails>& details) {
  constexpr size_t kShown = 12;
  if (details.size() < 2) return {};
  std::string text;
  for (const runtime::DelegateDetails& d : details) {
    text += Format("%s: %d of %d nodes, %.1f%% of the multiply-adds", d.name.c_str(), d.nodes, d.total_nodes, 100 * d.mac_share);
    if (d.partitions > 0)
      text +=
          Format(", %d part%s, %d copies of %.1f kB in all", d.partitions, d.partitions == 1 ? "" : "s", d.copies, static_cast<double>(d.copy_bytes) * 1e-3);
    text += '\n';
    for (const std::string& f : d.failures) text += "  failed: " + f + "\n";
    std::map<std::string, std::pair<int, std::string>> reasons;  // Count, and the first place.
    for (const auto& r : d.reasons) {
      auto& [count, first] = reasons[std::string(r.op) + ": " + r.text];
      if (count++ == 0) first = Format("#%d '%s'", r.node, std::string(r.place).c_str());
    }
    size_t shown = 0;
    for (const auto& [reason, where] : reasons) {
      if (shown++ == kShown) text += Format("  and %zu more reasons; --json has them all\n", reasons.size() - kShown);
      if (shown <= kShown) text += Format("  not %d x %s (%s%s)\n", where.first, reason.c_str(), where.first > 1 ? "the first: " : "", where.second.c_str());
    }
  }
  return text;
}

}  // namespace octet::cli
