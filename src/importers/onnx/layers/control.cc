// SPDX-License-Identifier: Apache-2.0
// If, Loop and Scan where what runs is known while the model is read, or costs nothing to run: a branch that is taken
// for sure is inlined, branches of equal shapes both run and one is selected (others are an IF), loops of a known count are unrolled; other loops are WHILE.
#include <algorithm>

#include "importers/onnx/builder.h"

namespace octet::importers::onnx {
namespace {

constexpr int64_t kMaxTrips = 256;  // Unrolled; more would blow the file up.
constexpr int32_t kMaxScanned = 32;  // The same where a loop always would do.

Result<std::vector<Binding>> Branch(NodeContext& c, const char* key) {
  const AttributeProto* a = c.Find(key);
  if (!a || !a->g) return c.Fail(std::string(key), "none", "check the model");
  return c.builder().RunGraph(*a->g, c.scope(), {}, c.place() + "/");
}

// The tensors of outputs, of sequences their items, one behind the other.
std::vector<Value> TensorsOf(std::span<const Binding> outputs) {
  std::vector<Value> all;
  for (const Binding& b : outputs) {
    if (b.value) all.push_back(b.value);
    else all.insert(all.end(), b.items.begin(), b.items.end());
  }
  return all;
}

// Outputs like those, of other tensors.
void SetLike(NodeContext& c, std::span<const Binding> like, std::span<const Value> tensors) {
  for (size_t i = 0; i < like.size(); ++i) {
    const size_t count = like[i].value ? 1 : like[i].items.size();
    const std::span<const Value> own = tensors.subspan(0, count);
    tensors = tensors.subspan(count);
    const Binding b = !like[i].is_list ? Binding(own[0]) : like[i].value ? Binding::Stacked(own[0]) : Binding::Sequence({own.begin(), own.end()});
    c.SetOutput(static_cast<int>(i), b);
  }
}

// Of branches whose outputs have unlike ranks, the one that has those which the file tells of the results: the other is never taken. Null where
// the file tells nothing that parts them. PyTorch's squeeze of an open dimension is such an If.
const std::vector<Binding>* OfDeclaredRanks(NodeContext& c, const std::vector<Binding>& yes, const std::vector<Binding>& no) {
  bool first = true, second = true;
  for (size_t i = 0; i < yes.size() && i < no.size() && i < c.node().outputs.size(); ++i) {
    const auto told = c.scope().declared.find(c.node().outputs[i]);
    if (told == c.scope().declared.end() || !told->second->has_shape || !yes[i].value || !no[i].value) continue;
    const auto rank = static_cast<int>(told->second->dims.size());
    first &= c.rank(yes[i].value) == rank;
    second &= c.rank(no[i].value) == rank;
  }
  return first == second ? nullptr : first ? &yes : &no;
}

Status ConvertIf(NodeContext& c) {
  const auto condition = c.IntsOf(c.Input(0));
  if (condition && !condition->empty()) {
    OCTET_ASSIGN(const std::vector<Binding> taken, Branch(c, (*condition)[0] ? "then_branch" : "else_branch"));
    for (size_t i = 0; i < taken.size(); ++i) c.SetOutput(static_cast<int>(i), taken[i]);
    return {};
  }
  OCTET_ASSIGN(const std::vector<Binding> yes, Branch(c, "then_branch"));
  OCTET_ASSIGN(const std::vector<Binding> no, Branch(c, "else_branch"));
  if (const std::vector<Binding>* taken = OfDeclaredRanks(c, yes, no)) {
    for (size_t i = 0; i < taken->size(); ++i) c.SetOutput(static_cast<int>(i), (*taken)[i]);
    return {};
  }
  const auto alike = [](const Binding& a, const Binding& b) {
    return a && b && a.is_list == b.is_list && !a.value == !b.value && a.items.size() == b.items.size();
  };
  if (!std::ranges::equal(yes, no, alike)) return c.Fail("branches with equal outputs, sequences of one length", "others", "check the model");
  Value when = c.Input(0);
  if (c.rank(when) > 0) {
    OCTET_ASSIGN(when, c.Reshape(when, Shape{}));
  }
  const std::vector<Value> first = TensorsOf(yes), second = TensorsOf(no);
  const auto equal = [&](Value a, Value b) { return a && b && c.type(a).dtype == c.type(b).dtype && c.shape(a).known() && c.shape(a) == c.shape(b); };
  std::vector<Value> chosen;
  if (!std::ranges::equal(first, second, equal)) {
    OCTET_ASSIGN(chosen, c.builder().EmitIf(c, when, *c.Find("then_branch")->g, *c.Find("else_branch")->g));
    if (chosen.size() != first.size()) return c.Fail("branches with equal outputs", "others", "check the model");
  } else {
    for (size_t i = 0; i < first.size(); ++i) {
      OCTET_ASSIGN(chosen.emplace_back(), c.Emit("select_v2", {when, first[i], second[i]}));
    }
  }
  SetLike(c, yes, chosen);
  return {};
}

// Outputs: the carried values after the last trip, then what each trip gave, stacked. Unrolled where the count and the
// conditions are known while the model is read; false where they turn out not to be.
Result<bool> Unroll(NodeContext& c, const GraphProto& body, std::vector<Binding> carried, Value condition) {
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
    std::vector<Binding> in = {c.Constant<int64_t>(Shape{}, std::span<const int64_t>(&trip, 1)), condition};
    in.insert(in.end(), carried.begin(), carried.end());
    OCTET_ASSIGN(const std::vector<Binding> out, c.builder().RunGraph(body, c.scope(), in, c.place() + "/" + std::to_string(trip) + "/"));
    if (out.size() < carried.size() + 1) return c.Fail("an output of the body for every value carried", std::to_string(out.size()), "check the model");
    if (c.builder().failed()) return c.Fail("a body that octet reads", "one with unsupported operators", "see there");
    condition = out[0].value;
    for (size_t i = 0; i < carried.size(); ++i) carried[i] = out[i + 1];
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
  std::vector<Binding> carried;
  for (int i = 2; i < c.num_inputs(); ++i) carried.push_back(c.input(i));
  Value condition = c.Input(1) ? c.Input(1) : c.Constant(TensorType{DType::kBool, Shape{}, {}}, std::vector<std::byte>{std::byte{1}});
  OCTET_ASSIGN(const bool unrolled, Unroll(c, *body->g, carried, condition));
  if (unrolled) return {};
  Value trips = c.Input(0);
  for (Value* v : {&trips, &condition}) {
    if (!*v || c.rank(*v) == 0) continue;
    OCTET_ASSIGN(*v, c.Reshape(*v, Shape{}));
  }
  OCTET_ASSIGN(const std::vector<Value> results, c.builder().EmitWhile(c, *body->g, trips, condition, carried));
  for (size_t i = 0; i < results.size(); ++i) {
    const bool sequence = i < carried.size() && carried[i].is_list;
    c.SetOutput(static_cast<int>(i), sequence ? Binding::Stacked(results[i]) : Binding(results[i]));
  }
  return {};
}

// States and slices of the scanned inputs in, states and slices of the outputs out.
class Scan {
 public:
  Scan(NodeContext& c, const GraphProto& body, std::vector<Value> states, std::vector<Builder::Scanned> scanned)
      : c_(c), body_(body), states_(std::move(states)), scanned_(std::move(scanned)) {}

