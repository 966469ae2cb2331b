// SPDX-License-Identifier: Apache-2.0
// EinsumDense: y = act(einsum(equation, x, kernel) + bias), where the summed labels are the last ones of x.
#include "importers/keras/layers/projection.h"

#include <algorithm>
#include <map>

#include "importers/keras/builder.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/einsum.h"

namespace octet::importers::keras {

Result<Projection> LoadProjection(LayerContext& c, const Variables& variables, int in_axes, int64_t features, bool use_bias) {
  const auto bad = [&](const char* expected, const std::string& found) {
    return Error(Code::kInvalidModel, "%s '%s': expected %s, found %s", c.layer().class_name.c_str(), c.place().c_str(), expected, found.c_str());
  };
  OCTET_ASSIGN(const std::vector<std::string> paths, c.builder().weights().Datasets(variables));
  if (paths.size() < 1u + use_bias) return bad("a kernel (and a bias)", Format("%zu variables", paths.size()));
  OCTET_ASSIGN(const Value kernel, c.builder().FloatVariable(paths[0], "kernel", c));
  const Shape s = c.shape(kernel);
  const std::span<const float> from = c.data_as<float>(kernel);
  const bool flat = s.rank() == 2;  // As quantize() leaves it, split anywhere.
  if ((s.rank() <= in_axes && !flat) || from.empty() || features < 1) return bad("a float kernel with input and output axes", s.text());
  const int64_t heads = flat ? features : in_axes == 1 ? s.elements(1, s.rank()) : s.elements(0, in_axes), rest = s.elements() / heads;
  if (heads * rest != s.elements()) return bad(Format("a kernel for %lld features", static_cast<long long>(features)).c_str(), s.text());
  Projection p;
  p.in = static_cast<int32_t>(in_axes == 1 ? rest : heads);
  p.out = static_cast<int32_t>(in_axes == 1 ? heads : rest);
  p.weights.reserve(from.size());
  for (int64_t o = 0; o < p.out; ++o)
    for (int64_t i = 0; i < p.in; ++i) p.weights.push_back(from[static_cast<size_t>(i * p.out + o)]);
  p.bias.assign(static_cast<size_t>(p.out), 0.0f);
  if (!use_bias) return p;
  OCTET_ASSIGN(const Value bias, c.builder().FloatVariable(paths[1], "bias", c));
  const std::span<const float> b = c.data_as<float>(bias);
  if (b.size() != p.bias.size()) return bad("a bias of the kernel's width", c.shape(bias).text());
  p.bias.assign(b.begin(), b.end());
  return p;
}

Result<Value> Project(LayerContext& c, Value x, const Projection& p) {
  if (const int32_t width = c.shape(x).back(); width > 0 && width != p.in)  // As Keras 3.12 packs the kernels inside of attention.
    return c.Fail(Format("a kernel for %d numbers", width), Format("one for %d", p.in),
                  "check the weights file; where model.quantize('int4') made it, convert the model as it was before");
  const Value weights = c.Constant<float>(Shape{p.out, p.in}, p.weights);
  const Value bias = c.Constant<float>(Shape{p.out}, p.bias);
  return c.Make("fully_connected", {x, weights, bias}, {{"keep_num_dims", c.rank(x) > 2}});
}

namespace {

struct Equation {
  std::string x, kernel, y;  // One letter per axis.
};

// "..." stands for the axes that the letters do not name; they get digits as letters.
bool ParseEquation(std::string text, int rank, Equation* e) {
  std::erase(text, ' ');
  const size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || comma > arrow) return false;
  e->x = text.substr(0, comma);
  e->kernel = text.substr(comma + 1, arrow - comma - 1);
  e->y = text.substr(arrow + 2);
  if (const size_t dots = e->x.find("..."); dots != std::string::npos) {
    const int rest = rank - static_cast<int>(e->x.size() - 3);
    const std::string names = std::string("0123456789").substr(0, static_cast<size_t>(std::clamp(rest, 0, 10)));
    e->x.replace(dots, 3, names);
    const size_t out = e->y.find("...");
    if (out == std::string::npos) return false;
    e->y.replace(out, 3, names);
  }
  return static_cast<int>(e->x.size()) == rank && e->x.find('.') == std::string::npos;
}

// The kernel with its axes in the order of `to`.
std::vector<float> Permuted(std::span<const float> from, const Shape& shape, const std::string& labels, const std::string& to) {
  const std::array<int64_t, kMaxRank> stride = [&] {
    std::array<int64_t, kMaxRank> s{};
    int64_t n = 1;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      s[static_cast<size_t>(i)] = n;
      n *= shape[i];
    }
    return s;
  }();
  std::vector<float> out;
  out.reserve(from.size());
  std::vector<int32_t> index(to.size(), 0);
  for (size_t n = 0; n < from.size(); ++n) {
    int64_t at = 0;
    for (size_t a = 0; a < to.size(); ++a) at += index[a] * stride[labels.find(to[a])];
    out.push_back(from[static_cast<size_t>(at)]);
    for (size_t a = to.size(); a-- > 0;) {
      if (++index[a] < shape[static_cast<int>(labels.find(to[a]))]) break;
      index[a] = 0;
    }
  }
  return out;
}

