// SPDX-License-Identifier: Apache-2.0
// Reductions over axes.
#include <algorithm>

#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

struct Reduction {
  std::string_view op, becomes;
};
constexpr Reduction kReductions[] = {{"Mean", "mean"}, {"Sum", "sum"}, {"Max", "reduce_max"}, {"Min", "reduce_min"},
                                     {"Prod", "reduce_prod"}, {"Any", "reduce_any"}, {"All", "reduce_all"}};

// The type to compute in. The operators' narrow kernels add and multiply quantized numbers, not whole ones.
DType Wide(std::string_view op, DType own) {
  const bool compares = op == "reduce_max" || op == "reduce_min";
  if (own == DType::kU32) return DType::kI64;
  const bool narrow = own == DType::kU16 || (!compares && (own == DType::kU8 || own == DType::kI8 || own == DType::kI16));
  return narrow ? DType::kI32 : own;
}

Result<Value> Reduced(NodeContext& c, std::string_view op, Value x) {
  std::vector<int64_t> axes;
  std::vector<int32_t> list;
  if (const Partial* none = c.Known(1); none && none->v.empty()) return x;
  if (!c.IntsOf(1, &axes)) {
    return c.Fail("known axes", "computed ones", "");
  }
  for (const int64_t axis : axes) {
    OCTET_ASSIGN(const int32_t at, c.AxisOf(axis, c.rank(x)));
    list.push_back(at);
  }
  if (list.empty()) return x;
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(const Value wide, c.Cast(x, Wide(op, own)));
  OCTET_ASSIGN(const Value y, c.Make(op, {wide, c.Vector(list)}, {{"keep_dims", int64_t{c.Bool("keep_dims", false)}}}));
  return c.Cast(y, own);
}

Status ConvertReduction(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value y, Reduced(c, std::ranges::find(kReductions, c.kind(), &Reduction::op)->becomes, x));
  c.SetOutput(0, y);
  return {};
}

Status ConvertEuclideanNorm(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(Value y, c.Make("square", {x}));
  OCTET_ASSIGN(y, Reduced(c, "sum", y));
  OCTET_ASSIGN(y, c.Make("sqrt", {y}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertArg(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int64_t> axis;
  if (!x) return {};
  if (!c.IntsOf(1, &axis) || axis.size() != 1) return c.Fail("a known axis", "a computed one", "");
  const DType type = c.Has("output_type") ? c.Type("output_type") : DType::kI64;
  OCTET_ASSIGN(const Value y, c.Make(c.kind() == "ArgMax" ? "arg_max" : "arg_min", {x, c.ScalarInt(static_cast<int32_t>(axis[0]))},
                                     {{"output_type", static_cast<int64_t>(type)}}));
  c.SetOutput(0, y);
  return {};
}

constexpr NodeRule kRules[] = {{"Mean", ConvertReduction}, {"Sum", ConvertReduction}, {"Max", ConvertReduction}, {"Min", ConvertReduction},
                               {"Prod", ConvertReduction}, {"Any", ConvertReduction}, {"All", ConvertReduction}, {"EuclideanNorm", ConvertEuclideanNorm},
                               {"ArgMax", ConvertArg}, {"ArgMin", ConvertArg}};

}  // namespace

const std::span<const NodeRule> kReductionRules = kRules;

}  // namespace octet::importers::savedmodel
