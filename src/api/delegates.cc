// SPDX-License-Identifier: Apache-2.0
// Delegates in the C interface.
#include "api/handles.h"
#include "delegates/load.h"

using octet::Code;
using octet::api::Report;

OctetDelegateHandle* octet_delegate_open(const char* name, const char* const* keys, const char* const* values, int32_t num_options, OctetError* error) {
  octet::delegates::Spec spec{name ? name : "", {}};
  for (int32_t i = 0; i < num_options; ++i) spec.settings.emplace_back(keys[i], values[i] ? values[i] : "");
  auto loaded = octet::delegates::Load(spec);
  (void)Report(loaded.ok() ? octet::Status() : std::move(loaded).status(), error);
  if (!loaded.ok()) return nullptr;
  OctetDelegateHandle* handle = octet::api::Handles<OctetDelegateHandle>::Make();
  handle->delegate = std::move(*loaded);
  handle->open = true;
  return handle;
}

void octet_delegate_close(OctetDelegateHandle* delegate) {
  if (!delegate || !delegate->open) return;
  delegate->open = false;
  delegate->delegate = nullptr;
  octet::api::Handles<OctetDelegateHandle>::Keep(delegate);
}

OctetCode octet_add_delegate(OctetInterpreter* it, const OctetDelegateHandle* delegate, OctetError* error) {
  if (!delegate) return Report(octet::Error(Code::kInvalidArgument, "octet_add_delegate: the delegate is NULL; did octet_delegate_open fail?"), error);
  if (!delegate->open) return Report(octet::Error(Code::kInvalidArgument, "octet_add_delegate: the delegate was closed"), error);
  const octet::api::Use use(it);
  if (use.ok() && delegate->delegate) it->interpreter->AddDelegate(delegate->delegate);
  return Report(use.status(), error);
}

int32_t octet_num_delegates(OctetInterpreter* it) {
  const octet::api::Use use(it);
  if (!use.ok()) return 0;
  it->delegates = it->interpreter->delegates();
  return static_cast<int32_t>(it->delegates.size());
}

OctetCode octet_delegate_details(const OctetInterpreter* it, int32_t i, OctetDelegateDetails* details) {
  if (i < 0 || static_cast<size_t>(i) >= it->delegates.size()) return OCTET_INVALID_ARGUMENT;
  const octet::runtime::DelegateDetails& d = it->delegates[static_cast<size_t>(i)];
  *details = {d.name.c_str(), d.nodes, d.total_nodes, d.mac_share, d.partitions, d.copies, d.copy_bytes, static_cast<int32_t>(d.reasons.size()), static_cast<int32_t>(d.failures.size())};
  return OCTET_OK;
}

OctetCode octet_delegate_reason(const OctetInterpreter* it, int32_t i, int32_t k, OctetDelegateReason* reason) {
  if (i < 0 || static_cast<size_t>(i) >= it->delegates.size()) return OCTET_INVALID_ARGUMENT;
  const auto& reasons = it->delegates[static_cast<size_t>(i)].reasons;
  if (k < 0 || static_cast<size_t>(k) >= reasons.size()) return OCTET_INVALID_ARGUMENT;
  const auto& r = reasons[static_cast<size_t>(k)];
  *reason = {r.node, r.op.data(), r.place.data() ? r.place.data() : "", r.text.c_str()};  // Terminated in the file and in the definitions.
  return OCTET_OK;
}

const char* octet_delegate_failure(const OctetInterpreter* it, int32_t i, int32_t k) {
  if (i < 0 || static_cast<size_t>(i) >= it->delegates.size()) return nullptr;
  const std::vector<std::string>& failures = it->delegates[static_cast<size_t>(i)].failures;
  return k >= 0 && static_cast<size_t>(k) < failures.size() ? failures[static_cast<size_t>(k)].c_str() : nullptr;
}