  // The states after the last step, then what the steps gave, stacked along axis 0. Written out where it is short.
  Result<std::vector<Value>> Run(const std::string& place) {
    const int32_t steps = c_.shape(scanned_[0].value)[scanned_[0].axis];
    for (const Builder::Scanned& s : scanned_)
      if (const int32_t n = c_.shape(s.value)[s.axis]; n != steps && n != kUnknown && steps != kUnknown)
        return c_.Fail("scanned inputs of one length", "others", "check the model");
    return steps == kUnknown || steps > kMaxScanned || steps == 0 ? Looped(steps) : Unrolled(steps, place);
  }

 private:
  Result<std::vector<Value>> Unrolled(int32_t steps, const std::string& place) {
    std::vector<std::vector<Value>> slices, scans;
    for (const Builder::Scanned& s : scanned_) {
      OCTET_ASSIGN(std::vector<Value> parts, c_.MakeMany("unpack", {s.value}, {{"num", steps}, {"axis", s.axis}}, steps));
      if (s.backwards) std::ranges::reverse(parts);
      slices.push_back(std::move(parts));
    }
    std::vector<Value> carried = states_;
    for (size_t trip = 0; trip < static_cast<size_t>(steps); ++trip) {
      std::vector<Binding> in(carried.begin(), carried.end());
      for (const auto& list : slices) in.emplace_back(list[trip]);
      OCTET_ASSIGN(const std::vector<Binding> out, c_.builder().RunGraph(body_, c_.scope(), in, place + "/" + std::to_string(trip) + "/"));
      if (out.size() < carried.size()) return c_.Fail("an output of the body for every state", std::to_string(out.size()), "check the model");
      if (c_.builder().failed()) return c_.Fail("a body that octet reads", "one with unsupported operators", "see there");
      for (size_t i = 0; i < carried.size(); ++i) carried[i] = out[i].value;
      scans.resize(out.size() - carried.size());
      for (size_t i = 0; i < scans.size(); ++i) scans[i].push_back(out[i + carried.size()].value);
    }
    for (const std::vector<Value>& scan : scans) {
      OCTET_ASSIGN(const Value y, c_.Make("pack", scan, {{"values_count", steps}, {"axis", 0}}));
      carried.push_back(y);
    }
    return carried;
  }

