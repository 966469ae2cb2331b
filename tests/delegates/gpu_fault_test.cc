// SPDX-License-Identifier: Apache-2.0
// The GPU delegate when OpenCL or OpenGL ES fails: stand-in libraries (fake_opencl.c, fake_opengl.c) whose calls fail one
// after the other.
#include <dlfcn.h>

#include <algorithm>
#include <functional>

#include "delegates/load.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

using test::Builder;

constexpr int kOutOfResources = -5;

class FakeOpenCl : public testing::Test {
 protected:
  void SetUp() override {
    void* library = dlopen(OCTET_FAKE_OPENCL, RTLD_NOW);
    ASSERT_NE(library, nullptr) << dlerror();
    reset_ = reinterpret_cast<void (*)(int, int, int)>(dlsym(library, "fake_opencl_reset"));
    count_ = reinterpret_cast<void (*)(int*, int*, int*)>(dlsym(library, "fake_opencl_count"));
  }
  int Calls() const { return Count(0); }
  int Living() const { return Count(1); }
  int Writes() const { return Count(2); }

  static Result<std::vector<std::shared_ptr<const runtime::Delegate>>> Load(const std::string& options = "") {
    return delegates::LoadAll({std::string("gpu;api=opencl;cache=off;library=") + OCTET_FAKE_OPENCL + options});
  }

  void (*reset_)(int, int, int) = nullptr;
  void (*count_)(int*, int*, int*) = nullptr;

 private:
  int Count(int which) const {
    int all[3];
    count_(&all[0], &all[1], &all[2]);
    return all[which];
  }
};

graph::Model SmallModel() {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 4, 4, 4}, {}});
  b.g().outputs = {b.Node("tanh", "y", {b.Conv("c", x, 4, 3, 1)})};
  return std::move(b.model);
}

// What the caller sees when call `n` fails: an error when the delegate is made, else the CPU's answer and the reason, or
// (calls that do not matter: releases, the cache) what the device computed. Nothing is left behind.
struct Stand {
  const char* prefix;  // Of the functions' names.
  std::function<Result<std::vector<std::shared_ptr<const runtime::Delegate>>>()> load;
  std::function<void(int)> reset;
  std::function<int()> calls, living;
};
void ExpectEveryCallMayFail(const Stand& stand) {
  const std::vector<float> x = test::RandomFloats(64, 2), want = test::Runner(SmallModel()).Run<float>(x);
  int failed = 0, refused = 0, last = 1;
  for (int n = 0; n < last; ++n) {
    stand.reset(n);
    {
      auto loaded = stand.load();
      if (!loaded.ok()) {
        EXPECT_NE(loaded.error().message().find("'gpu' cannot be created: "), std::string::npos) << loaded.error().message();
        ++refused;
        last = std::max(last, stand.calls() + 1);
        continue;
      }
      runtime::Options options;
      options.delegates.list = *loaded;
      options.delegates.profile = true;
      {
        test::Runner runner(SmallModel(), options);
        const std::vector<float> got = runner.Run<float>(x);
        const auto details = runner.it->delegates();
        if (!details[0].failures.empty()) {
          ++failed;
          EXPECT_EQ(got, want) << n;
          EXPECT_NE(details[0].failures[0].find("'gpu'"), std::string::npos) << details[0].failures[0];
          EXPECT_NE(details[0].failures[0].find(stand.prefix), std::string::npos) << details[0].failures[0];
          EXPECT_EQ(runner.Run<float>(x), want) << n;  // And stays right.
        }
        last = std::max(last, stand.calls());
      }
    }
    EXPECT_EQ(stand.living(), 0) << "call " << n;
  }
  EXPECT_GT(failed, 10);
  EXPECT_GT(refused, 3);
}

TEST_F(FakeOpenCl, EveryCallMayFail) {
  for (const int shared : {0, 1})
    ExpectEveryCallMayFail(
        {"cl", [] { return Load(); }, [&](int n) { reset_(n, kOutOfResources, shared); }, [&] { return Calls(); }, [&] { return Living(); }});
}

