// SPDX-License-Identifier: Apache-2.0
// Usage: leak_cpp MODEL CYCLES        every tenth run is asynchronous, with its threads
#include <algorithm>

#include "leak.h"
#include "octet/octet.hpp"

namespace {

int Cycle(const char* path) {
  static int count = 0;
  auto model = octet::Model::Open(path);
  if (!model.ok()) return 1;
  auto session = octet::Session::Create(*model);
  if (!session.ok()) return 1;
  auto input = session->Input<std::byte>(0);
  if (!input.ok()) return 1;
  std::fill(input->begin(), input->end(), std::byte{1});
  if (++count % 10 == 0) return !session->RunAsync(octet::Clock::now() + std::chrono::seconds(30)).Wait().ok();
  return !session->Run().ok();
}

}  // namespace

int main(int argc, char** argv) { return RunCycles("C++", argc > 2 ? std::atoi(argv[2]) : 2000, Cycle, argv[1]); }
