// SPDX-License-Identifier: Apache-2.0
// What model.quantize("int8") leaves of a layer's weights: whole numbers and, in a later variable, by what they were multiplied. One scale belongs
// to each slice along the axes that the product keeps: the last ones of a kernel, the first one of a table.
#include <algorithm>

#include "importers/keras/builder.h"

namespace octet::importers::keras {
namespace {

// Whether the product keeps the last axes of the kernel, in their order. Layers that hold projections have no equation: theirs do.
bool KeepsLastAxes(const std::string& equation) {
  const size_t comma = equation.find(','), arrow = equation.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || arrow < comma) return equation.empty();
  const std::string kernel = equation.substr(comma + 1, arrow - comma - 1), out = equation.substr(arrow + 2);
  std::string kept, in_order;
  for (const char l : out)
    if (l != '.' && kernel.find(l) != std::string::npos) kept += l;
  for (const char l : kernel)
    if (out.find(l) != std::string::npos) in_order += l;
  return kept == in_order && kernel.ends_with(kept);
}

// How many last axes have so many elements; 0: none.
int LastAxes(const Shape& s, int64_t elements) {
  for (int i = s.rank() - 1; i > 0; --i)
    if (s.elements(i, s.rank()) == elements) return s.rank() - i;
  return 0;
}

}  // namespace

Result<Value> Builder::Dequantized(const std::string& dataset, const std::string& name, const LayerContext& c) {
  const auto refuse = [&](const std::string& found) {
    return c.Fail("'" + name + "' of floats, or as model.quantize('int8') leaves it", found,
                  "convert the model as it was before quantize(), and quantize the result: octet quantize");
  };
  const Json& config = *c.layer().config;
  const std::string& mode = config["dtype"]["config"]["mode"].text();
  if (!mode.empty() && mode != "int8") return refuse("mode " + mode);
  const size_t slash = dataset.rfind('/');
  const std::string group = dataset.substr(0, dataset.rfind('/', slash == 0 || slash == std::string::npos ? slash : slash - 1));
  OCTET_ASSIGN(const std::vector<std::string> own, weights_.Datasets({group, {}}));
  const auto at = std::ranges::find(own, dataset);
  const bool table = c.layer().class_name.ends_with("Embedding");
  if (at == own.end() || at + 1 == own.end() || own.size() > (table ? 4u : 3u)) return refuse("8-bit numbers");
  OCTET_ASSIGN(const Hdf5Array numbers, weights_.Read(dataset));
  OCTET_ASSIGN(const Hdf5Array stored, weights_.Read(table ? *(at + 1) : own.back()));  // Of other layers the bias comes between.
  if (numbers.dtype != DType::kI8 || !IsFloat(stored.dtype)) return refuse("8-bit numbers without a scale");
  const std::vector<float> scale = ToFloats(stored);
  const Shape& s = numbers.shape;
  const bool rows = table && at == own.begin();  // Read backwards, a table of its own is a kernel.
  const auto count = static_cast<int64_t>(scale.size());
  const bool fits = rows ? s.rank() == 2 && s[0] == count : LastAxes(s, count) > 0 && KeepsLastAxes(config["equation"].text());
  if (!fits) return refuse(s.text() + " with " + std::to_string(count) + " scales");
  std::vector<float> values(numbers.bytes.size());
  const int64_t inner = rows ? s[1] : 1;
  for (size_t i = 0; i < values.size(); ++i) {
    const float by = scale[static_cast<size_t>(static_cast<int64_t>(i) / inner % count)];
    constexpr float kLeast = 1e-30f;  // Quotients stay finite.
    if (!(by > kLeast))
      return Error(Code::kInvalidModel, "%s '%s': a scale of '%s' is %g; expected one above zero; save the model again", c.layer().class_name.c_str(),
                   c.place().c_str(), name.c_str(), static_cast<double>(by));
    values[i] = static_cast<float>(static_cast<int8_t>(numbers.bytes[i])) / by;
  }
  const auto bytes = std::as_bytes(std::span<const float>(values));
  const Value v{graph().AddConstant(UniqueName(c.place() + "/" + name), {DType::kF32, s, {}}, graph::MakeBuffer(bytes))};
  SetVariable(dataset, v);
  return v;
}

}  // namespace octet::importers::keras