TEST(FakeOpenGl, EveryCallMayFail) {
  void* library = dlopen(OCTET_FAKE_OPENGL, RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto reset = reinterpret_cast<void (*)(int)>(dlsym(library, "fake_opengl_reset"));
  const auto count = reinterpret_cast<void (*)(int*, int*, int*)>(dlsym(library, "fake_opengl_count"));
  const auto number = [&](size_t which) {
    int all[3];
    count(&all[0], &all[1], &all[2]);
    return all[which];
  };
  // A turn of the context that fails leaves its objects to the end of the context.
  ExpectEveryCallMayFail({"gl", [] { return delegates::LoadAll({std::string("gpu;api=gles;cache=off;tune=on;library=") + OCTET_FAKE_OPENGL}); }, reset,
                          [&] { return number(0); }, [&] { return number(1); }});
  reset(-1);
  {
    auto loaded = delegates::LoadAll({std::string("gpu;api=gles;cache=off;tune=on;library=") + OCTET_FAKE_OPENGL});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    runtime::Options options;
    options.delegates.list = *loaded;
    options.delegates.profile = true;
    for (int again = 0; again < 3; ++again) {
      test::Runner runner(SmallModel(), options);
      runner.Run<float>(test::RandomFloats(64, 2));
      EXPECT_TRUE(runner.it->delegates()[0].failures.empty());
    }
    EXPECT_EQ(number(2), 0);  // Buffers, shaders, queries.
  }
  EXPECT_EQ(number(1), 0);
}

TEST_F(FakeOpenCl, NamesWhatFailed) {
  reset_(-1, 0, 0);
  { ASSERT_TRUE(Load().ok()); }
  const int creation = Calls();
  std::vector<std::string> texts;
  for (int n = 0; n < creation; ++n) {
    reset_(n, -6, 0);
    auto loaded = Load();
    if (!loaded.ok()) texts.push_back(loaded.error().message());
  }
  EXPECT_TRUE(std::ranges::any_of(texts, [](const std::string& t) { return t.find("clCreateContext: CL_OUT_OF_HOST_MEMORY (-6)") != std::string::npos; }));
  EXPECT_EQ(Living(), 0);
}

// Kernels that compute nothing are wrong results: checked against the CPU they are found, and it takes over.
TEST_F(FakeOpenCl, WrongResultsAreFoundByTheShadowCheck) {
  reset_(-1, 0, 0);
  auto loaded = Load();
  ASSERT_TRUE(loaded.ok());
  runtime::Options options;
  options.delegates.list = std::move(*loaded);
  options.delegates.shadow.share = 1;
  test::Runner runner(SmallModel(), options);
  const std::vector<float> x = test::RandomFloats(64, 2), want = test::Runner(SmallModel()).Run<float>(x);
  EXPECT_EQ(runner.Run<float>(x), want);
  EXPECT_EQ(runner.Run<float>(x), want);
  EXPECT_GE(runner.it->shadow().mismatches, 1);
  EXPECT_TRUE(runner.it->shadow().switched_off);
}

TEST_F(FakeOpenCl, OutOfMemorySaysSo) {
  const std::vector<float> x = test::RandomFloats(64, 2), want = test::Runner(SmallModel()).Run<float>(x);
  reset_(-1, 0, 0);
  auto loaded = Load();
  ASSERT_TRUE(loaded.ok());
  runtime::Options options;
  options.delegates.list = std::move(*loaded);
  bool seen = false;
  for (int n = 0; n < 12; ++n) {
    reset_(n, -4, 0);
    test::Runner runner(SmallModel(), options);
    EXPECT_EQ(runner.Run<float>(x).size(), want.size());
    const auto details = runner.it->delegates();
    for (const std::string& failure : details[0].failures) seen |= failure.find("clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)") != std::string::npos;
  }
  EXPECT_TRUE(seen);
}

// Where memory is unified, whole quads of the host's own memory are the device's buffers.
TEST_F(FakeOpenCl, CopiesNothingWhereMemoryIsShared) {
  for (const int shared : {0, 1}) {
    reset_(-1, 0, shared);
    auto loaded = Load();
    ASSERT_TRUE(loaded.ok());
    runtime::Options options;
    options.delegates.list = std::move(*loaded);
    test::Runner runner(SmallModel(), options);
    for (int run = 0; run < 3; ++run) runner.Run<float>(test::RandomFloats(64, 2));
    EXPECT_EQ(Writes(), shared ? 0 : 3);
  }
}

}  // namespace
}  // namespace octet
