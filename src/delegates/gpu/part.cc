// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/part.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>

namespace octet::gpu {

Result<std::unique_ptr<Part>> Part::Make(const Setup& setup, const OctetDelegateGraph& graph, const OctetDelegatePart& raw, Builder& builder) {
  std::unique_ptr<Part> part(new Part(setup));
  for (const Value& v : builder.values()) part->kinds_.push_back(v.kind);
  for (const auto& [list, count, ends] : {std::tuple(raw.inputs, raw.num_inputs, &part->inputs_), std::tuple(raw.outputs, raw.num_outputs, &part->outputs_)})
    for (int32_t i = 0; i < count; ++i) {
      OCTET_ASSIGN(const ValueId v, builder.ValueOf(list[i]));
      const OctetDelegateTensor& t = graph.tensors[list[i]];
      const Value& value = builder.value(v);
      ends->push_back(
          {v, t.bytes, value.elements, t.type == static_cast<int>(DType::kF32) && value.kind == Kind::kF16, !value.is_constant, nullptr, nullptr, {}});
    }
  std::vector<int> ends(builder.values().size());  // Reshaped tensors are one value.
  for (const std::vector<End>* list : {&part->inputs_, &part->outputs_})
    for (const End& e : *list) ++ends[static_cast<size_t>(e.value)];
  for (std::vector<End>* list : {&part->inputs_, &part->outputs_})
    for (End& e : *list) e.alone = e.alone && ends[static_cast<size_t>(e.value)] == 1;
  OCTET_TRY(part->MakeMemory(builder));
  for (const Launch& l : builder.launches()) OCTET_TRY(part->MakeStep(l, builder.values()));
  return part;
}

Status Part::MakeMemory(Builder& builder) {
  std::vector<Buffer*> slots;
  for (const Builder::Slot& s : builder.slots()) {
    OCTET_ASSIGN(std::unique_ptr<Buffer> buffer, setup_.device.MakeBuffer(s.bytes, nullptr));
    slots.push_back(buffer.get());
    owned_.push_back(std::move(buffer));
  }
  std::vector<bool> used(builder.values().size());
  for (const Launch& l : builder.launches()) {
    for (const LaunchArgument& a : l.arguments) used[static_cast<size_t>(a.value)] = true;
    for (const Stage& s : l.stages)
      for (const Operand& o : s.operands) used[static_cast<size_t>(o.value)] = true;
  }
  for (Value& v : builder.values()) {
    const size_t bytes = BytesOf(v.kind, v.elements);
    const bool constant = v.is_constant && (v.is_end || used[static_cast<size_t>(&v - builder.values().data())]);
    if (!constant && !v.is_end) {
      buffers_.push_back(v.slot >= 0 ? slots[static_cast<size_t>(v.slot)] : nullptr);
      continue;
    }
    std::vector<std::byte> contents(constant ? bytes : 0);
    if (constant) v.fill(contents.data());
    OCTET_ASSIGN(std::unique_ptr<Buffer> buffer, setup_.device.MakeBuffer(bytes, constant ? contents.data() : nullptr));
    buffers_.push_back(buffer.get());
    owned_.push_back(std::move(buffer));
  }
  return {};
}

Result<Part::Made> Part::Compile(const Launch& launch, const std::vector<Value>& values) {
  Rendered r = RenderLaunch(launch, values, setup_.device.info().language);
  OCTET_ASSIGN(const Program* program, setup_.programs.Get({r.text, static_cast<int>(r.arguments.size())}));
  std::vector<Buffer*> buffers;
  for (const ValueId v : r.arguments) buffers.push_back(buffers_[static_cast<size_t>(v)]);
  Extent groups;
  for (size_t d = 0; d < 3; ++d) groups[d] = (launch.items[d] + launch.group[d] - 1) / launch.group[d];
  OCTET_ASSIGN(std::unique_ptr<Command> command, setup_.device.MakeCommand(*program, buffers, r.params, groups, launch.group));
  return Made{std::move(command), std::move(r.arguments)};
}

Status Part::MakeStep(Launch launch, const std::vector<Value>& values) {
  if (launch.product && setup_.tune) OCTET_TRY(Tune(&launch, values));
  OCTET_ASSIGN(Made made, Compile(launch, values));
  steps_.push_back({std::move(made.command), std::move(made.arguments), launch.node});
  return {};
}

Result<double> Part::Measure(const Launch& launch, const std::vector<Value>& values) {
  constexpr int kRuns = 4;
  OCTET_ASSIGN(const Made made, Compile(launch, values));
  double least = 1e30;
  for (int run = 0; run < kRuns; ++run) {
    OCTET_TRY(setup_.device.Finish());
    const auto start = std::chrono::steady_clock::now();
    OCTET_TRY(setup_.device.Enqueue(*made.command, false));
    OCTET_TRY(setup_.device.Finish());
    if (run > 0) least = std::min(least, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

Status Part::Tune(Launch* launch, const std::vector<Value>& values) {
  std::string key = "tune|" + launch->defines;
  for (const int32_t p : launch->params) key += Format("%d,", p);
  for (const Stage& s : launch->stages) key += s.expression;
  const auto shaped = [&](int t, Extent group, int split) {
    Launch l = *launch;
    l.SetTile(t);
    l.group = group;
    if (split > 1) l.SetSplit(split);
    return l;
  };
  const auto power = [](unsigned v, unsigned most) { return std::has_single_bit(v) && v <= most; };
  unsigned tile = 0, x = 0, y = 0, z = 0, split = 0;
  if (std::sscanf(setup_.programs.Remembered(key).c_str(), "%u %u %u %u %u", &tile, &x, &y, &z, &split) == 5) {
    const bool sane = power(tile, 8) && power(x, 64) && power(y, 64) && power(z, 64) && x * y * z <= setup_.device.info().largest_group &&
                      power(split, static_cast<unsigned>(launch->most_split));
    if (sane) *launch = shaped(static_cast<int>(tile), {x, y, z}, static_cast<int>(split));
    if (sane) return {};
  }
  Launch best = *launch;
  OCTET_ASSIGN(double least, Measure(best, values));
  const auto attempt = [&](const Launch& candidate) {
    const auto micros = Measure(candidate, values);
    if (!micros.ok() || *micros >= least) return;  // One that does not fit the device is no loss.
    least = *micros;
    best = candidate;
  };
  for (const int t : {1, 2, 4, 8}) {
    if (t > launch->columns) continue;
    for (const Extent group : {Extent{8, 8, 1}, Extent{16, 4, 1}, Extent{32, 2, 1}, Extent{64, 1, 1}, Extent{4, 16, 1}, Extent{8, 1, 8}})
      attempt(shaped(t, group, 1));
    for (int s = 2; s <= launch->most_split; s *= 2) attempt(shaped(t, {64, 1, 1}, s));
  }
  *launch = std::move(best);
  setup_.programs.Remember(key, Format("%d %u %u %u %d", launch->tile, launch->group[0], launch->group[1], launch->group[2], launch->split));
  return {};
}

// The device may write whole quads, which must be the host's.
bool Part::CanShare(const End& end) const {
  const Kind kind = kinds_[static_cast<size_t>(end.value)];
  return setup_.zero_copy && setup_.device.info().unified && end.alone && !end.narrows && BytesOf(kind, end.elements) == end.bytes;
}

Status Part::Attach(End& end, void* host) {
  if (!CanShare(end) || end.host == host) return {};
  OCTET_ASSIGN(end.buffer, setup_.device.WrapHostMemory(host, end.bytes));
  end.host = end.buffer ? host : nullptr;
  if (!end.buffer) return {};
  for (Step& s : steps_)
    for (size_t i = 0; i < s.arguments.size(); ++i)
      if (s.arguments[i] == end.value) OCTET_TRY(setup_.device.SetBuffer(*s.command, static_cast<int>(i), *end.buffer));
  return {};
}

Status Part::Upload(End& end, const void* from) {
  if (end.host) return setup_.device.Lend(*end.buffer);
  Buffer& buffer = *buffers_[static_cast<size_t>(end.value)];
  if (!end.narrows) return setup_.device.Write(buffer, from, end.bytes);
  end.staging.resize(static_cast<size_t>(end.elements));
  for (size_t i = 0; i < end.staging.size(); ++i) end.staging[i] = ToHalf(static_cast<const float*>(from)[i]);
  return setup_.device.Write(buffer, end.staging.data(), end.staging.size() * sizeof(uint16_t));
}

Status Part::Download(End& end, void* to) {
  if (end.host) return setup_.device.TakeBack(*end.buffer);
  Buffer& buffer = *buffers_[static_cast<size_t>(end.value)];
  if (!end.narrows) return setup_.device.Read(buffer, to, end.bytes);
  end.staging.resize(static_cast<size_t>(end.elements));
  OCTET_TRY(setup_.device.Read(buffer, end.staging.data(), end.staging.size() * sizeof(uint16_t)));
  for (size_t i = 0; i < end.staging.size(); ++i) static_cast<float*>(to)[i] = F16ToF32(end.staging[i]);
  return {};
}

Status Part::Run(const void* const* in, void* const* out) {
  for (size_t i = 0; i < inputs_.size(); ++i) OCTET_TRY(Attach(inputs_[i], const_cast<void*>(in[i])));
  for (size_t i = 0; i < outputs_.size(); ++i) OCTET_TRY(Attach(outputs_[i], out[i]));
  for (size_t i = 0; i < inputs_.size(); ++i) OCTET_TRY(Upload(inputs_[i], in[i]));
  for (End& end : outputs_)
    if (end.host) OCTET_TRY(setup_.device.Lend(*end.buffer));
  for (Step& s : steps_) OCTET_TRY(setup_.device.Enqueue(*s.command, setup_.profile));
  for (size_t i = 0; i < outputs_.size(); ++i) OCTET_TRY(Download(outputs_[i], out[i]));
  for (End& end : inputs_)
    if (end.host) OCTET_TRY(setup_.device.TakeBack(*end.buffer));
  return setup_.profile ? TakeTimings() : Status();
}

Status Part::TakeTimings() {
  OCTET_TRY(setup_.device.Finish());
  OCTET_ASSIGN(const std::vector<double> micros, setup_.device.TakeMicros());
  timings_.clear();
  for (size_t i = 0; i < std::min(micros.size(), steps_.size()); ++i) {
    if (!timings_.empty() && timings_.back().node == steps_[i].node) timings_.back().us += micros[i];
    else timings_.push_back({steps_[i].node, micros[i]});
  }
  return {};
}

}  // namespace octet::gpu
