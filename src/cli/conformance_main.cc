// SPDX-License-Identifier: Apache-2.0
// octet_conformance [--kernels reference|fast] [--delegate SPEC] [--ops LIB.so] [--json] [-v] DIR...: runs every .io beside
// its .tflite and compares with the recorded outputs. One line per folder (operator), then "N passed, M failed". With a
// delegate, which has every part that it takes, also how many nodes it had; one that cannot be created: exit status 77.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>

#include "base/file.h"
#include "base/float16.h"
#include "cli/tfio.h"
#include "delegates/load.h"
#include "runtime/interpreter.h"
#include "runtime/op_library.h"

namespace octet {
namespace {

namespace fs = std::filesystem;
using cli::tfio::Output;
using cli::tfio::Tensor;
using runtime::TensorRef;

double Real(DType t, const std::byte* p) {
  const auto as = [&]<class T>(T v) { std::memcpy(&v, p, sizeof v); return v; };
  switch (t) {
    case DType::kF32: return static_cast<double>(as(float{}));
    case DType::kF64: return as(double{});
    case DType::kF16: return static_cast<double>(F16ToF32(as(uint16_t{})));
    case DType::kBF16: return static_cast<double>(BF16ToF32(as(uint16_t{})));
    default: return static_cast<double>(as(int8_t{}));
  }
}

// Complex numbers are compared part by part.
std::string CompareFloats(const Output& want, const TensorRef& got) {
  DType part = want.tensor.dtype;
  if (part == DType::kC64) part = DType::kF32;
  if (part == DType::kC128) part = DType::kF64;
  const size_t step = static_cast<size_t>(BitsOf(part)) / 8;
  for (size_t i = 0; i * step < want.tensor.bytes.size(); ++i) {
    const double w = Real(part, want.tensor.bytes.data() + i * step), g = Real(part, got.data + i * step);
    if (std::isnan(w) && std::isnan(g)) continue;
    if (std::isinf(w) ? w == g : std::abs(g - w) <= static_cast<double>(want.atol) + static_cast<double>(want.rtol) * std::abs(w)) continue;
    return Format("element %zu: want %.9g, got %.9g", i, w, g);
  }
  return {};
}

std::string CompareBytes(const Output& want, const TensorRef& got) {
  const auto& w = want.tensor.bytes;
  const auto diff = std::mismatch(w.begin(), w.end(), got.data);
  if (diff.first == w.end()) return {};
  const size_t at = static_cast<size_t>(diff.first - w.begin());
  return Format("byte %zu: want %d, got %d", at, static_cast<int>(static_cast<int8_t>(w[at])), static_cast<int>(static_cast<int8_t>(got.data[at])));
}

// Signed integers of 4 and 2 bits as the recordings have them, a byte each; empty for any other type.
std::vector<std::byte> Unpacked(const TensorRef& t) {
  const int bits = BitsOf(t.type->dtype);
  if (t.type->dtype != DType::kI4 && t.type->dtype != DType::kI2) return {};
  std::vector<std::byte> bytes(static_cast<size_t>(t.type->shape.elements()));
  for (size_t i = 0; i < bytes.size(); ++i) {
    const size_t bit = i * static_cast<size_t>(bits);
    const int raw = std::to_integer<int>(t.data[bit / 8]) << (8 - bits - static_cast<int>(bit % 8));  // The element on top of a byte.
    bytes[i] = static_cast<std::byte>(static_cast<int8_t>(raw) >> (8 - bits));
  }
  return bytes;
}

std::string Compare(const Output& want, const TensorRef& got) {
  if (got.type->dtype != want.tensor.dtype || !(got.type->shape == want.tensor.shape))
    return Format("want %s%s, got %s%s", std::string(Name(want.tensor.dtype)).c_str(), want.tensor.shape.text().c_str(),
                  std::string(Name(got.type->dtype)).c_str(), got.type->shape.text().c_str());
  if (want.mode == cli::tfio::Mode::kShape) return {};
  if (got.bytes != want.tensor.bytes.size()) return Format("want %zu bytes, got %llu", want.tensor.bytes.size(), static_cast<unsigned long long>(got.bytes));
  return want.mode == cli::tfio::Mode::kTolerance ? CompareFloats(want, got) : CompareBytes(want, got);
}

class Case {
 public:
  Case(const fs::path& io, const runtime::Options& options) : io_(io), options_(options) {}

  int nodes = 0, delegated = 0;  // Of the last run.

  // Empty, or why it failed.
  std::string Run() {
    auto runs = cli::tfio::Read(io_.string());
    if (!runs.ok()) return runs.error().message();
    fs::path model = io_;
    model.replace_extension(".tflite");
    auto opened = runtime::Model::Open(model.string());
    for (const cli::tfio::Run& run : *runs) {
      std::string problem;
      Status status = opened.ok() ? RunOnce(*opened, run, &problem) : Error(opened.error().code(), "%s", opened.error().message().c_str());
      if (run.must_fail && status.ok()) return "should have been refused";
      if (!run.must_fail && !status.ok()) return status.message();
      if (!run.must_fail && !problem.empty()) return problem;
    }
    return {};
  }

 private:
  Status CheckDelegates() {
    if (options_.delegates.list.empty()) return {};
    const runtime::DelegateDetails details = interpreter_->delegates()[0];
    nodes = details.total_nodes;
    delegated = details.nodes;
    return details.failures.empty() ? Status() : Error(Code::kDelegate, "%s", details.failures[0].c_str());
  }

