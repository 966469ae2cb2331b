// SPDX-License-Identifier: Apache-2.0
// A delegate for tests: computes float add, mul, relu and neg of equal shapes, and fails where it is told to.
#pragma once
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "runtime/delegate.h"

namespace octet::test {

struct Fake {
  // What to do wrong, and when.
  std::string fail;        // "begin", "prepare", "run", "silent run" (no text), "wrong"
  int fail_after = 0;      // Runs that go well before.
  double sleep_ms = 0;
  OctetDelegateRates rates = {};
  std::function<bool(const OctetDelegateNode&)> takes = [](const OctetDelegateNode&) { return true; };
  // What happened.
  int begun = 0, ended = 0, prepared = 0, released = 0, runs = 0, destroyed = 0;
  std::vector<std::vector<int>> parts;  // Nodes, by their index in the file.

  std::shared_ptr<const runtime::Delegate> Make(std::string name = "fake");
};

}  // namespace octet::test