// A kernel as the equation has it. quantize() leaves some as matrices: the axes that they share with x have its sizes, the others those of the layer's output.
Result<Value> KernelOf(LayerContext& c, const Equation& e, const Shape& in) {
  OCTET_ASSIGN(const Value kernel, c.Weight(0));
  const std::vector<int64_t> out = c.Ints("output_shape", {});
  std::vector<int32_t> dims;
  for (const char l : e.kernel) {
    const size_t x = e.x.find(l), from_end = e.y.size() - std::min(e.y.find(l), e.y.size());
    const int64_t size = x != std::string::npos ? in[static_cast<int>(x)] : from_end > 0 && from_end <= out.size() ? out[out.size() - from_end] : 0;
    if (size < 1 || size > INT32_MAX) return kernel;
    dims.push_back(static_cast<int32_t>(size));
  }
  if (dims.size() > kMaxRank) return kernel;
  TensorType type = c.type(kernel);
  if (Shape(dims) == type.shape || Shape(dims).elements() != type.shape.elements()) return kernel;
  type.shape = Shape(dims);
  const std::span<const float> floats = c.data_as<float>(kernel);
  return c.Constant(type, std::as_bytes(floats));
}

// Where the kernel does not contract the last axes of x.
Status ConvertAnyEinsum(LayerContext& c, const std::string& equation, Value kernel) {
  const Value operands[] = {c.Input(0), kernel};
  OCTET_ASSIGN(Value y, Einsum(c, equation, operands));
  if (c.Has("bias_axes")) {
    OCTET_ASSIGN(const Value bias, c.Weight(1));
    OCTET_ASSIGN(y, c.Make("add", {y, bias}));
  }
  OCTET_ASSIGN(y, c.Activate(y));
  c.SetOutput(0, y);
  return {};
}

