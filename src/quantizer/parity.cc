// SPDX-License-Identifier: Apache-2.0
#include "quantizer/parity.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "exporter/exporter.h"
#include "quantizer/rewrite.h"
#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

constexpr double kFloatTolerance = 1e-3, kQuantizedTolerance = 0.1;
constexpr int64_t kMostSamples = 8;
constexpr int32_t kFreeSide = 32, kFreeLength = 8;  // For dimensions that the model leaves open.

struct Pair {
  int source, file;
  ParityRow row;
};

bool Numbers(DType t) { return t == DType::kF32 || t == DType::kI8 || t == DType::kU8 || t == DType::kI16 || t == DType::kI32 || t == DType::kI64; }

// ------------------------------------------------------------------------------ random inputs

Shape Closed(const Shape& source, const Shape& file) {
  Shape shape = file.rank() == source.rank() ? file : source;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == kUnknown) shape[i] = source[i];
    if (shape[i] == kUnknown) shape[i] = i == 0 ? 1 : shape.rank() == 4 ? kFreeSide : kFreeLength;
  }
  return shape;
}

// The same real values in another element type.
void Write(const std::vector<float>& values, const runtime::TensorRef& to) {
  const float scale = to.type->quant.empty() ? 1.0f : to.type->quant.scale0();
  const auto quantized = [&](auto* out) {
    using T = std::remove_pointer_t<decltype(out)>;
    for (size_t i = 0; i < values.size(); ++i)
      out[i] = static_cast<T>(std::clamp(std::round(values[i] / scale) + static_cast<float>(to.type->quant.zero0()),
                                         static_cast<float>(std::numeric_limits<T>::lowest()), static_cast<float>(std::numeric_limits<T>::max())));
  };
  switch (to.type->dtype) {
    case DType::kF32: std::memcpy(to.data, values.data(), values.size() * sizeof(float)); break;
    case DType::kI8: quantized(reinterpret_cast<int8_t*>(to.data)); break;
    case DType::kU8: quantized(reinterpret_cast<uint8_t*>(to.data)); break;
    case DType::kI16: quantized(reinterpret_cast<int16_t*>(to.data)); break;
    default: break;
  }
}

Status Fit(Session& session, const std::vector<Shape>& shapes) {
  runtime::Interpreter& it = session.interpreter();
  for (int i = 0; i < it.num_inputs(); ++i)
    if (!(it.input(i).type->shape == shapes[static_cast<size_t>(i)])) OCTET_TRY(it.Resize(i, shapes[static_cast<size_t>(i)]));
  return it.Allocate();
}

Status FillRandom(Session& source, Session& file) {
  std::mt19937 random(1);
  for (int i = 0; i < source.interpreter().num_inputs(); ++i) {
    const runtime::TensorRef a = source.interpreter().input(i), b = file.interpreter().input(i);
    if (a.type->dtype == DType::kString)
      return Error(Code::kUnsupported, "input '%s' takes text, which cannot be drawn: give samples with --data", std::string(a.name).c_str());
    if (a.type->dtype == DType::kF32) {
      std::vector<float> values(static_cast<size_t>(a.type->shape.elements()));
      for (float& v : values) v = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-31f;
      Write(values, a);
      Write(values, b);
      continue;
    }
    if (b.type->dtype != a.type->dtype) return Error(Code::kInvalidArgument, "input '%s' has other types in source and file", std::string(a.name).c_str());
    // Numbers of things: zeros and ones are surely in range.
    const size_t width = static_cast<size_t>(BitsOf(a.type->dtype)) / 8;
    std::memset(a.data, 0, a.bytes);
    for (size_t at = 0; width > 0 && at + width <= a.bytes; at += width) a.data[at] = static_cast<std::byte>(random() >> 31);
    std::memcpy(b.data, a.data, std::min(a.bytes, b.bytes));
  }
  return {};
}

Status RunRandom(Session& source, Session& file) {
  if (source.interpreter().num_inputs() != file.interpreter().num_inputs())
    return Error(Code::kInvalidArgument, "the source has %d inputs, the file %d", source.interpreter().num_inputs(), file.interpreter().num_inputs());
  std::vector<Shape> shapes;
  for (int i = 0; i < source.interpreter().num_inputs(); ++i)
    shapes.push_back(Closed(source.interpreter().input(i).signature, file.interpreter().input(i).signature));
  OCTET_TRY(Fit(source, shapes));
  OCTET_TRY(Fit(file, shapes));
  OCTET_TRY(FillRandom(source, file));
  OCTET_TRY(source.interpreter().Invoke());
  return file.interpreter().Invoke();
}

// --------------------------------------------------------------------------------- comparing

