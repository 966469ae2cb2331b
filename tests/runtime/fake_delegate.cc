// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/fake_delegate.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

namespace octet::test {
namespace {

struct Kernel {
  Fake* fake;
  const OctetDelegateGraph* graph;
  std::vector<int> nodes;
  std::vector<int32_t> inputs, outputs;
};

int Say(int answer, const char* text, char* error, size_t bytes) {
  std::snprintf(error, bytes, "%s", text);
  return answer;
}

int Begin(void* self, const OctetDelegateGraph*, void** session, char* error, size_t bytes) {
  auto* fake = static_cast<Fake*>(self);
  ++fake->begun;
  *session = fake;
  if (fake->fail == "begin") return --fake->begun, Say(OCTET_DELEGATE_ERROR, "no such device", error, bytes);
  return OCTET_DELEGATE_OK;
}

bool Known(const char* op) { return std::string(op) == "add" || std::string(op) == "mul" || std::string(op) == "relu" || std::string(op) == "neg"; }

int Takes(void* session, const OctetDelegateGraph* graph, int32_t node, char* reason, size_t bytes) {
  const OctetDelegateNode& n = graph->nodes[node];
  if (n.custom_name ? !static_cast<Fake*>(session)->custom : !Known(n.op)) return Say(0, "it knows no such operator", reason, bytes);
  if (graph->tensors[n.outputs[0]].type != 0) return Say(0, "only float32", reason, bytes);
  return static_cast<Fake*>(session)->takes(n) ? 1 : Say(0, "not wanted", reason, bytes);
}

int Prepare(void* session, const OctetDelegateGraph* graph, const OctetDelegatePart* part, void** kernel, char* error, size_t bytes) {
  auto* fake = static_cast<Fake*>(session);
  if (fake->fail == "prepare") return Say(OCTET_DELEGATE_ERROR, "out of device memory", error, bytes);
  auto* k = new Kernel{fake,
                       graph,
                       {part->nodes, part->nodes + part->num_nodes},
                       {part->inputs, part->inputs + part->num_inputs},
                       {part->outputs, part->outputs + part->num_outputs}};
  std::vector<int>& nodes = fake->parts.emplace_back();
  for (int i : k->nodes) nodes.push_back(graph->nodes[i].index);
  ++fake->prepared;
  *kernel = k;
  return OCTET_DELEGATE_OK;
}

void Compute(const Kernel& k, const void* const* in, void* const* out) {
  std::map<int32_t, std::vector<float>> values;
  const auto load = [&](int32_t t, const void* data) {
    std::vector<float>& v = values[t];
    v.resize(k.graph->tensors[t].bytes / sizeof(float));
    std::memcpy(v.data(), data, v.size() * sizeof(float));
  };
  for (size_t i = 0; i < k.inputs.size(); ++i) load(k.inputs[i], in[i]);
  for (int i : k.nodes) {
    const OctetDelegateNode& n = k.graph->nodes[i];
    for (int j = 0; j < n.num_inputs; ++j)
      if (k.graph->tensors[n.inputs[j]].data) load(n.inputs[j], k.graph->tensors[n.inputs[j]].data);
    const std::vector<float>& a = values[n.inputs[0]];
    std::vector<float> y = a;
    for (size_t e = 0; e < y.size(); ++e) {
      const float b = n.num_inputs > 1 ? values[n.inputs[1]][e % values[n.inputs[1]].size()] : 0;
      const std::string op = n.op;
      y[e] = op == "add" ? a[e] + b : op == "mul" ? a[e] * b : op == "neg" ? -a[e] : std::max(0.0f, a[e]);
    }
    values[n.outputs[0]] = y;
  }
  for (size_t i = 0; i < k.outputs.size(); ++i) std::memcpy(out[i], values[k.outputs[i]].data(), values[k.outputs[i]].size() * sizeof(float));
}

int Run(void* kernel, const void* const* in, void* const* out, char* error, size_t bytes) {
  const Kernel& k = *static_cast<Kernel*>(kernel);
  const bool now = k.fake->runs++ >= k.fake->fail_after;
  if (k.fake->sleep_ms > 0) std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(k.fake->sleep_ms));
  if (now && k.fake->fail == "run") {  // With half of its outputs in ruins.
    for (size_t i = 0; i < k.outputs.size(); ++i) std::memset(out[i], 0x7f, k.graph->tensors[k.outputs[i]].bytes);
    return Say(OCTET_DELEGATE_ERROR, "device lost", error, bytes);
  }
  if (now && k.fake->fail == "silent run") return OCTET_DELEGATE_ERROR;
  Compute(k, in, out);
  if (now && k.fake->fail == "wrong") *static_cast<float*>(out[0]) += 100;
  return OCTET_DELEGATE_OK;
}

int32_t Timings(void* kernel, OctetDelegateTiming* timings, int32_t capacity) {
  const Kernel& k = *static_cast<Kernel*>(kernel);
  const auto count = std::min<int32_t>(capacity, static_cast<int32_t>(k.nodes.size()));
  for (int32_t i = 0; i < count; ++i) timings[i] = {k.nodes[static_cast<size_t>(i)], 1.0 + i};
  return count;
}

void Release(void* kernel) {
  auto* k = static_cast<Kernel*>(kernel);
  ++k->fake->released;
  delete k;
}
void End(void* session) { ++static_cast<Fake*>(session)->ended; }
void Rates(void* self, OctetDelegateRates* rates) { *rates = static_cast<Fake*>(self)->rates; }
int Create(const OctetDelegateOption*, size_t, void**, char* error, size_t bytes) { return Say(OCTET_DELEGATE_ERROR, "made by tests only", error, bytes); }

constexpr OctetDelegate kFake = {
    OCTET_DELEGATE_VERSION, sizeof(OctetDelegate), "fake", Create, nullptr, Rates, Begin, Takes, Prepare, Run, Timings, Release, End};

}  // namespace

std::shared_ptr<const runtime::Delegate> Fake::Make(std::string name) {
  return std::make_shared<runtime::Delegate>(&kFake, this, [this] { ++destroyed; }, std::move(name));
}

}  // namespace octet::test
