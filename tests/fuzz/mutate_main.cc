// SPDX-License-Identifier: Apache-2.0
// The fuzz targets without libFuzzer, for every build: runs a target on its seeds, then on mutations of them until the
// seconds are over. No sanitizer, no coverage: a crash, a hang and an abort are what it finds. The order of the inputs
// is the same each time; the one that killed it is left as finding.bin.
//   octet_mutate TARGET SECONDS FILE...
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#define OCTET_TARGETS(X) X(fuzz_npz) X(fuzz_onnx) X(fuzz_keras) X(fuzz_savedmodel) X(fuzz_tflite) X(fuzz_ops) X(fuzz_text)
#define OCTET_DECLARE(name) extern "C" int name(const uint8_t* data, size_t size);  // CMake names each target's function so.
OCTET_TARGETS(OCTET_DECLARE)

namespace {

using Bytes = std::vector<uint8_t>;
using Clock = std::chrono::steady_clock;
constexpr unsigned kHangSeconds = 20;
Bytes input;  // What the target reads now.

void LeaveFinding(int signal) {
  const int file = ::open("finding.bin", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || ::write(file, input.data(), input.size()) < 0) ::_exit(2);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

class Mutator {
 public:
  explicit Mutator(std::vector<Bytes> seeds) : seeds_(std::move(seeds)) {}

  Bytes Next() {
    Bytes b = seeds_[Below(seeds_.size())];
    for (size_t i = 1 + Below(6); i > 0; --i) Change(b);
    if (b.size() > kMost) b.resize(kMost);
    return b;
  }

 private:
  static constexpr size_t kMost = 1 << 18;
  size_t Below(size_t n) { return n == 0 ? 0 : random_() % n; }
  void Change(Bytes& b) {
    const size_t at = Below(b.size() + 1);
    const auto here = b.begin() + static_cast<ptrdiff_t>(at);
    const size_t left = b.size() - at, block = Below(std::min<size_t>(left, 64) + 1);
    constexpr int32_t kExtremes[] = {0, -1, 1, INT32_MAX, INT32_MIN, 1 << 16, 255, 1 << 28};
    switch (Below(6)) {
      case 0: if (left > 0) *here ^= static_cast<uint8_t>(1u << Below(8)); break;
      case 1: if (left > 0) *here = static_cast<uint8_t>(random_()); break;
      case 2: std::memcpy(b.data() + at, &kExtremes[Below(std::size(kExtremes))], std::min<size_t>(left, 4)); break;
      case 3: b.insert(here, 1 + Below(8), static_cast<uint8_t>(random_())); break;
      case 4: b.erase(here, here + static_cast<ptrdiff_t>(block)); break;
      default: {  // A block of another seed.
        const Bytes& other = seeds_[Below(seeds_.size())];
        const size_t from = Below(other.size());
        std::memcpy(b.data() + at, other.data() + from, std::min(block, other.size() - from));
      }
    }
  }

  std::vector<Bytes> seeds_;
  std::mt19937 random_{1};
};

}  // namespace

int main(int count, char** args) {
  int (*target)(const uint8_t*, size_t) = nullptr;
#define OCTET_PICK(name) if (count > 2 && std::string_view(args[1]) == #name) target = name;
  OCTET_TARGETS(OCTET_PICK)
  if (!target) return std::fprintf(stderr, "usage: octet_mutate TARGET SECONDS FILE...\n"), 2;
  static char stack[1 << 16];  // Of its own: recursion without end is a finding, too.
  const stack_t alternative{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_handler = LeaveFinding;
  action.sa_flags = SA_ONSTACK;
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM}) ::sigaction(signal, &action, nullptr);
  std::vector<Bytes> seeds;
  for (int i = 3; i < count; ++i) {
    std::ifstream file(args[i], std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (seeds.empty()) seeds.emplace_back(64);  // Any bytes are a model to fuzz_ops.
  const size_t given = seeds.size();
  size_t runs = 0;
  const auto run = [&](Bytes bytes) {
    input = std::move(bytes);
    ::alarm(kHangSeconds);
    (void)target(input.data(), input.size());
    ++runs;
  };
  for (const Bytes& seed : seeds) run(seed);
  Mutator mutator(std::move(seeds));
  const auto end = Clock::now() + std::chrono::seconds(std::atoi(args[2]));
  while (Clock::now() < end) run(mutator.Next());
  std::printf("%s: %zu seeds, %zu runs\n", args[1], given, runs);
  return 0;
}
