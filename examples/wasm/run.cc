// SPDX-License-Identifier: Apache-2.0
// Runs a model on inputs that count up, and prints a checksum of each output: the same bits natively and as WebAssembly.
//   cmake --preset wasm && ninja -C build/wasm
//   node examples/wasm/run.mjs build/wasm/examples/wasm/octet_run.wasm model.tflite
#include <cstdio>

#include "runtime/interpreter.h"

using namespace octet;

namespace {

Status Run(const char* path) {
  OCTET_ASSIGN(auto model, runtime::Model::Open(path));
  OCTET_ASSIGN(auto it, runtime::Interpreter::Create(model));
  OCTET_TRY(it->Allocate());
  for (int i = 0; i < it->num_inputs(); ++i) {
    const runtime::TensorRef x = it->input(i);
    for (uint64_t k = 0; k < x.bytes; ++k)
      x.data[k] = static_cast<std::byte>(x.type->dtype == DType::kF32 ? (k % 4 == 3 ? 0x3d : k % 4 == 2 ? k % 97 : 0) : k % 251);
  }
  OCTET_TRY(it->Invoke());
  for (int i = 0; i < it->num_outputs(); ++i) {
    const runtime::TensorRef y = it->output(i);
    uint64_t hash = 14695981039346656037u;  // FNV-1a.
    for (uint64_t k = 0; k < y.bytes; ++k) hash = (hash ^ static_cast<uint64_t>(y.data[k])) * 1099511628211u;
    std::printf("%.*s: %llu bytes, %016llx\n", static_cast<int>(y.name.size()), y.name.data(), static_cast<unsigned long long>(y.bytes),
                static_cast<unsigned long long>(hash));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const Status status = argc > 1 ? Run(argv[1]) : Error(Code::kInvalidArgument, "usage: octet_run MODEL");
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}
