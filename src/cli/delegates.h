// SPDX-License-Identifier: Apache-2.0
// Delegates on the command line: the flags that run and bench share, and what is said about who computed what.
#pragma once
#include <string>
#include <vector>

#include "cli/command.h"
#include "report/json.h"
#include "runtime/interpreter.h"

namespace octet::cli {

struct DelegateFlags {
  std::vector<std::string> delegates, deny;
  std::string pay_off = "estimate", require, shadow, shadow_tolerance;
  int min_nodes = 1, max_parts = 0, timeout_ms = 0, shadow_limit = 0;
};
void DeclareDelegates(FlagSet& flags, DelegateFlags* f);

// Opens a model, with TensorFlow's own operators where "flex" or the environment name its library; says so on stderr.
Result<std::shared_ptr<const runtime::Model>> OpenModel(const std::string& path, const DelegateFlags& f);
// Loads what the flags name.
Result<runtime::Delegates> LoadDelegates(const DelegateFlags& f);
// "95%" or "0.95", at most 1.
Result<double> ParseShare(const std::string& flag, const std::string& text);
// The share of the multiply-adds that delegates, not the CPU, have.
double DelegatedShare(const std::vector<runtime::DelegateDetails>& details);
// An error that names what is missing when delegates have less than --require-delegate of the work.
Status CheckRequired(const DelegateFlags& f, const std::vector<runtime::DelegateDetails>& details);
// Says which --deny denied nothing: most likely a name that is misspelt.
void WarnOfDenials(const DelegateFlags& f, const std::vector<runtime::DelegateDetails>& details);

// [{name, nodes, total_nodes, mac_share, partitions, copies, copy_bytes, reasons: [], failures: []}]
void WriteDelegates(report::Json& j, const std::vector<runtime::DelegateDetails>& details);
// {checked, mismatches, worst, switched_off}
void WriteShadow(report::Json& j, const runtime::ShadowReport& shadow);
std::string ShadowText(const runtime::ShadowReport& shadow);  // Empty where nothing was checked.
// The same in lines for people; reasons with their nodes together. Nothing where there is only the CPU.
std::string DelegatesText(const std::vector<runtime::DelegateDetails>& details);

}  // namespace octet::cli
