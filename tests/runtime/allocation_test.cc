// SPDX-License-Identifier: Apache-2.0
// Invoke asks for no memory where every shape is known: each request of the process, from any thread, is counted, also
// those given back at once.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "tests/model_builder.h"

namespace {
std::atomic<size_t> requests{0};
}  // namespace

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1  // As GCC says it.
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// The sanitizers own these functions, and call back.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, size_t), void (*on_free)(const volatile void*));
namespace {
const int installed = __sanitizer_install_malloc_and_free_hooks([](const volatile void*, size_t) { ++requests; }, [](const volatile void*) {});
}  // namespace
#else
// In front of the C library's own, for everything in this process.
#define OCTET_COUNTED [[gnu::visibility("default")]]
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
OCTET_COUNTED void* malloc(size_t n) { return ++requests, __libc_malloc(n); }
OCTET_COUNTED void* calloc(size_t n, size_t size) { return ++requests, __libc_calloc(n, size); }
OCTET_COUNTED void* realloc(void* p, size_t n) { return ++requests, __libc_realloc(p, n); }
OCTET_COUNTED void* aligned_alloc(size_t alignment, size_t n) { return ++requests, __libc_memalign(alignment, n); }
OCTET_COUNTED int posix_memalign(void** p, size_t alignment, size_t n) {
  ++requests;
  *p = __libc_memalign(alignment, n);
  return *p ? 0 : ENOMEM;
}
OCTET_COUNTED void* mmap(void* at, size_t n, int protection, int flags, int file, off_t offset) {
  ++requests;
  return reinterpret_cast<void*>(::syscall(SYS_mmap, at, n, protection, flags, file, offset));
}
}
#endif

namespace octet::runtime {
namespace {

namespace fs = std::filesystem;

enum class Outcome { kNothing, kAllocated, kDynamic, kFailed };

void FillInputs(Interpreter& it) {
  for (int i = 0; i < it.num_inputs(); ++i) {
    const TensorRef in = it.input(i);
    if (in.data) std::memset(in.data, 0, in.bytes);
  }
}

// Whether one more inference asks for memory.
Outcome Counted(Interpreter& it) {
  FillInputs(it);
  const size_t before = requests;
  const bool ok = it.Invoke().ok();
  const size_t after = requests;
  return !ok ? Outcome::kFailed : after == before ? Outcome::kNothing : Outcome::kAllocated;
}

// The first run may fill tables and variables; the later ones are counted. Where threads are more than free cores, one that has
// just been made begins late, and what its beginning asks for falls into a counted run: of several, one must be without.
Outcome RunTwice(const std::string& path, const Options& options) {
  auto model = Model::Open(path);
  if (!model.ok()) return Outcome::kFailed;
  auto it = Interpreter::Create(*model, options);
  if (!it.ok() || !(*it)->Allocate().ok()) return Outcome::kFailed;
  FillInputs(**it);
  if (!(*it)->Invoke().ok()) return Outcome::kFailed;
  if (!(*it)->is_static()) return Outcome::kDynamic;
  Outcome outcome = Counted(**it);
  for (int more = 0; more < 5 && outcome == Outcome::kAllocated && options.threads > 1; ++more) {
    std::this_thread::sleep_for(std::chrono::milliseconds(more * more));
    outcome = Counted(**it);
  }
  return outcome;
}

TEST(Allocations, AreCounted) {
  const size_t before = requests;
  void* volatile some = std::malloc(10);  // Volatile: a compiler may leave out what nobody sees.
  std::free(some);
  std::string* volatile text = new std::string(100, 'x');
  delete text;
  EXPECT_GE(requests - before, 3u);
}

TEST(Interpreter, InvokeAllocatesNothingWhereShapesAreKnown) {
  std::map<Outcome, std::set<std::string>> seen;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(OCTET_SOURCE_DIR) / "tests/ops/vectors")) {
    if (entry.path().extension() != ".tflite") continue;
    for (const int threads : {1, 2})
      for (const Kernels kernels : {Kernels::kFast, Kernels::kReference}) {
        const Outcome outcome = RunTwice(entry.path().string(), {.threads = threads, .kernels = kernels});
        EXPECT_NE(outcome, Outcome::kAllocated) << entry.path() << " with " << threads << " threads";
        seen[outcome].insert(entry.path().parent_path().filename().string());
      }
  }
  EXPECT_GT(seen[Outcome::kNothing].size(), 150u);
  for (const char* op : {"WHILE", "IF", "STABLEHLO_CASE", "STABLEHLO_COMPOSITE", "LSTM", "HASHTABLE_FIND"})
    EXPECT_TRUE(seen[Outcome::kNothing].contains(op)) << op;
}

// Loops that go round, branches that change from run to run, and a subgraph that only the first run calls. (A model that
// reads variables is no static one: their shapes are those of what was assigned.)
TEST(Interpreter, CallsOfSubgraphsAllocateNothing) {
  const auto model = graph::Parse(R"(graph main
    input doubles: bool[]
    input n: i32[]
    input x: f32[3]
    call_once () -> () init_subgraph_index=#5 @once
    while (n, x) -> (m: i32[], y: f32[3]) cond_subgraph_index=#1 body_subgraph_index=#2 @loop
    if (doubles, y) -> (z: f32[3]) then_subgraph_index=#3 else_subgraph_index=#4 @choice
    output z
    graph cond
    input n: i32[]
    input x: f32[3]
    const limit: i32[] = [4]
    less (n, limit) -> (go: bool[]) @go
    output go
    graph body
    input n: i32[]
    input x: f32[3]
    const one: i32[] = [1]
    add (n, one) -> (next: i32[]) @next
    add (x, x) -> (twice: f32[3]) @twice
    output next
    output twice
    graph doubled
    input x: f32[3]
    add (x, x) -> (y: f32[3]) @sum
    output y
    graph negated
    input x: f32[3]
    neg (x) -> (y: f32[3]) @neg
    output y
    graph init
    const value: f32[2] = [1,2]
    var_handle () -> (handle: resource[]) shared_name=v @handle
    assign_variable (handle, value) -> () @assign
    )");
  ASSERT_TRUE(model.ok()) << model.error().message();
  test::Runner runner(*model);
  ASSERT_TRUE(runner.it->Allocate().ok());
  EXPECT_TRUE(runner.it->is_static());
  size_t after_first = 0;
  for (int run = 0; run < 10; ++run) {
    const float x[] = {1, 2, 3};
    *runner.it->input(0).data = std::byte{run % 2 == 0};
    std::memset(runner.it->input(1).data, 0, 4);
    std::memcpy(runner.it->input(2).data, x, sizeof x);
    ASSERT_TRUE(runner.it->Invoke().ok());
    EXPECT_EQ(reinterpret_cast<const float*>(runner.it->output(0).data)[2], run % 2 == 0 ? 96.0f : -48.0f);
    if (run == 0) after_first = requests;
  }
  EXPECT_EQ(requests, after_first);
}

}  // namespace
}  // namespace octet::runtime