  Result<std::vector<Value>> Looped(int32_t steps) {
    const int64_t known = steps;
    Value trips;
    if (steps != kUnknown) {
      trips = c_.Constant<int64_t>(Shape{}, std::span(&known, 1));
    } else {
      OCTET_ASSIGN(const Value shape, c_.Make("shape", {scanned_[0].value}, {{"out_type", static_cast<int64_t>(DType::kI64)}}));
      OCTET_ASSIGN(trips, c_.Make("gather", {shape, c_.ScalarInt(scanned_[0].axis)}, {{"axis", 0}}));
    }
    const bool yes = true;
    return c_.builder().EmitWhile(c_, body_, trips, c_.Constant<bool>(Shape{}, std::span(&yes, 1)), std::vector<Binding>(states_.begin(), states_.end()),
                                  scanned_);
  }

  NodeContext& c_;
  const GraphProto& body_;
  const std::vector<Value> states_;
  const std::vector<Builder::Scanned> scanned_;
};

Result<std::vector<Value>> RunScan(NodeContext& c, const GraphProto& body, std::vector<Value> states, std::vector<Builder::Scanned> scanned,
                                   const std::string& place) {
  return Scan(c, body, std::move(states), std::move(scanned)).Run(place);
}

// Before opset 9 all has a batch axis, 0, and the sequences lie along axis 1: one after the other.
Status ConvertBatchedScan(NodeContext& c, const GraphProto& body, int states, int scanned) {
  if (c.Input(0)) return c.Fail("a Scan without sequence_lens", "one with", "convert the model with onnx.version_converter");
  const std::vector<int64_t> back = c.Ints("directions", {});
  const int32_t batch = c.shape(c.Input(1))[0];
  if (batch == kUnknown || batch < 1 || batch > kMaxTrips) return c.Fail("a known batch to scan", c.shape(c.Input(1)).text(), "give the input's shape");
  std::vector<std::vector<Value>> by_output;
  for (int32_t b = 0; b < batch; ++b) {
    std::vector<Value> in;
    for (int i = 1; i <= states + scanned; ++i) {
      OCTET_ASSIGN(const Value part, c.Make("gather", {c.Input(i), c.ScalarInt(b)}, {{"axis", 0}}));
      in.push_back(part);
    }
    std::vector<Builder::Scanned> sequences;
    for (size_t i = 0; i < static_cast<size_t>(scanned); ++i) sequences.push_back({in[i + static_cast<size_t>(states)], 0, i < back.size() && back[i] == 1});
    in.resize(static_cast<size_t>(states));
    OCTET_ASSIGN(const std::vector<Value> out, RunScan(c, body, std::move(in), std::move(sequences), c.place() + "/" + std::to_string(b)));
    by_output.resize(out.size());
    for (size_t i = 0; i < out.size(); ++i) by_output[i].push_back(out[i]);
  }
  for (size_t i = 0; i < by_output.size(); ++i) {
    OCTET_ASSIGN(const Value y, c.Make("pack", by_output[i], {{"values_count", batch}, {"axis", 0}}));
    c.SetOutput(static_cast<int>(i), y);
  }
  return {};
}

Status ConvertScan(NodeContext& c) {
  const AttributeProto* body = c.Find("body");
  const auto scanned = static_cast<int>(c.Int("num_scan_inputs", 1));
  const int states = c.num_inputs() - scanned - (c.version() < 9);
  if (!body || !body->g || states < 0 || scanned < 1) return c.Fail("a body and scanned inputs", "none", "check the model");
  if (c.version() < 9) return ConvertBatchedScan(c, *body->g, states, scanned);
  const std::vector<int64_t> in_axes = c.Ints("scan_input_axes", {}), in_back = c.Ints("scan_input_directions", {});
  const auto of = [](const std::vector<int64_t>& list, size_t i) { return i < list.size() ? list[i] : 0; };
  std::vector<Value> carried;
  for (int i = 0; i < states; ++i) carried.push_back(c.Input(i));
  std::vector<Builder::Scanned> sequences;
  for (int i = 0; i < scanned; ++i) {
    const Value v = c.Input(states + i);
    OCTET_ASSIGN(const int32_t axis, c.Axis(of(in_axes, static_cast<size_t>(i)), c.rank(v)));
    sequences.push_back({v, axis, of(in_back, static_cast<size_t>(i)) == 1});
  }
  OCTET_ASSIGN(std::vector<Value> out, RunScan(c, *body->g, std::move(carried), std::move(sequences), c.place()));
  const std::vector<int64_t> out_axes = c.Ints("scan_output_axes", {}), out_back = c.Ints("scan_output_directions", {});
  for (size_t i = 0; i < out.size(); ++i) {
    if (i < static_cast<size_t>(states)) {
      c.SetOutput(static_cast<int>(i), out[i]);
      continue;
    }
    const size_t k = i - static_cast<size_t>(states);
    if (of(out_back, k) == 1) {
      OCTET_ASSIGN(out[i], c.Make("reverse_v2", {out[i], c.Vector({0})}));
    }
    OCTET_ASSIGN(const int32_t axis, c.Axis(of(out_axes, k), c.rank(out[i])));
    if (axis > 0) {
      std::vector<int32_t> order;
      for (int32_t d = 1; d < c.rank(out[i]); ++d) order.push_back(d);
      order.insert(order.begin() + axis, 0);
      OCTET_ASSIGN(out[i], c.Transpose(out[i], order));
    }
    c.SetOutput(static_cast<int>(i), out[i]);
  }
  return {};
}

constexpr NodeRule kRules[] = {{"If", 0, ConvertIf}, {"Loop", 0, ConvertLoop}, {"Scan", 0, ConvertScan}};

}  // namespace

const std::span<const NodeRule> kControlRules = kRules;

}  // namespace octet::importers::onnx
