// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>

#include "delegates/gpu/kernels.h"
#include "delegates/gpu/lower.h"

namespace octet::gpu {
namespace {

constexpr int32_t kElsewhere = -1;

// Operand i of the definition, whose last one may repeat.
const ops::Operand& OperandOf(const ops::OpDef& def, int i) { return def.inputs[std::min(static_cast<size_t>(i), def.inputs.size() - 1)]; }

// Where each element of an output comes from: numbers count on through the data operands, from 1; 0: padding.
template <class T> Status RunOnNumbers(const Node& node, std::vector<std::vector<T>>* moved) {
  std::vector<TensorType> in, out;
  std::vector<std::vector<T>> numbers;
  std::vector<std::byte*> data(static_cast<size_t>(node.num_inputs())), to;
  numbers.reserve(data.size());
  T next = 1;
  const auto plain = [](TensorType t) {
    t.dtype = DTypeOf<T>;
    t.quant = {};
    return t;
  };
  for (int i = 0; i < node.num_inputs(); ++i) {
    in.push_back(node.in_type(i));
    if (OperandOf(node.def(), i).role != ops::Role::kData) continue;
    in.back() = plain(in.back());
    std::vector<T>& list = numbers.emplace_back(static_cast<size_t>(in.back().shape.elements()));
    for (T& n : list) n = next++;
    data[static_cast<size_t>(i)] = reinterpret_cast<std::byte*>(list.data());
  }
  for (int i = 0; i < node.num_outputs(); ++i) {
    out.push_back(plain(node.out_type(i)));
    moved->emplace_back(static_cast<size_t>(out.back().shape.elements()));
  }
  for (std::vector<T>& m : *moved) to.push_back(reinterpret_cast<std::byte*>(m.data()));
  return node.RunReference(in, data, out, to);
}

// Floats, which every such operator moves, count exactly to 2^24.
Status SourcesOf(const Node& node, std::vector<std::vector<int32_t>>* sources) {
  int64_t total = 1;
  for (int i = 0; i < node.num_inputs(); ++i) total += OperandOf(node.def(), i).role == ops::Role::kData ? node.in_type(i).shape.elements() : 0;
  if (total >= (1 << 24)) return RunOnNumbers<int32_t>(node, sources);
  std::vector<std::vector<float>> moved;
  OCTET_TRY(RunOnNumbers<float>(node, &moved));
  for (const std::vector<float>& m : moved) sources->emplace_back(m.begin(), m.end());
  return {};
}

// The elements of `sources` in [first, first + count) as a sum of one table per dimension, where that is what they are.
std::optional<MoveSpec> Separate(std::span<const int32_t> sources, const Shape& shape, int32_t first, int64_t count) {
  const auto inside = [&](int64_t e) { return sources[static_cast<size_t>(e)] >= first && sources[static_cast<size_t>(e)] < first + count; };
  int64_t origin = 0;
  while (origin < static_cast<int64_t>(sources.size()) && !inside(origin)) ++origin;
  MoveSpec spec;
  if (origin == static_cast<int64_t>(sources.size())) return spec;
  const int32_t base = sources[static_cast<size_t>(origin)];
  int64_t stride = 1, lowest = base - first;
  for (int d = shape.rank() - 1; d >= 0; stride *= shape[d--]) {
    const int64_t coordinate = origin / stride % shape[d];
    std::vector<int64_t> steps(static_cast<size_t>(shape[d]), INT64_MAX);
    for (int64_t i = 0; i < shape[d]; ++i)
      if (const int64_t e = origin + (i - coordinate) * stride; inside(e)) steps[static_cast<size_t>(i)] = sources[static_cast<size_t>(e)] - base;
    const int64_t least = *std::ranges::min_element(steps);
    lowest += least;
    std::vector<int32_t>& table = spec.tables.emplace_back();
    for (int64_t s : steps) table.push_back(s == INT64_MAX ? kElsewhere : static_cast<int32_t>(s - least));
  }
  if (spec.tables.empty()) spec.tables = {{0}};
  for (int32_t& t : spec.tables[0]) t = t < 0 ? t : t + static_cast<int32_t>(lowest);
  for (int64_t e = 0; e < static_cast<int64_t>(sources.size()); ++e) {
    int64_t from = 0, rest = e;
    bool there = true;
    for (const std::vector<int32_t>& t : spec.tables) {
      const int32_t at = t[static_cast<size_t>(rest % static_cast<int64_t>(t.size()))];
      there = there && at >= 0;
      from += at;
      rest /= static_cast<int64_t>(t.size());
    }
    if (there != inside(e) || (there && from != sources[static_cast<size_t>(e)] - first)) return std::nullopt;
  }
  return spec;
}

MoveSpec OneTable(std::span<const int32_t> sources, int32_t first, int64_t count) {
  MoveSpec spec;
  std::vector<int32_t>& t = spec.tables.emplace_back();
  for (int32_t s : sources) t.push_back(s >= first && s < first + count ? s - first : kElsewhere);
  return spec;
}

// The step of a table that counts evenly from its first entry; 0: it does not.
int32_t StepOf(const std::vector<int32_t>& t) {
  if (t.size() < 2 || t[0] < 0) return 0;
  const int32_t step = t[1] - t[0];
  for (size_t i = 0; i < t.size(); ++i)
    if (t[i] != t[0] + step * static_cast<int32_t>(i)) return 0;
  return step;
}

// Dimensions of one, and neighbours that count on from one another, become one.
void Merge(std::vector<std::vector<int32_t>>* tables) {
  std::vector<std::vector<int32_t>> merged;
  for (std::vector<int32_t>& t : *tables) {
    if (t.size() == 1 && t[0] == 0 && tables->size() > 1) continue;
    const int32_t inner = merged.empty() ? 0 : StepOf(merged.back()), outer = StepOf(t);
    if (inner != 0 && outer != 0 && t[0] == 0 && outer == inner * static_cast<int64_t>(merged.back().size())) {
      std::vector<int32_t>& m = merged.back();
      const size_t size = m.size() * t.size();
      const int32_t start = m[0];
      m.resize(size);
      for (size_t i = 0; i < size; ++i) m[i] = start + inner * static_cast<int32_t>(i);
      continue;
    }
    merged.push_back(std::move(t));
  }
  if (merged.empty()) merged = {{0}};
  *tables = std::move(merged);
}

// Counted in quads, where all four of a quad stay together.
bool ToQuads(std::vector<std::vector<int32_t>>* tables) {
  std::vector<int32_t>& t = (*tables)[0];
  if (t.size() % 4 != 0) return false;
  for (size_t i = 0; i < t.size(); i += 4)
    for (size_t j = 0; j < 4; ++j)
      if (t[i] < 0 ? t[i + j] >= 0 : (t[i] % 4 != 0 || t[i + j] != t[i] + static_cast<int32_t>(j))) return false;
  for (size_t d = 1; d < tables->size(); ++d)
    if (std::ranges::any_of((*tables)[d], [](int32_t v) { return v > 0 && v % 4 != 0; })) return false;
  std::vector<int32_t> quads;
  for (size_t i = 0; i < t.size(); i += 4) quads.push_back(t[i] < 0 ? t[i] : t[i] / 4);
  t = std::move(quads);
  for (size_t d = 1; d < tables->size(); ++d)
    for (int32_t& v : (*tables)[d]) v = v < 0 ? v : v / 4;
  return true;
}

bool IsCopy(const MoveSpec& spec, int64_t from, int64_t to) {
  std::vector<std::vector<int32_t>> tables = spec.tables;
  Merge(&tables);
  return from == to && tables.size() == 1 && tables[0][0] == 0 && (to == 1 || StepOf(tables[0]) == 1);
}

Status CheckMove(const Node& node, Builder& b) {
  for (int i = 0; i < node.num_inputs(); ++i) {
    if (node.in(i) < 0) return Error(Code::kUnsupported, "an operand is absent");
    const ops::Role role = OperandOf(node.def(), i).role;
    if (role != ops::Role::kData) {
      if (!node.constant(i)) return Error(Code::kUnsupported, "its %s is computed", std::string(OperandOf(node.def(), i).name).c_str());
      continue;
    }
    if (auto value = b.In(node, i); !value.ok()) return std::move(value).status();
    if (node.in_type(i).dtype != node.out_type().dtype) return Error(Code::kUnsupported, "operands of several types");
    if (node.is("concatenation") && !node.in_type(i).quant.empty() && !(node.in_type(i).quant == node.out_type().quant))
      return Error(Code::kUnsupported, "inputs of other scales than the output's");
  }
  for (int i = 0; i < node.num_outputs(); ++i)
    if (auto value = b.Out(node, i); !value.ok()) return std::move(value).status();
  return {};
}

}  // namespace

void EmitMove(Builder& b, int node, ValueId from, ValueId to, MoveSpec spec) {
  Merge(&spec.tables);
  const bool quads = ToQuads(&spec.tables);
  std::vector<int32_t> all, params = {Quads(b.value(to).elements), spec.fill, static_cast<int32_t>(spec.tables.size())};
  for (const std::vector<int32_t>& t : spec.tables) {
    params.insert(params.end(), {static_cast<int32_t>(t.size()), static_cast<int32_t>(all.size())});
    all.insert(all.end(), t.begin(), t.end());
  }
  const ValueId table = b.Integers(std::move(all));
  Launch& l = b.Emit(node, quads ? kMoveQuadsBody : kMoveBody, to);
  l.arguments = {{"a", from}, {"t", table}};
  l.params = std::move(params);
  l.items = Builder::Flat(l.params[0]);
  l.keeps_out = spec.keeps;
  l.defines = std::string(spec.keeps ? "#define KEEP\n" : "") + (IsFloatKind(b.value(to).kind) ? "#define FILL F_BITS(P(1))\n" : "#define FILL P(1)\n");
}

ValueId PadChannels(Builder& b, int node, ValueId value, int64_t rows, int32_t channels, int32_t fill) {
  if (channels % 4 == 0) return value;
  const ValueId padded = b.Temporary(b.value(value).kind, rows * 4 * Quads(channels));
  if (b.dry()) return padded;
  MoveSpec spec;
  spec.fill = fill;
  spec.tables.resize(2);
  for (int32_t c = 0; c < 4 * Quads(channels); ++c) spec.tables[0].push_back(c < channels ? c : kElsewhere);
  for (int64_t r = 0; r < rows; ++r) spec.tables[1].push_back(static_cast<int32_t>(r * channels));
  EmitMove(b, node, value, padded, std::move(spec));
  return padded;
}

ValueId PaddedOutput(Builder& b, ValueId out, int64_t rows, int32_t channels) {
  return channels % 4 == 0 || rows == 1 ? out : b.Temporary(b.value(out).kind, rows * 4 * Quads(channels));
}
void Unpad(Builder& b, int node, ValueId padded, ValueId out, int64_t rows, int32_t channels) {
  if (padded == out || b.dry()) return;
  MoveSpec spec;
  spec.tables.resize(2);
  for (int32_t c = 0; c < channels; ++c) spec.tables[0].push_back(c);
  for (int64_t r = 0; r < rows; ++r) spec.tables[1].push_back(static_cast<int32_t>(r * 4 * Quads(channels)));
  EmitMove(b, node, padded, out, std::move(spec));
}

Status LowerMove(const Node& node, Builder& b) {
  OCTET_TRY(CheckMove(node, b));
  if (node.has(ops::kAliases)) {
    OCTET_ASSIGN(const ValueId from, b.In(node, 0));
    return b.Alias(node.out(0), from);
  }
  if (b.dry()) return {};
  std::vector<std::vector<int32_t>> sources;
  OCTET_TRY(SourcesOf(node, &sources));
  // The padding's value: 0, in the output's scale.
  const bool quantized = !node.out_type().quant.empty();
  for (int o = 0; o < node.num_outputs(); ++o) {
    OCTET_ASSIGN(const ValueId out, b.Out(node, o));
    const std::vector<int32_t>& from = sources[static_cast<size_t>(o)];
    int32_t first = 1;
    bool written = false;
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (OperandOf(node.def(), i).role != ops::Role::kData) continue;
      const int64_t count = node.in_type(i).shape.elements();
      OCTET_ASSIGN(const ValueId in, b.In(node, i));
      std::optional<MoveSpec> spec = Separate(from, node.out_type(o).shape, first, count);
      if (!spec) spec = OneTable(from, first, count);
      first += static_cast<int32_t>(count);
      if (spec->tables.empty()) continue;  // Nothing of it.
      if (IsCopy(*spec, count, static_cast<int64_t>(from.size()))) {
        OCTET_TRY(b.Alias(node.out(o), in));
        written = true;
        break;
      }
      spec->keeps = written;
      spec->fill = quantized ? node.out_type(o).quant.zero0() : 0;
      EmitMove(b, node.index(), in, out, std::move(*spec));
      written = true;
    }
    if (!written) return Error(Code::kUnsupported, "nothing of its inputs reaches output %d", o);
  }
  return {};
}

}  // namespace octet::gpu