std::vector<Pair> Match(const graph::Graph& g, const runtime::Interpreter& source, const runtime::Interpreter& file, std::vector<std::string>* merged) {
  std::map<std::string_view, int> in_source, in_file;
  for (int i = 0; i < source.num_tensors(); ++i) in_source.emplace(source.tensor(i).name, i);
  for (int i = 0; i < file.num_tensors(); ++i) {
    std::string_view name = file.tensor(i).name;
    if (name.ends_with(kInt8Suffix)) name.remove_suffix(kInt8Suffix.size());
    in_file.emplace(name, i);
  }
  std::vector<Pair> pairs;
  std::set<std::string_view> there;
  for (const graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    for (const graph::TensorId t : n.outputs) {
      const std::string& name = g.tensor(t).name;
      const auto a = in_source.find(name), b = in_file.find(name);
      if (a == in_source.end() || b == in_file.end()) continue;
      pairs.push_back({a->second, b->second, {n.place, name, std::string(n.op->name), "", 0, 0, false}});
      there.insert(n.place);
    }
  }
  std::set<std::string_view> said;
  for (const graph::NodeId id : g.order())
    if (const std::string& place = g.node(id).place; !there.contains(place) && said.insert(place).second) merged->push_back(place);
  return pairs;
}

// False where the two cannot be compared: no data, or another shape.
bool Compare(const runtime::TensorRef& a, const runtime::TensorRef& b, ParityRow* row) {
  if (!a.data || !b.data || !(a.type->shape == b.type->shape) || a.constant) return false;
  row->shape = a.type->shape.text();
  if (!Numbers(a.type->dtype) || !Numbers(b.type->dtype)) {
    if (a.type->dtype != b.type->dtype) return false;
    row->largest = 1;
    if (std::memcmp(a.data, b.data, a.bytes) != 0) row->difference = 1;
    return true;
  }
  const std::vector<float> want = RealValues(a), got = RealValues(b);
  for (size_t i = 0; i < want.size(); ++i) {
    const auto w = static_cast<double>(want[i]), g = static_cast<double>(got[i]);
    if (w == g || (std::isnan(w) && std::isnan(g))) {
      row->largest = std::isfinite(w) ? std::max(row->largest, std::abs(w)) : row->largest;
      continue;
    }
    if (std::isfinite(w)) row->largest = std::max(row->largest, std::abs(w));
    row->difference = std::isfinite(w) && std::isfinite(g) ? std::max(row->difference, std::abs(w - g)) : INFINITY;
  }
  return true;
}

bool IsQuantized(const runtime::Interpreter& file) {
  for (int i = 0; i < file.num_tensors(); ++i)
    if (const DType t = file.tensor(i).type->dtype; !file.tensor(i).type->quant.empty() && t != DType::kF32 && t != DType::kI32) return true;
  return false;
}

}  // namespace

const ParityRow* Parity::first() const {
  const auto row = std::ranges::find_if(layers, [](const ParityRow& r) { return r.differs; });
  return row == layers.end() ? nullptr : &*row;
}

Result<Parity> CompareWithSource(const graph::Model& source, const std::string& model, const data::Dataset* data, int64_t samples, double tolerance) {
  OCTET_ASSIGN(std::vector<std::byte> bytes, exporter::Export(source));
  OCTET_ASSIGN(const auto a, Session::FromBytes(std::move(bytes), {.keep_all_tensors = true}));
  OCTET_ASSIGN(const auto b, Session::Open(model, {.keep_all_tensors = true}));
  Parity parity;
  parity.tolerance = tolerance > 0 ? tolerance : IsQuantized(b->interpreter()) ? kQuantizedTolerance : kFloatTolerance;
  parity.samples = data ? std::min(samples > 0 ? samples : kMostSamples, data->size()) : 1;
  if (data) OCTET_TRY(a->Check(*data));
  if (data) OCTET_TRY(b->Check(*data));
  std::vector<Pair> pairs = Match(source.main(), a->interpreter(), b->interpreter(), &parity.merged);
  std::set<int> compared;
  for (int64_t i = 0; i < parity.samples; ++i) {
    OCTET_TRY(data ? a->Run(*data, i) : RunRandom(*a, *b));
    if (data) OCTET_TRY(b->Run(*data, i));
    for (Pair& p : pairs)
      if (Compare(a->interpreter().tensor(p.source), b->interpreter().tensor(p.file), &p.row)) compared.insert(p.source);
  }
  for (Pair& p : pairs) {
    if (!compared.contains(p.source)) continue;
    p.row.differs = p.row.difference > parity.tolerance * std::max(p.row.largest, 1e-6);
    parity.layers.push_back(std::move(p.row));
  }
  return parity;
}

}  // namespace octet::quantizer
