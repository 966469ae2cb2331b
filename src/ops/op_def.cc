// SPDX-License-Identifier: Apache-2.0
#include "ops/op_def.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace octet::ops {
namespace {

// What a row says of a type variable: "T=i8 W=i8|i4" -> T: "i8", W: "i8|i4"; empty when it does not bind it.
std::string_view TypesOf(std::string_view types, char variable) {
  for (size_t i = 0; i < types.size();) {
    const size_t end = std::min(types.find(' ', i), types.size());
    const std::string_view entry = types.substr(i, end - i);
    if (entry.size() >= 3 && entry[0] == variable) return entry.substr(2);
    i = end + 1;
  }
  return {};
}

bool Contains(std::string_view types, DType dtype) {
  while (!types.empty()) {
    const size_t bar = std::min(types.find('|'), types.size());
    if (types.substr(0, bar) == Name(dtype)) return true;
    types.remove_prefix(std::min(bar + 1, types.size()));
  }
  return false;
}

// The declared operand of position i; the last one repeats when it is kMany.
const Operand* OperandAt(std::span<const Operand> operands, int i) {
  if (i < static_cast<int>(operands.size())) return &operands[i];
  return !operands.empty() && operands.back().arity == Arity::kMany ? &operands.back() : nullptr;
}

// Every variable stands for one type in all operands that name it; `bound` remembers them across calls. One
// that the row does not bind may be any type, and in an operand that repeats a different one each time.
using Bindings = std::array<DType, 128>;
template <class Types> bool RowFits(const TypeRow& row, std::span<const Operand> operands, const Types& types, Bindings* bound) {
  for (size_t i = 0; i < types.size(); ++i) {
    const Operand* operand = OperandAt(operands, static_cast<int>(i));
    if (!types[i] || !operand) continue;
    const std::string_view allowed = TypesOf(row.types, operand->type);
    if (allowed.empty() && operand->arity == Arity::kMany) continue;
    DType& type = (*bound)[static_cast<unsigned char>(operand->type) % bound->size()];
    if (type == DType::kNone) type = types[i]->dtype;
    if (type != types[i]->dtype || (!allowed.empty() && !Contains(allowed, type))) return false;
  }
  return true;
}

bool RowFits(const TypeRow& row, const OpView& op) {
  Bindings bound;
  bound.fill(DType::kNone);
  return RowFits(row, op.def->inputs, op.inputs, &bound) && RowFits(row, op.def->outputs, op.outputs, &bound);
}

std::string DescribeTypes(const OpView& op) {
  std::string text;
  for (const TensorType* t : op.inputs) text += (text.empty() ? "" : ",") + std::string(t ? Name(t->dtype) : "-");
  text += "->";
  for (const TensorType* t : op.outputs) text += (text.back() == '>' ? "" : ",") + std::string(t ? Name(t->dtype) : "?");
  return text;
}

Status CheckCount(const OpView& op, std::span<const Operand> operands, int found, const char* what) {
  int least = 0;  // Up to the last one that must be there: optional ones may stand before it.
  for (size_t i = 0; i < operands.size(); ++i)
    if (operands[i].arity == Arity::kOne) least = static_cast<int>(i) + 1;
  const bool many = !operands.empty() && operands.back().arity == Arity::kMany;
  const int most = many ? INT32_MAX : static_cast<int>(operands.size());
  if (found >= least && found <= most) return {};
  return op.Fail(Code::kInvalidModel, "expected %d%s %ss, found %d", least, most > least ? " or more" : "", what, found);
}

}  // namespace

Status OpView::Fail(Code code, const char* format, ...) const {
  va_list list;
  va_start(list, format);
  char text[512];
  std::vsnprintf(text, sizeof text, format, list);
  va_end(list);
  return Error(code, "%.*s at '%.*s': %s", static_cast<int>(def->name.size()), def->name.data(),
               static_cast<int>(place.size()), place.data(), text);
}

std::vector<int32_t> CalledSubgraphs(const AttrLayout& layout, const void* attrs) {
  std::vector<int32_t> called;
  for (const AttrRow& row : layout.rows) {
    const void* value = row.at(const_cast<void*>(attrs));
    if (row.kind == AttrKind::kSubgraph) called.push_back(static_cast<int32_t>(*static_cast<const Subgraph*>(value)));
    if (row.kind != AttrKind::kSubgraphs) continue;
    const std::span<const int32_t> list = static_cast<const Subgraphs*>(value)->span();
    called.insert(called.end(), list.begin(), list.end());
  }
  return called;
}

Result<const TypeRow*> MatchTypes(const OpView& op) {
  const TypeRow* best = nullptr;
  for (const TypeRow& row : op.def->types) {
    if (RowFits(row, op) && (!best || row.version < best->version)) best = &row;
  }
  if (best) return best;
  std::string wanted;
  for (const TypeRow& row : op.def->types) wanted += (wanted.empty() ? "" : "; ") + std::string(row.types);
  return op.Fail(Code::kUnsupported, "element types %s have no kernel; there are: %s", DescribeTypes(op).c_str(), wanted.c_str());
}

Status CheckAndInfer(const OpView& op, std::span<OutputType> out) {
  OCTET_TRY(CheckCount(op, op.def->inputs, op.num_inputs(), "input"));
  OCTET_TRY(CheckCount(op, op.def->outputs, static_cast<int>(out.size()), "output"));
  for (int i = 0; i < op.num_inputs(); ++i) {
    const Operand* operand = OperandAt(op.def->inputs, i);
    if (!op.in(i) && operand->arity != Arity::kOptional)
      return op.Fail(Code::kInvalidModel, "input %d (%.*s) is missing", i, static_cast<int>(operand->name.size()), operand->name.data());
  }
  OCTET_ASSIGN(const TypeRow* row, MatchTypes(op));
  (void)row;
  if (op.def->check) OCTET_TRY(op.def->check(op));
  for (size_t i = 0; i < out.size(); ++i)
    out[i].dtype = op.out(static_cast<int>(i)) ? op.out(static_cast<int>(i))->dtype : op.in(0) ? op.in(0)->dtype : DType::kF32;
  return op.def->infer(op, out);
}

int VersionOf(const OpView& op) {
  if (op.def->version) return op.def->version(op);
  Result<const TypeRow*> row = MatchTypes(op);
  return row.ok() ? (*row)->version : 1;
}

Cost CostOf(const OpView& op) {
  if (op.def->cost) return op.def->cost(op);
  Cost cost;
  for (const auto& list : {op.inputs, op.outputs}) {
    for (const TensorType* t : list) {
      uint64_t bytes = 0;
      if (t && CheckedBytes(t->dtype, t->shape, &bytes)) cost.bytes += static_cast<int64_t>(bytes);
    }
  }
  return cost;
}

}  // namespace octet::ops
