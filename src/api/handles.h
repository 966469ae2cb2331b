// SPDX-License-Identifier: Apache-2.0
// What stands behind the handles of octet.h.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "octet/octet.h"
#include "runtime/delegate.h"
#include "runtime/interpreter.h"

struct OctetModel {
  std::shared_ptr<const octet::runtime::Model> model;
};

struct OctetInterpreter {
  std::unique_ptr<octet::runtime::Interpreter> interpreter;
  std::map<int32_t, octet::runtime::NodeInfo> nodes;           // What octet_node handed out.
  std::vector<octet::runtime::DelegateDetails> delegates = {};  // As octet_num_delegates saw them.
};

struct OctetDelegateHandle {
  std::shared_ptr<const octet::runtime::Delegate> delegate;  // Null: "cpu".
};

namespace octet::api {

// The one place where a Status becomes a caller's OctetError.
OctetCode Report(const Status& status, OctetError* error);

}  // namespace octet::api
