// SPDX-License-Identifier: Apache-2.0
// If, Loop and Scan where what runs is known while the model is read, or costs nothing to run: a branch that is taken
// for sure is inlined, branches of equal shapes both run and one is selected (others are an IF), loops of a known count are unrolled; other loops are WHILE.
#include <algorithm>

#include "importers/onnx/builder.h"

namespace octet::importers::onnx {
namespace {

constexpr int64_t kMaxTrips = 256;  // Unrolled; more would blow the file up.

Result<std::vector<Binding>> Branch(NodeContext& c, const char* key) {
  const AttributeProto* a = c.Find(key);
  if (!a || !a->g) return c.Fail(std::string(key), "none", "check the model");
  return c.builder().RunGraph(*a->g, c.scope(), {}, c.place() + "/");
}

Status Give(NodeContext& c, int i, const Binding& b) {
  if (b.is_list) c.SetOutputList(i, b.items);
  else c.SetOutput(i, b.value);
  return {};
}

Status ConvertIf(NodeContext& c) {
  const auto condition = c.IntsOf(c.Input(0));
  if (condition && !condition->empty()) {
    OCTET_ASSIGN(const std::vector<Binding> taken, Branch(c, (*condition)[0] ? "then_branch" : "else_branch"));
    for (size_t i = 0; i < taken.size(); ++i) OCTET_TRY(Give(c, static_cast<int>(i), taken[i]));
    return {};
  }
  OCTET_ASSIGN(const std::vector<Binding> yes, Branch(c, "then_branch"));
  OCTET_ASSIGN(const std::vector<Binding> no, Branch(c, "else_branch"));
  if (yes.size() != no.size()) return c.Fail("branches with equal outputs", "others", "check the model");
  Value when = c.Input(0);
  if (c.rank(when) > 0) {
    OCTET_ASSIGN(when, c.Reshape(when, Shape{}));
  }
  const auto equal = [&](const Binding& a, const Binding& b) {
    return a.value && b.value && c.type(a.value).dtype == c.type(b.value).dtype && c.shape(a.value) == c.shape(b.value);
  };
  if (!std::ranges::equal(yes, no, equal)) {
    OCTET_ASSIGN(const std::vector<Value> y, c.builder().EmitIf(c, when, *c.Find("then_branch")->g, *c.Find("else_branch")->g));
    for (size_t i = 0; i < y.size(); ++i) c.SetOutput(static_cast<int>(i), y[i]);
    return {};
  }
  for (size_t i = 0; i < yes.size(); ++i) {
    OCTET_ASSIGN(const Value y, c.Emit("select_v2", {when, yes[i].value, no[i].value}));
    c.SetOutput(static_cast<int>(i), y);
  }
  return {};
}

// Outputs: the carried values after the last trip, then what each trip gave, stacked. Unrolled where the count and the
// conditions are known while the model is read; false where they turn out not to be.
Result<bool> Unroll(NodeContext& c, const GraphProto& body, std::vector<Value> carried, Value condition) {
  int64_t most = kMaxTrips;
  if (c.Input(0)) {
    const auto trips = c.IntsOf(c.Input(0));
    if (!trips || trips->empty() || (*trips)[0] > kMaxTrips) return false;
    most = (*trips)[0];
  }
  std::vector<std::vector<Value>> scans;
  for (int64_t trip = 0;; ++trip) {
    const auto known = c.IntsOf(condition);
    if (!known || known->empty()) return false;
    if ((*known)[0] == 0 || (c.Input(0) && trip >= most)) break;
    if (trip >= most) return false;
    std::vector<Value> in = {c.Constant<int64_t>(Shape{}, std::span<const int64_t>(&trip, 1)), condition};
    in.insert(in.end(), carried.begin(), carried.end());
    OCTET_ASSIGN(const std::vector<Binding> out, c.builder().RunGraph(body, c.scope(), in, c.place() + "/" + std::to_string(trip) + "/"));
    if (out.size() < carried.size() + 1) return c.Fail("an output of the body for every value carried", std::to_string(out.size()), "check the model");
    if (c.builder().failed()) return c.Fail("a body that octet reads", "one with unsupported operators", "see there");
    condition = out[0].value;
    for (size_t i = 0; i < carried.size(); ++i) carried[i] = out[i + 1].value;
    scans.resize(out.size() - 1 - carried.size());
    for (size_t i = 0; i < scans.size(); ++i) scans[i].push_back(out[i + 1 + carried.size()].value);
  }
  if (scans.empty() && body.outputs.size() > carried.size() + 1) return false;  // No trip: nothing to stack.
  for (size_t i = 0; i < carried.size(); ++i) c.SetOutput(static_cast<int>(i), carried[i]);
  for (size_t i = 0; i < scans.size(); ++i) {
    OCTET_ASSIGN(const Value y, c.Make("pack", scans[i], {{"values_count", static_cast<int64_t>(scans[i].size())}, {"axis", 0}}));
    c.SetOutput(static_cast<int>(carried.size() + i), y);
  }
  return true;
}

Status ConvertLoop(NodeContext& c) {
  const AttributeProto* body = c.Find("body");
  if (!body || !body->g || body->g->inputs.size() < 2) return c.Fail("a body", "none", "check the model");
  std::vector<Value> carried;
  for (int i = 2; i < c.num_inputs(); ++i) {
    if (c.input(i).is_list) return c.Fail("tensors carried around", "a sequence", "");
    carried.push_back(c.Input(i));
  }
  Value condition = c.Input(1) ? c.Input(1) : c.Constant(TensorType{DType::kBool, Shape{}, {}}, std::vector<std::byte>{std::byte{1}});
  OCTET_ASSIGN(const bool unrolled, Unroll(c, *body->g, carried, condition));
  if (unrolled) return {};
  Value trips = c.Input(0);
  for (Value* v : {&trips, &condition}) {
    if (!*v || c.rank(*v) == 0) continue;
    OCTET_ASSIGN(*v, c.Reshape(*v, Shape{}));
  }
  OCTET_ASSIGN(const std::vector<Value> results, c.builder().EmitWhile(c, *body->g, trips, condition, carried));
  for (size_t i = 0; i < results.size(); ++i) c.SetOutput(static_cast<int>(i), results[i]);
  return {};
}

// States and slices of the scanned inputs in, states and slices of the outputs out (opset 9).
Status ConvertScan(NodeContext& c) {
  const AttributeProto* body = c.Find("body");
  const auto scanned = static_cast<int>(c.Int("num_scan_inputs", 1));
  const int states = c.num_inputs() - scanned;
  if (c.version() < 9) return c.Fail("Scan of opset 9 or newer", "opset 8", "convert the model with onnx.version_converter");
  if (!body || !body->g || states < 0 || scanned < 1) return c.Fail("a body and scanned inputs", "none", "check the model");
  const std::vector<int64_t> in_axes = c.Ints("scan_input_axes", std::vector<int64_t>(static_cast<size_t>(scanned), 0));
  const std::vector<int64_t> in_back = c.Ints("scan_input_directions", std::vector<int64_t>(static_cast<size_t>(scanned), 0));
  std::vector<Value> carried;
  for (int i = 0; i < states; ++i) carried.push_back(c.Input(i));
  std::vector<std::vector<Value>> slices;
  for (int i = 0; i < scanned; ++i) {
    const Value v = c.Input(states + i);
    OCTET_ASSIGN(const int32_t axis, c.Axis(static_cast<size_t>(i) < in_axes.size() ? in_axes[static_cast<size_t>(i)] : 0, c.rank(v)));
    const int32_t n = c.shape(v)[axis];
    if (n == kUnknown || n > kMaxTrips) return c.Fail("a known length to scan", c.shape(v).text(), "give the input's shape");
    OCTET_ASSIGN(std::vector<Value> parts, c.MakeMany("unpack", {v}, {{"num", n}, {"axis", axis}}, n));
    if (static_cast<size_t>(i) < in_back.size() && in_back[static_cast<size_t>(i)] == 1) std::ranges::reverse(parts);
    slices.push_back(std::move(parts));
  }
  std::vector<std::vector<Value>> scans;
  for (size_t trip = 0; trip < slices[0].size(); ++trip) {
    std::vector<Value> in = carried;
    for (const auto& list : slices) {
      if (trip >= list.size()) return c.Fail("scanned inputs of one length", "others", "check the model");
      in.push_back(list[trip]);
    }
    OCTET_ASSIGN(const std::vector<Binding> out, c.builder().RunGraph(*body->g, c.scope(), in, c.place() + "/" + std::to_string(trip) + "/"));
    if (out.size() < carried.size()) return c.Fail("an output of the body for every state", std::to_string(out.size()), "check the model");
    for (size_t i = 0; i < carried.size(); ++i) carried[i] = out[i].value;
    scans.resize(out.size() - carried.size());
    for (size_t i = 0; i < scans.size(); ++i) scans[i].push_back(out[i + carried.size()].value);
    if (c.builder().failed()) return c.Fail("a body that octet reads", "one with unsupported operators", "see there");
  }
  const std::vector<int64_t> out_axes = c.Ints("scan_output_axes", std::vector<int64_t>(scans.size(), 0)), out_back = c.Ints("scan_output_directions", std::vector<int64_t>(scans.size(), 0));
  for (size_t i = 0; i < carried.size(); ++i) c.SetOutput(static_cast<int>(i), carried[i]);
  for (size_t i = 0; i < scans.size(); ++i) {
    if (i < out_back.size() && out_back[i] == 1) std::ranges::reverse(scans[i]);
    OCTET_ASSIGN(const int32_t axis, c.Axis(i < out_axes.size() ? out_axes[i] : 0, c.rank(scans[i][0]) + 1));
    OCTET_ASSIGN(const Value y, c.Make("pack", scans[i], {{"values_count", static_cast<int64_t>(scans[i].size())}, {"axis", axis}}));
    c.SetOutput(static_cast<int>(carried.size() + i), y);
  }
  return {};
}

constexpr NodeRule kRules[] = {{"If", 0, ConvertIf}, {"Loop", 0, ConvertLoop}, {"Scan", 0, ConvertScan}};

}  // namespace

const std::span<const NodeRule> kControlRules = kRules;

}  // namespace octet::importers::onnx