Status ConvertEinsumDense(LayerContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  if (in.rank() < 1) return c.Fail("an input with a batch", in.text(), "check the layer");
  const std::string text = c.Text("equation", "");
  Equation e;
  const bool parsed = ParseEquation(text, in.rank(), &e);
  OCTET_ASSIGN(const Value kernel, parsed ? KernelOf(c, e, in) : c.Weight(0));
  const Shape ks = c.shape(kernel);
  const bool known = parsed && static_cast<int>(e.kernel.size()) == ks.rank();
  std::string summed, kept, outs;
  for (const char l : e.x) (e.y.find(l) == std::string::npos ? summed : kept) += l;
  for (const char l : e.y)
    if (e.x.find(l) == std::string::npos) outs += l;
  std::string labels = e.kernel, wanted = outs + summed;
  std::ranges::sort(labels);
  std::ranges::sort(wanted);
  const bool open = std::ranges::count(in.dims().subspan(1), kUnknown) > 0 && (summed.size() > 1 || outs.size() > 1);
  if (!known || open || labels != wanted || summed.empty() || outs.empty() || e.x != kept + summed || e.y != kept + outs)
    return ConvertAnyEinsum(c, text, kernel);
  Projection p;
  p.in = p.out = 1;
  std::vector<int32_t> flat, shape;
  for (size_t i = 0; i < kept.size(); ++i) flat.push_back(i == 0 ? -1 : in[static_cast<int>(i)]);
  shape = flat;
  for (const char l : summed) p.in *= ks[static_cast<int>(e.kernel.find(l))];
  for (const char l : outs) {
    shape.push_back(ks[static_cast<int>(e.kernel.find(l))]);
    p.out *= shape.back();
  }
  p.weights = Permuted(c.data_as<float>(kernel), ks, e.kernel, outs + summed);
  p.bias.assign(static_cast<size_t>(p.out), 0.0f);
  Value loose;
  if (c.Has("bias_axes")) {
    OCTET_ASSIGN(const Value bias, c.Weight(1));
    const std::span<const float> b = c.data_as<float>(bias);
    if (b.size() == p.bias.size() && c.rank(bias) == static_cast<int>(outs.size())) p.bias.assign(b.begin(), b.end());
    else loose = bias;
  }
  Value y = x;
  if (summed.size() > 1) {
    flat.push_back(p.in);
    OCTET_ASSIGN(y, c.Make("reshape", {x, c.Vector(flat)}));
  }
  OCTET_ASSIGN(y, Project(c, y, p));
  if (outs.size() > 1) {
    OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector(shape)}));
  }
  if (loose) {
    OCTET_ASSIGN(y, c.Make("add", {y, loose}));
  }
  OCTET_ASSIGN(y, c.Activate(y));
  c.SetOutput(0, y);
  return {};
}

// Rows of the table; reversed, the products with all of them: logits, which a soft cap bends with tanh.
Status ConvertReversible(LayerContext& c) {
  OCTET_ASSIGN(const Value table, c.Weight(0));
  if (!c.Bool("reverse", false)) {
    OCTET_ASSIGN(const Value ids, c.Cast(c.Input(0), DType::kI32));
    OCTET_ASSIGN(const Value rows, c.Make("gather", {table, ids}, {{"axis", 0}}));
    c.SetOutput(0, rows);
    return {};
  }
  Value matrix = table;  // [ids, width], as the operator wants it.
  if (!c.Bool("tie_weights", true)) {
    OCTET_ASSIGN(matrix, c.Weight((c.num_weights() + 1) / 2));  // Behind the table, and what it stands for where that is of whole numbers.
    OCTET_ASSIGN(matrix, c.Make("transpose", {matrix, c.Vector({1, 0})}));
  }
  const std::vector<float> zeros(static_cast<size_t>(c.shape(matrix)[0]), 0.0f);
  OCTET_ASSIGN(Value y, c.Make("fully_connected", {c.Input(0), matrix, c.Constant<float>(Shape{c.shape(matrix)[0]}, zeros)},
                               {{"keep_num_dims", int64_t{c.rank(c.Input(0)) > 2}}}));
  if (c.Has("logit_soft_cap")) {
    const auto cap = static_cast<float>(c.Number("logit_soft_cap", 1));
    OCTET_ASSIGN(y, c.Make("mul", {y, c.Scalar(1 / cap)}));
    OCTET_ASSIGN(y, c.Make("tanh", {y}));
    OCTET_ASSIGN(y, c.Make("mul", {y, c.Scalar(cap)}));
  }
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {{"ReversibleEmbedding", ConvertReversible}, {"EinsumDense", ConvertEinsumDense}};

}  // namespace

const std::span<const LayerRule> kProjectionRules = kRules;

}  // namespace octet::importers::keras
