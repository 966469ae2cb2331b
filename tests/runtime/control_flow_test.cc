// SPDX-License-Identifier: Apache-2.0
// Subgraphs that call each other: built as graphs, exported, run, imported again.
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "importers/importer.h"
#include "tests/loop_model.h"
#include "tests/runtime/fake_delegate.h"

namespace octet {
namespace {

using graph::Graph;
using graph::TensorId;

TensorType F32(Shape shape) { return {DType::kF32, shape, {}}; }
TensorType I32(Shape shape) { return {DType::kI32, shape, {}}; }

// A subgraph under construction.
struct Sub {
  Graph g;
  TensorId In(const std::string& name, TensorType type) {
    g.inputs.push_back(g.AddTensor(name, std::move(type)));
    return g.inputs.back();
  }
  TensorId Op(std::string_view op, const std::string& name, std::vector<TensorId> in, TensorType type) {
    const ops::OpDef& def = *ops::Find(op);
    const TensorId out = g.AddTensor(name, std::move(type));
    g.AddNode(def, graph::Attributes(def.attrs), std::move(in), {out}, name);
    return out;
  }
  template <class T> TensorId Constant(const std::string& name, Shape shape, std::vector<T> v) { return g.AddConstant<T>(name, shape, std::span<const T>(v)); }
};

// while (i < limit) { i = i + 1; x = body(x) } over (i, x, kept).
graph::Model Loop(int32_t limit, const std::function<TensorId(Sub&, TensorId)>& body_of, Shape shape) {
  graph::Model model;
  model.subgraphs.resize(3);
  Sub main, cond, body;
  const TensorType state = F32(shape), kept = F32({2});
  const TensorId ci = cond.In("i", I32({}));
  cond.In("x", state);
  cond.In("kept", kept);
  cond.g.outputs = {cond.Op("less", "go", {ci, cond.Constant<int32_t>("limit", {}, {limit})}, {DType::kBool, {}, {}})};
  const TensorId bi = body.In("i", I32({})), bx = body.In("x", state), bk = body.In("kept", kept);
  const TensorId next = body.Op("add", "next", {bi, body.Constant<int32_t>("one", {}, {1})}, I32({}));
  body.g.outputs = {next, body_of(body, bx), bk};
  cond.g.name = "cond";
  body.g.name = "body";
  const TensorId i = main.In("i", I32({})), x = main.In("x", state), k = main.In("kept", kept);
  const TensorId oi = main.g.AddTensor("oi", I32({})), ox = main.g.AddTensor("ox", state), ok = main.g.AddTensor("ok", kept);
  const ops::OpDef& def = *ops::Find("while");
  graph::Attributes attrs(def.attrs);
  *static_cast<ops::Subgraph*>(def.attrs.rows[0].at(attrs.get())) = ops::Subgraph{1};
  *static_cast<ops::Subgraph*>(def.attrs.rows[1].at(attrs.get())) = ops::Subgraph{2};
  main.g.AddNode(def, std::move(attrs), {i, x, k}, {oi, ox, ok}, "loop");
  main.g.outputs = {oi, ox, ok};
  model.subgraphs = {std::move(main.g), std::move(cond.g), std::move(body.g)};
  const Status inferred = graph::InferModel(model);
  EXPECT_TRUE(inferred.ok()) << (inferred.ok() ? "" : inferred.message());
  const Status verified = graph::Verify(model);
  EXPECT_TRUE(verified.ok()) << (verified.ok() ? "" : verified.message());
  return model;
}

TensorId Double(Sub& s, TensorId x) { return s.Op("add", "twice", {x, x}, s.g.tensor(x).type); }
TensorId Append(Sub& s, TensorId x) {  // One element longer each round.
  const ops::OpDef& def = *ops::Find("concatenation");
  const TensorId out = s.g.AddTensor("longer", F32({kUnknown}));
  s.g.AddNode(def, graph::Attributes(def.attrs), {x, s.Constant<float>("end", {1}, {7.0f})}, {out}, "longer");
  return out;
}

template <class T> void Set(runtime::Interpreter& it, int input, std::vector<T> v) {
  ASSERT_EQ(it.input(input).bytes, v.size() * sizeof(T));
  std::memcpy(it.input(input).data, v.data(), v.size() * sizeof(T));
}
template <class T> std::vector<T> Get(const runtime::Interpreter& it, int output) {
  const runtime::TensorRef t = it.output(output);
  std::vector<T> v(t.bytes / sizeof(T));
  if (!v.empty()) std::memcpy(v.data(), t.data, t.bytes);
  return v;
}

TEST(While, KeepsShapesAndHandsThrough) {
  for (int rounds : {0, 1, 2, 5, 10}) {
    test::Runner runner(Loop(rounds, Double, {3}));
    ASSERT_TRUE(runner.it->Allocate().ok());
    for (int repeat = 0; repeat < 2; ++repeat) {
      Set<int32_t>(*runner.it, 0, {0});
      Set<float>(*runner.it, 1, {1, 2, 3});
      Set<float>(*runner.it, 2, {8, 9});
      ASSERT_TRUE(runner.it->Invoke().ok());
      const auto power = static_cast<float>(1 << rounds);
      EXPECT_EQ(Get<int32_t>(*runner.it, 0), std::vector<int32_t>{rounds});
      EXPECT_EQ(Get<float>(*runner.it, 1), (std::vector<float>{power, 2 * power, 3 * power}));
      EXPECT_EQ(Get<float>(*runner.it, 2), (std::vector<float>{8, 9}));
    }
  }
}

// x[1] += x[0], in the place of x from the second round on.
TensorId AddUp(Sub& s, TensorId x) {
  const TensorId size = s.Constant<int32_t>("size", {1}, {1});
  const TensorId first = s.Op("slice", "first", {x, s.Constant<int32_t>("at0", {1}, {0}), size}, F32({1}));
  const TensorId at = s.Constant<int32_t>("at1", {1}, {1});
  const TensorId sum = s.Op("add", "sum", {s.Op("slice", "second", {x, at, size}, F32({1})), first}, F32({1}));
  return s.Op("dynamic_update_slice", "updated", {x, sum, at}, s.g.tensor(x).type);
}

TEST(While, ChangesAPartInPlaceAndLeavesTheInput) {
  for (int rounds : {0, 1, 2, 3, 8}) {
    test::Runner runner(Loop(rounds, AddUp, {3}));
    ASSERT_TRUE(runner.it->Allocate().ok());
    Set<float>(*runner.it, 1, {1, 2, 3});
    Set<float>(*runner.it, 2, {8, 9});
    for (int repeat = 0; repeat < 2; ++repeat) {
      Set<int32_t>(*runner.it, 0, {0});
      ASSERT_TRUE(runner.it->Invoke().ok());
      EXPECT_EQ(Get<float>(*runner.it, 1), (std::vector<float>{1, 2 + static_cast<float>(rounds), 3}));
    }
  }
}

// A table reads the state's old bytes when the update was made: that may not have the same place.
TEST(While, ATableOfWhatIsUpdatedReadsItAsItWas) {
  constexpr int32_t kRounds = 3;
  const TensorType count = I32({1}), bytes{DType::kI8, Shape{3}, Quant::PerTensor(1, 0)};
  test::Builder main, cond, body;
  cond.g().name = "cond";
  body.g().name = "body";
  const TensorId ci = cond.Input("i", count);
  for (const char* name : {"x", "old"}) cond.Input(name, bytes);
  cond.g().outputs = {cond.Node("less", "go", {ci, cond.Constant<int32_t>("limit", {1}, {kRounds})}, {DType::kBool, {}, {}})};
  const TensorId i = body.Input("i", count), x = body.Input("x", bytes);
  body.Input("old", bytes);
  const TensorId updated = body.Node("dynamic_update_slice", "updated", {x, body.Constant<int8_t>("nine", {1}, {9}, bytes.quant), i}, bytes);
  const TensorId next = body.Node("add", "next", {i, body.Constant<int32_t>("one", {1}, {1})}, count);
  body.g().outputs = {next, updated, body.Node("relu6", "capped", {body.Node("relu", "positive", {x}, bytes)}, bytes)};
  const TensorId mi = main.Input("i", count), mx = main.Input("x", bytes), old = main.Input("old", bytes);
  main.g().outputs = {main.g().AddTensor("oi", count), main.g().AddTensor("ox", bytes), main.g().AddTensor("oold", bytes)};
  const ops::OpDef& def = *ops::Find("while");
  main.g().AddNode(def, test::Calls(def, 1, 2), {mi, mx, old}, {main.g().outputs.begin(), main.g().outputs.end()}, "loop");
  main.model.subgraphs.push_back(std::move(cond.g()));
  main.model.subgraphs.push_back(std::move(body.g()));
  test::Runner runner(main.model);
  ASSERT_TRUE(runner.it->Allocate().ok());
  Set<int32_t>(*runner.it, 0, {0});
  Set<int8_t>(*runner.it, 1, {1, 2, 3});
  Set<int8_t>(*runner.it, 2, {0, 0, 0});
  ASSERT_TRUE(runner.it->Invoke().ok());
  EXPECT_EQ(Get<int8_t>(*runner.it, 1), (std::vector<int8_t>{9, 9, 9}));
  EXPECT_EQ(Get<int8_t>(*runner.it, 2), (std::vector<int8_t>{6, 6, 3}));
}

TEST(While, DelegatesLeaveItAndSaySo) {
  test::Fake fake;
  runtime::Options options;
  options.delegates.list = {fake.Make()};
  test::Runner runner(Loop(2, Double, {3}), options);
  ASSERT_TRUE(runner.it->Allocate().ok());
  const auto details = runner.it->delegates();
  EXPECT_EQ(details[0].nodes, 0);
  ASSERT_EQ(details[0].reasons.size(), 1u);
  EXPECT_NE(details[0].reasons[0].text.find("it calls subgraphs, whose nodes stay on the CPU with it ('cond' of 1, 'body' of 2)"), std::string::npos)
      << details[0].reasons[0].text;
}

TEST(While, ShapesMayGrow) {
  graph::Model model = Loop(3, Append, {1});
  test::Runner runner(model);
  ASSERT_TRUE(runner.it->Allocate().ok());
  for (float first : {1.0f, 2.0f}) {
    Set<int32_t>(*runner.it, 0, {0});
    Set<float>(*runner.it, 1, {first});
    const Status status = runner.it->Invoke();
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(Get<float>(*runner.it, 1), (std::vector<float>{first, 7, 7, 7}));
  }
}

TEST(While, EndlessLoopsMeetTheLimit) {
  const graph::Model model = Loop(INT32_MAX, Double, {1});
  runtime::Options options;
  options.max_calls = 1000;
  test::Runner runner(model, options);
  ASSERT_TRUE(runner.it->Allocate().ok());
  const Status status = runner.it->Invoke();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kCancelled);
}

TEST(While, CanBeCancelled) {
  runtime::Options options;
  options.max_calls = INT64_MAX;
  test::Runner runner(Loop(INT32_MAX, Double, {1}), options);
  ASSERT_TRUE(runner.it->Allocate().ok());
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    runner.it->Cancel();
  });
  const Status status = runner.it->Invoke();
  canceller.join();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kCancelled);
}

