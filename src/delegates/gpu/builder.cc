// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/builder.h"

#include <algorithm>
#include <cstring>

#include "delegates/gpu/kernels.h"

namespace octet::gpu {
namespace {

// Channels may be filled up to four times as many, and kernels count elements in 32 bits.
constexpr int64_t kMostElements = 1 << 27;

std::string ReplaceAll(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

// The operand as four values.
std::string Read(const std::string& name, const Operand& operand, int at) {
  const char* n = name.c_str();
  switch (operand.mode) {
    case Operand::kSame: return Format("LOAD_%s(o)", n);
    case Operand::kOne: return Format("ALL_%s(ELEM_%s(0))", n, n);
    case Operand::kStrided:
      return Format(
          "MAKE_%s(ELEM_%s(broadcast(PP 4 * o, %d)), ELEM_%s(broadcast(PP 4 * o + 1, %d)), ELEM_%s(broadcast(PP 4 * o + 2, %d)), ELEM_%s(broadcast(PP 4 * o + 3, %d)))",
          n, n, at, n, at, n, at, n, at);
    case Operand::kStridedQuads: return Format("LOAD_%s(broadcast(PP o, %d))", n, at);
    case Operand::kSpread: return Format("ALL_%s(ELEM_%s(broadcast(PP o, %d)))", n, n, at);
    case Operand::kTable: return name;
  }
  return {};
}

size_t ParamsOf(const Stage& s) {
  size_t count = s.numbers.size();
  for (const Operand& o : s.operands) count += o.dims.size();
  return count;
}
size_t ParamsOf(const Launch& l) {
  size_t count = l.params.size();
  for (const Stage& s : l.stages) count += ParamsOf(s);
  return count;
}
size_t BuffersOf(const Launch& l) {
  size_t count = 1 + l.arguments.size();
  for (const Stage& s : l.stages) count += s.operands.size() - (s.through >= 0 ? 1 : 0);
  return count;
}

}  // namespace

Result<Kind> Builder::KindOf(int tensor) const {
  const OctetDelegateTensor& t = graph_.tensors[tensor];
  switch (static_cast<DType>(t.type)) {
    case DType::kF32: return float_kind();
    case DType::kF16: return Kind::kF16;
    case DType::kI8: return Kind::kI8;
    case DType::kU8:
    case DType::kBool: return Kind::kU8;
    case DType::kI32: return Kind::kI32;
    default: return Error(Code::kUnsupported, "elements of type %s", std::string(NumpyName(static_cast<DType>(t.type))).c_str());
  }
}

Result<ValueId> Builder::ValueOf(int tensor) {
  if (tensor < 0) return Error(Code::kUnsupported, "an operand is absent");
  ValueId& id = value_of_[static_cast<size_t>(tensor)];
  if (id >= 0) return id;
  const OctetDelegateTensor& t = graph_.tensors[tensor];
  OCTET_ASSIGN(const Kind kind, KindOf(tensor));
  int64_t elements = 1;
  for (int i = 0; i < t.rank; ++i) elements *= t.dims[i];
  if (elements == 0) return Error(Code::kUnsupported, "an empty tensor");
  if (elements > kMostElements || BytesOf(kind, elements) > settings_.largest_buffer)
    return Error(Code::kUnsupported, "a tensor of %lld elements is too large for a buffer", static_cast<long long>(elements));
  if (!t.data) return id = Temporary(kind, elements);
  const bool narrow = t.type == static_cast<int>(DType::kF32) && kind == Kind::kF16;
  return id = Constant(kind, elements, [&t, narrow, elements](std::byte* to) {
    if (!narrow) {
      std::memcpy(to, t.data, t.bytes);
      return;
    }
    for (int64_t i = 0; i < elements; ++i) reinterpret_cast<uint16_t*>(to)[i] = ToHalf(static_cast<const float*>(t.data)[i]);
  });
}

Status Builder::Alias(int tensor, ValueId value) {
  value_of_[static_cast<size_t>(tensor)] = value;
  return {};
}

ValueId Builder::Temporary(Kind kind, int64_t elements) {
  values_.push_back({kind, elements, false, {}, false, -1});
  return static_cast<ValueId>(values_.size()) - 1;
}
ValueId Builder::Constant(Kind kind, int64_t elements, std::function<void(std::byte*)> fill) {
  values_.push_back({kind, elements, true, std::move(fill), false, -1});
  return static_cast<ValueId>(values_.size()) - 1;
}
ValueId Builder::Integers(std::vector<int32_t> list) {
  const auto count = static_cast<int64_t>(list.size());
  return Constant(Kind::kI32, count, [list = std::move(list)](std::byte* to) { std::memcpy(to, list.data(), list.size() * sizeof(int32_t)); });
}
ValueId Builder::Floats(int64_t count, std::function<void(float*)> fill) {
  if (!settings_.half) return Constant(Kind::kF32, count, [fill = std::move(fill)](std::byte* to) { fill(reinterpret_cast<float*>(to)); });
  return Constant(Kind::kF16, count, [count, fill = std::move(fill)](std::byte* to) {
    std::vector<float> wide(static_cast<size_t>(count));
    fill(wide.data());
    for (size_t i = 0; i < wide.size(); ++i) reinterpret_cast<uint16_t*>(to)[i] = ToHalf(wide[i]);
  });
}

Extent Builder::Flat(int64_t items) {
  constexpr int64_t kRow = 64 * 32768;
  const int64_t rows = (items + kRow - 1) / kRow;
  return {static_cast<uint32_t>(rows > 1 ? kRow : items), static_cast<uint32_t>(rows), 1};
}

Launch& Builder::Emit(int node, const char* body, ValueId out) {
  Launch& l = launches_.emplace_back();
  l.node = node;
  l.body = body;
  l.out = out;
  return l;
}

void Builder::Map(int node, ValueId out, Stage stage) {
  Launch& l = Emit(node, kMapBody, out);
  const int64_t quads = (value(out).elements + 3) / 4;
  l.params = {static_cast<int32_t>(quads)};
  l.items = Flat(quads);
  l.stages.push_back(std::move(stage));
}

Status Builder::CheckLimits() const {
  for (const Launch& l : launches_)
    if (BuffersOf(l) > settings_.most_buffers)
      return Error(Code::kUnsupported, "its kernel needs %zu buffers, the device has %u", BuffersOf(l), settings_.most_buffers);
  return {};
}

Status Builder::Finish(const OctetDelegatePart& part) {
  for (const auto& [list, count] : {std::pair(part.inputs, part.num_inputs), std::pair(part.outputs, part.num_outputs)})
    for (int32_t i = 0; i < count; ++i) {
      OCTET_ASSIGN(const ValueId v, ValueOf(list[i]));
      values_[static_cast<size_t>(v)].is_end = true;
    }
  if (settings_.fuse) Fuse();
  Place();
  return {};
}

void Builder::Fuse() {
  std::vector<int> reads(values_.size()), producer(values_.size(), -1);
  const auto count = [&](ValueId v) { ++reads[static_cast<size_t>(v)]; };
  for (size_t i = 0; i < launches_.size(); ++i) {
    const Launch& l = launches_[i];
    for (const LaunchArgument& a : l.arguments) count(a.value);
    for (const Stage& s : l.stages)
      for (const Operand& o : s.operands) count(o.value);
    if (l.keeps_out) count(l.out), count(l.out);  // Written in pieces.
    producer[static_cast<size_t>(l.out)] = static_cast<int>(i);
  }
  std::vector<bool> gone(launches_.size());
  for (size_t i = 0; i < launches_.size(); ++i) gone[i] = TryFuse(i, reads, producer, gone);
  size_t n = 0;
  for (size_t i = 0; i < launches_.size(); ++i) {
    if (gone[i]) continue;
    if (n != i) launches_[n] = std::move(launches_[i]);
    ++n;
  }
  launches_.resize(n);
}

// A map whose operand nobody else reads becomes part of what computes the operand, if all else it reads is there by then.
bool Builder::TryFuse(size_t consumer, const std::vector<int>& reads, const std::vector<int>& producer, const std::vector<bool>& gone) {
  Launch& map = launches_[consumer];
  if (map.body != kMapBody || map.stages.size() != 1) return false;
  Stage& stage = map.stages[0];
  // Where a value is computed: launches before may have been fused away, and lead to the one that has their output now.
  const auto computed_by = [&](ValueId v) {
    for (int i = static_cast<int>(consumer) - 1; i >= 0; --i)
      if (!gone[static_cast<size_t>(i)] && launches_[static_cast<size_t>(i)].out == v) return i;
    return -1;
  };
  for (size_t k = 0; k < stage.operands.size(); ++k) {
    const Operand& operand = stage.operands[k];
    const Value& v = value(operand.value);
    if (operand.mode != Operand::kSame || v.is_constant || v.is_end || reads[static_cast<size_t>(operand.value)] != 1 ||
        producer[static_cast<size_t>(operand.value)] < 0)
      continue;
    const int p = computed_by(operand.value);
    if (p < 0) continue;
    Launch& l = launches_[static_cast<size_t>(p)];
    if (!l.finishes || l.keeps_out || ParamsOf(l) + ParamsOf(stage) > kMostParams || BuffersOf(l) + BuffersOf(map) - 2 > settings_.most_buffers) continue;
    if (v.elements != value(map.out).elements) continue;
    const bool there = std::ranges::all_of(stage.operands, [&](const Operand& o) { return &o == &operand || computed_by(o.value) < p; });
    if (!there) continue;
    stage.through = static_cast<int>(k);
    l.stages.push_back(std::move(stage));
    l.out = map.out;
    l.node = map.node;
    return true;
  }
  return false;
}

// Memory of values that are dead by then is used again; the queue runs launches one after the other.
void Builder::Place() {
  std::vector<int> last(values_.size(), -1);
  const auto visit = [&](const Launch& l, const auto& f) {
    f(l.out);
    for (const LaunchArgument& a : l.arguments) f(a.value);
    for (const Stage& s : l.stages)
      for (size_t k = 0; k < s.operands.size(); ++k)
        if (static_cast<int>(k) != s.through) f(s.operands[k].value);
  };
  for (size_t i = 0; i < launches_.size(); ++i) visit(launches_[i], [&](ValueId v) { last[static_cast<size_t>(v)] = static_cast<int>(i); });
  std::vector<int> free;
  const auto take = [&](Value& v) {
    const size_t bytes = BytesOf(v.kind, v.elements);
    const auto fits = std::ranges::find_if(free, [&](int s) { return slots_[static_cast<size_t>(s)].bytes >= bytes; });
    if (fits == free.end()) {
      v.slot = static_cast<int>(slots_.size());
      slots_.push_back({bytes});
      return;
    }
    v.slot = *fits;
    free.erase(fits);
  };
  for (size_t i = 0; i < launches_.size(); ++i) {
    std::vector<int> released;
    visit(launches_[i], [&](ValueId id) {
      Value& v = values_[static_cast<size_t>(id)];
      if (v.is_constant || v.is_end) return;
      if (v.slot < 0) take(v);
      if (last[static_cast<size_t>(id)] == static_cast<int>(i) && std::ranges::find(released, v.slot) == released.end()) released.push_back(v.slot);
    });
    free.insert(free.end(), released.begin(), released.end());
  }
}

Rendered RenderLaunch(const Launch& launch, const std::vector<Value>& values, Language language) {
  Rendered r;
  std::vector<Argument> arguments;
  const auto add = [&](const std::string& name, ValueId v, bool written) {
    arguments.push_back({name, values[static_cast<size_t>(v)].kind, written});
    r.arguments.push_back(v);
  };
  add("y", launch.out, true);
  for (const LaunchArgument& a : launch.arguments) add(a.name, a.value, false);
  r.params = launch.params;
  std::string chain, last = "v";
  int extra = 0, step = 0;
  for (const Stage& s : launch.stages) {
    std::string text = s.expression;
    for (size_t n = 0; n < s.numbers.size(); ++n) text = ReplaceAll(text, Format("$%zu", n), Format("P(%zu)", r.params.size() + n));
    r.params.insert(r.params.end(), s.numbers.begin(), s.numbers.end());
    for (size_t k = 0; k < s.operands.size(); ++k) {
      const std::string token = {'$', static_cast<char>('a' + k)};
      if (static_cast<int>(k) == s.through) {
        text = ReplaceAll(text, token, last);
        continue;
      }
      const std::string name = Format("e%d", extra++);
      add(name, s.operands[k].value, false);
      text = ReplaceAll(text, token, Read(name, s.operands[k], static_cast<int>(r.params.size())));
      r.params.insert(r.params.end(), s.operands[k].dims.begin(), s.operands[k].dims.end());
    }
    last = Format("s%d", step++);
    chain += Format(" %s %s = ", s.gives_float ? "F4" : "I4", last.c_str()) + text + ";";
  }
  const std::string defines = launch.defines + Format("#define TILE %d\n#define SPLIT %d\n", launch.tile, launch.split) +
                              (launch.split > 1 ? "#define SHARED ACC\n" : "") + "#define FINISH(v) {" + chain + " STORE_y(o, " + last + "); }\n";
  r.text = Render(language, arguments, defines, launch.body, launch.group);
  return r;
}

}  // namespace octet::gpu
