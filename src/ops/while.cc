// SPDX-License-Identifier: Apache-2.0
// While: runs the body as long as the condition says so; the outputs of one round are the inputs of the next.
#include <algorithm>
#include <cstring>

#include "base/aligned_buffer.h"
#include "ops/call_util.h"
#include "ops/import.h"

namespace octet::ops::while_ {
namespace {

struct Attrs {
  Subgraph cond_subgraph_index{}, body_subgraph_index{};
};
constexpr AttrRow kRows[] = {Attr<&Attrs::cond_subgraph_index>("cond_subgraph_index", 0),
                             Attr<&Attrs::body_subgraph_index>("body_subgraph_index", 1)};
constexpr Operand kInputs[] = {{.name = "inputs", .type = 'X', .arity = Arity::kMany}};
constexpr Operand kOutputs[] = {{.name = "outputs", .type = 'Y', .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{""}};
using Bound = Callee::Bound;

Status Check(const OpView& op) {
  Callee& cond = *op.callees[0];
  OCTET_TRY(CheckCallee(op, cond, 0, false));
  OCTET_TRY(CheckCallee(op, *op.callees[1], 0, true));
  if (op.num_inputs() != op.num_outputs())
    return op.Fail(Code::kInvalidModel, "it has %d inputs and %d outputs", op.num_inputs(), op.num_outputs());
  for (int i = 0; i < op.num_inputs(); ++i)
    if (op.in(i)->dtype != op.callees[1]->output(i).dtype)
      return op.Fail(Code::kInvalidModel, "value %d enters the body as %s and leaves it as %s", i, std::string(NumpyName(op.in(i)->dtype)).c_str(),
                     std::string(NumpyName(op.callees[1]->output(i).dtype)).c_str());
  if (cond.num_outputs() != 1 || cond.output(0).dtype != DType::kBool)
    return op.Fail(Code::kInvalidModel, "the condition '%s' does not give one bool", std::string(cond.name()).c_str());
  return {};
}

// Static where a round leaves all shapes as they are.
Status Infer(const OpView& op, std::span<OutputType> out) {
  std::vector<Shape> shapes(op.inputs.size());
  InputShapes(op, 0, shapes);
  OCTET_TRY(op.callees[1]->Infer(shapes, out));
  bool dynamic = false;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].dtype = op.in(static_cast<int>(i))->dtype;
    dynamic |= out[i].dynamic || !(out[i].shape == shapes[i]);
  }
  OutputType test;
  OCTET_TRY(op.callees[0]->Infer(shapes, {&test, 1}));
  if (!test.dynamic && test.shape.known() && test.shape.elements() != 1)
    return op.Fail(Code::kInvalidModel, "its condition has the shape %s, expected one element", test.shape.text().c_str());
  for (OutputType& o : out) o.dynamic = dynamic;
  return {};
}

struct Params {
  Callee *cond, *body;
  int values;
  const Shape* shapes;     // Of the inputs.
  const uint64_t* bytes;
  const DType* types;
  OutputType test;         // Of the condition; dynamic where only running it tells.
};

Status Test(const Params& p, std::span<const Bound> values, const Run& run, bool* go) {
  uint8_t flag = 0;
  Bound answer{p.test.dynamic ? nullptr : reinterpret_cast<std::byte*>(&flag), p.test.shape};
  OCTET_TRY(run.host->KeepGoing());
  OCTET_TRY(p.cond->Call(values, {&answer, 1}, *run.pool));
  if (answer.shape.elements() != 1) return Error(Code::kInvalidArgument, "while: the condition has the shape %s", answer.shape.text().c_str());
  *go = *reinterpret_cast<const uint8_t*>(answer.data) != 0;
  return {};
}

// Shapes stay: values go back and forth between the output's memory and a second place, the first round reads
// the node's inputs, and what the body hands through unchanged, or changes a part of, stays where it is.
Status RunStatic(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto n = static_cast<size_t>(p.values);
  auto* now = reinterpret_cast<Bound*>(run.workspace);
  Bound* next = now + n;
  auto** second = reinterpret_cast<std::byte**>(next + n);
  std::byte* free = reinterpret_cast<std::byte*>(second + n);
  for (size_t i = 0; i < n; ++i) {
    new (now + i) Bound{run.in[i], p.shapes[i]};
    new (next + i) Bound{nullptr, p.shapes[i]};
    free += -reinterpret_cast<uintptr_t>(free) % 64;
    second[i] = free;
    free += p.bytes[i];
  }
  bool go = false;
  for (bool first = true;; first = false) {
    OCTET_TRY(Test(p, {now, n}, run, &go));
    if (!go) break;
    for (size_t i = 0; i < n; ++i) {
      const int value = static_cast<int>(i);
      const bool stays = p.body->InputOf(value) == value || (!first && now[i].data != run.in[i] && p.body->UpdatesInput(value));
      next[i].data = stays ? now[i].data : now[i].data == run.out[i] ? second[i] : run.out[i];
    }
    OCTET_TRY(p.body->Call({now, n}, {next, n}, *run.pool));
    std::swap(now, next);
  }
  for (size_t i = 0; i < n; ++i)
    if (now[i].data != run.out[i] && p.bytes[i] > 0) std::memcpy(run.out[i], now[i].data, p.bytes[i]);
  return {};
}

// A value between two rounds, in memory of its own.
struct Kept {
  AlignedBuffer memory;
  Status Room(DType type, const Shape& shape, uint64_t* bytes) {
    if (!CheckedBytes(type, shape, bytes)) return Error(Code::kOutOfMemory, "while: a value of %s is too large", shape.text().c_str());
    if (memory.bytes() >= *bytes) return {};
    OCTET_ASSIGN(memory, AlignedBuffer::Make(*bytes));
    return {};
  }
};

// One round: from `now` to `next`, whose memory is in `made`.
Status Round(const Params& p, std::span<const Shape> shapes, std::span<const Bound> now, std::span<Bound> next, std::span<Kept> made, const Run& run) {
  std::vector<OutputType> types(now.size());
  OCTET_TRY(p.body->Infer(shapes, types));
  uint64_t bytes = 0;
  for (size_t i = 0; i < now.size(); ++i) {
    next[i] = {};
    if (types[i].dynamic) continue;
    OCTET_TRY(made[i].Room(p.types[i], types[i].shape, &bytes));
    next[i] = {made[i].memory.data(), types[i].shape};
  }
  OCTET_TRY(p.body->Call(now, next, *run.pool));
  for (size_t i = 0; i < now.size(); ++i) {
    if (!types[i].dynamic) continue;
    OCTET_TRY(made[i].Room(p.types[i], next[i].shape, &bytes));
    if (bytes > 0) std::memcpy(made[i].memory.data(), next[i].data, bytes);
    next[i].data = made[i].memory.data();
  }
  return {};
}

// Values whose shapes change from round to round: the subgraphs are planned anew when they do.
Status RunDynamic(const void* params, const Run& run) {
  Params p = *static_cast<const Params*>(params);
  const auto n = static_cast<size_t>(p.values);
  std::vector<Bound> now(n), next(n);
  std::vector<Shape> shapes(p.shapes, p.shapes + n);
  std::vector<Kept> kept(n), made(n);
  for (size_t i = 0; i < n; ++i) now[i] = {run.in[i], p.shapes[i]};
  for (bool go = false;;) {
    for (size_t i = 0; i < n; ++i) shapes[i] = now[i].shape;
    OCTET_TRY(p.cond->Infer(shapes, {&p.test, 1}));
    OCTET_TRY(Test(p, now, run, &go));
    if (!go) break;
    OCTET_TRY(Round(p, shapes, now, next, made, run));
    std::swap(now, next);
    std::swap(kept, made);
  }
  for (size_t i = 0; i < n; ++i) {
    uint64_t bytes = 0;
    OCTET_ASSIGN(std::byte* const out, run.host->SetOutput(static_cast<int>(i), now[i].shape));
    if (CheckedBytes(p.types[i], now[i].shape, &bytes) && bytes > 0) std::memcpy(out, now[i].data, bytes);
  }
  return {};
}

Status PrepareWhile(Prepare& p) {
  const OpView& op = p.op;
  const auto n = static_cast<size_t>(op.num_inputs());
  auto* params = p.Params<Params>();
  Shape* shapes = p.Array<Shape>(n);
  auto* bytes = p.Array<uint64_t>(n);
  DType* types = p.Array<DType>(n);
  InputShapes(op, 0, {shapes, n});
  uint64_t workspace = n * (2 * sizeof(Bound) + sizeof(std::byte*));
  for (size_t i = 0; i < n; ++i) {
    types[i] = op.in(static_cast<int>(i))->dtype;
    if (!CheckedBytes(types[i], shapes[i], &bytes[i]) || __builtin_add_overflow(workspace, bytes[i] + 64, &workspace))
      return op.Fail(Code::kOutOfMemory, "its values are too large");
  }
  *params = {op.callees[0], op.callees[1], op.num_inputs(), shapes, bytes, types, {}};
  OCTET_TRY(op.callees[0]->Infer({shapes, n}, {&params->test, 1}));
  if (!p.late_outputs) p.Workspace(workspace);
  p.SetRun(p.late_outputs ? RunDynamic : RunStatic, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareWhile}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "while", .code = BuiltinCode::kWhile, .attrs = Layout<Attrs>(OptionsTable::kWhile, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kSideEffects | kSizesOutputs, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::while_