  Status RunOnce(const std::shared_ptr<const runtime::Model>& model, const cli::tfio::Run& run, std::string* problem) {
    if (!interpreter_) {
      OCTET_ASSIGN(interpreter_, runtime::Interpreter::Create(model, options_));
    }
    OCTET_TRY(interpreter_->Select(run.signature));
    if (run.inputs.size() != static_cast<size_t>(interpreter_->num_inputs()))
      return Error(Code::kInvalidArgument, "the model has %d inputs", interpreter_->num_inputs());
    std::vector<int> position;
    for (size_t i = 0; i < run.inputs.size(); ++i) {
      position.push_back(run.signature.empty() ? static_cast<int>(i) : interpreter_->FindInput(run.inputs[i].name));
      if (position.back() < 0) return Error(Code::kInvalidArgument, "no input '%s'", run.inputs[i].name.c_str());
      OCTET_TRY(interpreter_->Resize(position.back(), run.inputs[i].shape));
    }
    OCTET_TRY(interpreter_->Allocate());
    if (run.reset) OCTET_TRY(interpreter_->ResetVariables());
    for (size_t i = 0; i < run.inputs.size(); ++i) {
      const TensorRef to = interpreter_->input(position[i]);
      if (to.type->dtype == DType::kString) {
        OCTET_TRY(interpreter_->SetStrings(position[i], run.inputs[i].bytes));
        continue;
      }
      if (to.bytes != run.inputs[i].bytes.size()) return Error(Code::kInvalidArgument, "input %zu has another size", i);
      if (to.bytes > 0) std::memcpy(to.data, run.inputs[i].bytes.data(), to.bytes);
    }
    OCTET_TRY(interpreter_->Invoke());
    OCTET_TRY(CheckDelegates());
    for (size_t i = 0; i < run.outputs.size() && problem->empty(); ++i) {
      TensorRef got = interpreter_->output(static_cast<int>(i));
      std::vector<std::byte> other = Unpacked(got);  // Its bytes in the recordings' form, where that differs.
      if (got.type->dtype == DType::kString) {
        OCTET_ASSIGN(other, interpreter_->Strings(static_cast<int>(i)));
      }
      if (!other.empty()) {
        got.data = other.data();
        got.bytes = other.size();
      }
      *problem = Compare(run.outputs[i], got);
    }
    return {};
  }

  fs::path io_;
  runtime::Options options_;
  std::unique_ptr<runtime::Interpreter> interpreter_;
};

struct Tally {
  int passed = 0, total = 0;
};

int Main(int argc, char** argv) {
  runtime::Options options{.poison_memory = true};
  std::vector<std::string> specs;
  bool json = false, verbose = false;
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--kernels" && i + 1 < argc) options.kernels = std::string(argv[++i]) == "reference" ? runtime::Kernels::kReference : runtime::Kernels::kFast;
    else if (arg == "--delegate" && i + 1 < argc) specs.push_back(argv[++i]);
    else if (arg == "--ops" && i + 1 < argc) {
      if (const Status loaded = runtime::LoadOps(argv[++i]); !loaded.ok()) return std::fprintf(stderr, "octet_conformance: %s\n", loaded.message().c_str()), 2;
    } else if (arg == "--json") json = true;
    else if (arg == "-v" || arg == "--verbose") verbose = true;
    else if (fs::is_directory(arg))
      for (const fs::directory_entry& e : fs::recursive_directory_iterator(arg)) {
        if (e.path().extension() == ".io") files.push_back(e.path());
      }
    else return std::fprintf(stderr, "octet_conformance: '%s' is not a folder\nusage: octet_conformance [--kernels reference|fast] [--delegate SPEC] [--ops LIB.so] [--json] [-v] DIR...\n", argv[i]), 2;
  }
  if (files.empty()) return std::fprintf(stderr, "octet_conformance: no .io file found\n"), 2;
  auto loaded = delegates::LoadAll(specs);
  if (!loaded.ok()) return std::fprintf(stderr, "octet_conformance: %s\n", loaded.error().message().c_str()), 77;
  options.delegates.list = std::move(*loaded);
  options.delegates.pay_off = runtime::PayOff::kOff;
  std::ranges::sort(files);
  std::map<std::string, Tally> tallies;
  int passed = 0, nodes = 0, delegated = 0;
  for (const fs::path& file : files) {
    Case one(file, options);
    const std::string problem = one.Run();
    nodes += one.nodes;
    delegated += one.delegated;
    Tally& tally = tallies[file.parent_path().filename().string()];
    ++tally.total;
    tally.passed += problem.empty();
    passed += problem.empty();
    if (verbose && !problem.empty()) std::fprintf(json ? stderr : stdout, "  %s: %s\n", file.stem().c_str(), problem.c_str());
  }
  if (json) std::printf("{");
  for (bool first = true; const auto& [name, t] : tallies) {
    if (json) std::printf("%s\"%s\":{\"passed\":%d,\"total\":%d}", first ? "" : ",", name.c_str(), t.passed, t.total);
    else std::printf("%-40s %d/%d\n", name.c_str(), t.passed, t.total);
    first = false;
  }
  if (json) std::printf("}\n");
  if (!specs.empty()) std::printf("%d of %d nodes delegated\n", delegated, nodes);
  std::printf("%d passed, %zu failed\n", passed, files.size() - static_cast<size_t>(passed));
  return static_cast<size_t>(passed) == files.size() ? 0 : 1;
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) { return octet::Main(argc, argv); }