TEST(While, GoesThroughGraphAndExporter) {
  const auto bytes = *exporter::Export(Loop(4, Double, {3}));
  const std::string path = std::filesystem::temp_directory_path() / "octet_loop.tflite";
  ASSERT_TRUE(WriteFile(path, bytes).ok());
  auto again = importers::Import(path);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->subgraphs.size(), 3u);
  EXPECT_TRUE(graph::Verify(*again).ok());
  EXPECT_EQ(*exporter::Export(*again), bytes);
}

TEST(Calls, ASubgraphThatCallsItselfIsRefused) {
  graph::Model model = Loop(4, Double, {3});
  graph::Node& node = model.main().node(0);
  *static_cast<ops::Subgraph*>(node.op->attrs.rows[1].at(node.attrs.get())) = ops::Subgraph{0};
  const auto bytes = *exporter::Export(model);
  const auto opened = runtime::Model::FromBytes(bytes);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message().find("calls itself"), std::string::npos);
}

TEST(Attributes, ListsAreKept) {
  const ops::OpDef& def = *ops::Find("var_handle");
  graph::Attributes a(def.attrs), b(def.attrs);
  {
    const std::string name = "counter";
    *static_cast<ops::Text*>(def.attrs.rows[1].at(a.get())) = a.Keep<ops::Text>(name);
  }
  const graph::Attributes copy(def.attrs, a.get());
  EXPECT_FALSE(a == b);
  EXPECT_TRUE(a == copy);
  EXPECT_EQ(static_cast<const ops::Text*>(def.attrs.rows[1].at(const_cast<void*>(copy.get())))->view(), "counter");
}

TEST(Strings, BufferAndReferences) {
  const std::string words[] = {"a", "", "three"};
  std::vector<StringRef> refs;
  for (const std::string& w : words) refs.push_back({w.data(), w.size()});
  const std::vector<std::byte> buffer = WriteStrings(refs);
  EXPECT_TRUE(IsStringBuffer(buffer, 3));
  EXPECT_FALSE(IsStringBuffer(buffer, 2));
  EXPECT_FALSE(IsStringBuffer(std::span(buffer).first(buffer.size() - 1), 3));
  std::vector<StringRef> back(3);
  ReadStrings(buffer, back.data());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(back[i].view(), words[i]);
}

}  // namespace
}  // namespace octet
