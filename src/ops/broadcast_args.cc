// SPDX-License-Identifier: Apache-2.0
// BroadcastArgs: the shape that two shapes, given as vectors, broadcast to.
#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::broadcast_args {
namespace {

constexpr Operand kInputs[] = {{.name = "shape0"}, {.name = "shape1"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=i32|i64"}};

Status Check(const OpView& op) {
  for (int i = 0; i < 2; ++i)
    if (op.in(i)->shape.rank() != 1)
      return op.Fail(Code::kInvalidModel, "shape %d must be a vector, found %s", i, op.in(i)->shape.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const int32_t a = op.in(0)->shape[0], b = op.in(1)->shape[0];
  out[0].shape = {a == kUnknown || b == kUnknown ? kUnknown : std::max(a, b)};
  return {};
}

struct Params {
  int64_t count[2];
};

template <class T> Status Broadcast(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t rank = std::max(p.count[0], p.count[1]);
  for (int64_t i = 1; i <= rank; ++i) {  // From the right.
    const T a = i <= p.count[0] ? run.input<T>(0)[p.count[0] - i] : 1;
    const T b = i <= p.count[1] ? run.input<T>(1)[p.count[1] - i] : 1;
    if (a != b && a != 1 && b != 1)
      return Error(Code::kInvalidArgument, "broadcast_args: dimensions %lld and %lld do not broadcast",
                   static_cast<long long>(a), static_cast<long long>(b));
    run.output<T>(0)[rank - i] = a == 1 ? b : a;
  }
  return {};
}

Status PrepareBroadcast(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {{p.op.in(0)->shape[0], p.op.in(1)->shape[0]}};
  p.SetRun(p.op.in(0)->dtype == DType::kI64 ? Broadcast<int64_t> : Broadcast<int32_t>, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareBroadcast}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "broadcast_args",
    .code = BuiltinCode::kBroadcastArgs,
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::broadcast_args
