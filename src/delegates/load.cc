// SPDX-License-Identifier: Apache-2.0
#include "delegates/load.h"

#include "delegates/builtin.h"
#include "delegates/plugin/plugin.h"

namespace octet::delegates {
namespace {

bool IsPath(const std::string& name) { return name.find('/') != std::string::npos || name.find('.') != std::string::npos; }

Status NoSuchName(const std::string& name) {
  std::string names = "cpu, flex";
  for (const Builtin& b : Builtins()) names += ", " + std::string(b.name);
  return Error(Code::kInvalidArgument, "there is no delegate '%s'; expected %s, or the path of a shared library", name.c_str(), names.c_str());
}

}  // namespace

Result<Spec> ParseSpec(const std::string& text) {
  Spec spec;
  size_t at = 0;
  for (bool first = true; at <= text.size(); first = false) {
    const size_t end = std::min(text.find(';', at), text.size());
    const std::string piece = text.substr(at, end - at);
    at = end + 1;
    if (first) {
      spec.name = piece;
      continue;
    }
    if (piece.empty()) continue;
    const size_t equals = piece.find('=');
    if (equals == 0) return Error(Code::kInvalidArgument, "--delegate '%s': expected NAME;key=value;..., found '%s'", text.c_str(), piece.c_str());
    spec.settings.emplace_back(piece.substr(0, equals), equals == std::string::npos ? "" : piece.substr(equals + 1));
  }
  if (spec.name.empty()) return Error(Code::kInvalidArgument, "--delegate '%s': expected a name or the path of a library", text.c_str());
  return spec;
}

Result<std::shared_ptr<const runtime::Delegate>> Load(const Spec& spec) {
  if (spec.name == "cpu" && !spec.settings.empty())
    return Error(Code::kInvalidArgument, "delegate 'cpu' has no options, found '%s'", spec.settings[0].first.c_str());
  if (spec.name == "cpu" || spec.name == "flex") return std::shared_ptr<const runtime::Delegate>();
  for (const Builtin& b : Builtins()) {
    if (b.name != spec.name) continue;
    if (const Status wrong = b.check(spec.settings); !wrong.ok())
      return Error(Code::kInvalidArgument, "delegate '%s' cannot be created: %s", spec.name.c_str(), wrong.message().c_str());
    return runtime::Delegate::Create(b.functions(), spec.settings);
  }
  return IsPath(spec.name) ? LoadPlugin(spec) : NoSuchName(spec.name);
}

Result<std::string> FlexLibrary(const std::vector<std::string>& texts) {
  std::string library;
  for (const std::string& text : texts) {
    OCTET_ASSIGN(const Spec spec, ParseSpec(text));
    if (spec.name != "flex") continue;
    for (const auto& [key, value] : spec.settings) {
      if (key != "library") return Error(Code::kInvalidArgument, "--delegate flex: expected library=PATH, found '%s'", key.c_str());
      library = value;
    }
  }
  return library;
}

Result<std::vector<std::shared_ptr<const runtime::Delegate>>> LoadAll(const std::vector<std::string>& texts) {
  std::vector<std::shared_ptr<const runtime::Delegate>> list;
  for (const std::string& text : texts) {
    OCTET_ASSIGN(const Spec spec, ParseSpec(text));
    OCTET_ASSIGN(std::shared_ptr<const runtime::Delegate> delegate, Load(spec));
    if (delegate) list.push_back(std::move(delegate));
  }
  return list;
}

}  // namespace octet::delegates
