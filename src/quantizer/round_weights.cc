// SPDX-License-Identifier: Apache-2.0
#include "quantizer/round_weights.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "exporter/exporter.h"
#include "graph/nibbles.h"
#include "kernels/kernels.h"
#include "kernels/products_f32.h"
#include "quantizer/rewrite.h"
#include "quantizer/roles.h"
#include "quantizer/weight_scales.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kPatchesPerSample = 24;
constexpr int64_t kMostPatches = 2048, kMostColumns = 1024;  // Beyond, the cubic cost is minutes.
constexpr int64_t kMostValues = int64_t{1} << 23;            // Of float patches at once: 64 MiB.

// Where a convolution reads: its window over the input, or one row of a dense layer.
struct Window {
  int64_t height = 1, width = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, top = 0, left = 0;
};

template <class T> T AttributeOf(const graph::Node& n, std::string_view name, T otherwise) {
  for (const ops::AttrRow& row : n.op->attrs.rows)
    if (row.name == name && row.kind == ops::KindOf<T>()) return *static_cast<const T*>(row.at(const_cast<void*>(n.attrs.get())));
  return otherwise;
}

struct Layer {
  NodeId node = -1;              // In the quantized graph.
  WeightedOp op;
  TensorId float_weights = -1, float_bias = -1;
  std::string input, quantized_input;  // Tensor names in the two models.
  Shape weights;
  Window window;
  int64_t columns = 0, rows = 0;  // Of the weight matrix: what one output reads, outputs.
  double steps = 127;             // Largest weight; 7 at four bits.
};

// Row-major: doubles where equations are solved, floats where the large products are taken.
template <class T> struct MatrixOf {
  int64_t rows = 0, columns = 0;
  std::vector<T> v;
  MatrixOf() = default;
  MatrixOf(int64_t r, int64_t c) : rows(r), columns(c), v(static_cast<size_t>(r * c), T(0)) {}
  T* row(int64_t r) { return v.data() + r * columns; }
  const T* row(int64_t r) const { return v.data() + r * columns; }
};
using Matrix = MatrixOf<double>;
using Samples = MatrixOf<float>;

double Dot(const double* a, const double* b, int64_t n) {
  constexpr int kSums = 4;
  double sum[kSums] = {}, rest = 0;
  int64_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int k = 0; k < kSums; ++k) sum[k] += a[i + k] * b[i + k];
  for (; i < n; ++i) rest += a[i] * b[i];
  return sum[0] + sum[1] + sum[2] + sum[3] + rest;
}

// Lower Cholesky factor in place; false where the matrix is not positive definite.
bool Cholesky(Matrix& a) {
  for (int64_t j = 0; j < a.rows; ++j) {
    for (int64_t i = j; i < a.rows; ++i) {
      const double rest = a.row(i)[j] - Dot(a.row(i), a.row(j), j);
      if (i == j) {
        if (!(rest > 0)) return false;
        a.row(j)[j] = std::sqrt(rest);
      } else {
        a.row(i)[j] = rest / a.row(j)[j];
      }
    }
    for (int64_t k = j + 1; k < a.rows; ++k) a.row(j)[k] = 0;
  }
  return true;
}

// The inverse of a positive definite matrix from its Cholesky factor L: L^-T L^-1.
Matrix InverseFromFactor(const Matrix& l) {
  const int64_t n = l.rows;
  Matrix inverse(n, n), result(n, n);  // Of L: rows are its columns, so that all sums run along rows.
  for (int64_t c = 0; c < n; ++c)
    for (int64_t i = c; i < n; ++i)
      inverse.row(c)[i] = ((i == c ? 1.0 : 0.0) - Dot(l.row(i) + c, inverse.row(c) + c, i - c)) / l.row(i)[i];
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) result.row(i)[j] = result.row(j)[i] = Dot(inverse.row(i) + i, inverse.row(j) + i, n - i);
  return result;
}

template <class T> MatrixOf<T> Transposed(const MatrixOf<T>& m) {
  MatrixOf<T> t(m.columns, m.rows);
  for (int64_t r = 0; r < m.rows; ++r)
    for (int64_t c = 0; c < m.columns; ++c) t.row(c)[r] = m.row(r)[c];
  return t;
}

// a b in doubles; several rows at a time read b once.
Matrix Product(const Matrix& a, const Matrix& b) {
  constexpr int64_t kRows = 4;
  Matrix m(a.rows, b.columns);
  for (int64_t first = 0; first < a.rows; first += kRows)
    for (int64_t k = 0; k < b.rows; ++k)
      for (int64_t r = first; r < std::min(a.rows, first + kRows); ++r) {
        const double x = a.row(r)[k], *from = b.row(k);
        double* to = m.row(r);
        for (int64_t c = 0; c < b.columns; ++c) to[c] += x * from[c];
      }
  return m;
}

// A matrix as the kernels want the right side of a product.
struct Panels {
  int64_t depth = 0, columns = 0;
  std::vector<float> w, zeros;
  explicit Panels(const Samples& b) : depth(b.rows), columns(b.columns) {
    const int64_t padded = kernels::RoundUp(columns, kernels::kPanel);
    w.assign(static_cast<size_t>(padded * depth), 0.0f);
    zeros.assign(static_cast<size_t>(padded), 0.0f);
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t c = 0; c < columns; ++c) w[static_cast<size_t>((c / kernels::kPanel * depth + k) * kernels::kPanel + c % kernels::kPanel)] = b.row(k)[c];
  }
};

// a b in floats.
Samples Product(const Samples& a, const Panels& b) {
  Samples m(a.rows, b.columns);
  kernels::ProductF32 p;
  p.a = a.v.data();
  p.lda = a.columns;
  p.rows = a.rows;
  p.w = b.w.data();
  p.depth = b.depth;
  p.columns = b.columns;
  p.bias = b.zeros.data();
  p.low = -INFINITY;
  p.high = INFINITY;
  p.y = m.v.data();
  p.ldy = m.columns;
  kernels::FloatProducts().product(p);
  return m;
}

// What one layer's inputs are: patches of the float model's and of the quantized one's, mean removed.
struct Patches {
  Samples real, quantized;
  std::vector<double> real_mean, quantized_mean;

  void Center() {
    for (auto [m, mean] : {std::pair{&real, &real_mean}, {&quantized, &quantized_mean}}) {
      mean->assign(static_cast<size_t>(m->columns), 0.0);
      for (int64_t r = 0; r < m->rows; ++r)
        for (int64_t c = 0; c < m->columns; ++c) (*mean)[static_cast<size_t>(c)] += static_cast<double>(m->row(r)[c]);
      for (double& sum : *mean) sum /= static_cast<double>(m->rows);
      for (int64_t r = 0; r < m->rows; ++r)
        for (int64_t c = 0; c < m->columns; ++c) m->row(r)[c] -= static_cast<float>((*mean)[static_cast<size_t>(c)]);
    }
  }
};

class Rounder {
 public:
  Rounder(graph::Model& quantized, const graph::Model& reference, const data::Dataset& data, SampleRange fit, double damping)
      : model_(quantized), reference_(reference), data_(data), fit_(fit), damping_(damping) {}

  std::vector<Layer> Layers() const {
    std::map<std::string, NodeId> by_output;
    const Graph &g = model_.main(), &f = reference_.main();
    for (NodeId id : f.order())
      if (!f.node(id).outputs.empty()) by_output[f.tensor(f.node(id).outputs[0]).name] = id;  // What writes a variable makes nothing.
    std::map<TensorId, int> uses;  // Weights that several nodes share are left alone: each use has other inputs.
    for (NodeId id : f.order())
      for (TensorId t : f.node(id).inputs)
        if (t != graph::kNoTensor) ++uses[t];
    std::vector<Layer> layers;
    for (NodeId id : g.order()) {
      if (g.node(id).outputs.empty()) continue;
      std::string name = g.tensor(g.node(id).outputs[0]).name;
      if (name.ends_with(kInt8Suffix)) name.resize(name.size() - kInt8Suffix.size());
      const auto it = by_output.find(name);
      Layer layer;
      if (it == by_output.end() || f.node(it->second).op != g.node(id).op || !FindWeights(f, it->second, &layer.op)) continue;
      layer.node = id;
      if (Describe(it->second, &layer) && uses[layer.float_weights] == 1) layers.push_back(layer);
    }
    return layers;
  }

  // The float model's patches for layers [first, end): one pass over the samples serves them all. Returns the end,
  // which comes early where memory would be large.
  Result<size_t> CollectReal(const std::vector<Layer>& layers, size_t first, std::vector<Samples>* real) {
    size_t end = first;
    for (int64_t values = 0; end < layers.size() && (end == first || values < kMostValues); ++end) values += kMostPatches * Width(layers[end]);
    real->assign(end - first, Samples());
    OCTET_TRY(Collect(reference_, std::span(layers).subspan(first, end - first), false, real));
    return end;
  }

  // False where there is nothing to solve. `real`: the layer's patches in the float model.
  Result<bool> Round(const Layer& layer, Samples real) {
    std::vector<Samples> quantized(1);
    OCTET_TRY(Collect(model_, std::span(&layer, 1), true, &quantized));
    if (real.rows < 2 || quantized[0].rows != real.rows) return false;
    Patches patches{std::move(real), std::move(quantized[0]), {}, {}};
    const int64_t groups = layer.op.channelwise ? layer.rows : 1;
    std::vector<int8_t> q = Old(layer);
    std::vector<double> shift(static_cast<size_t>(layer.rows), 0.0);
    for (int64_t k = 0; k < groups; ++k) {
      Patches own = layer.op.channelwise ? Channel(layer, patches, k) : std::move(patches);
      own.Center();
      if (!Solve(layer, own, k, q, shift)) return false;
    }
    Store(layer, q, shift);
    return true;
  }

 private:
  bool Describe(NodeId id, Layer* layer) const {
    const Graph &g = model_.main(), &f = reference_.main();
    const graph::Node &n = f.node(id), &q = g.node(layer->node);
    layer->float_weights = n.inputs[static_cast<size_t>(layer->op.weights)];
    if (layer->op.data != 0 || layer->op.bias < 0 || n.inputs[static_cast<size_t>(layer->op.bias)] == graph::kNoTensor) return false;
    layer->float_bias = n.inputs[static_cast<size_t>(layer->op.bias)];
    layer->input = f.tensor(n.inputs[0]).name;
    layer->quantized_input = g.tensor(q.inputs[0]).name;
    layer->weights = f.tensor(layer->float_weights).type.shape;
    const Shape& w = layer->weights;
    const DType stored = g.tensor(q.inputs[static_cast<size_t>(layer->op.weights)]).type.dtype;
    if (g.tensor(q.inputs[static_cast<size_t>(layer->op.bias)]).type.dtype != DType::kI32) return false;  // 16x8: fine enough as it is.
    if ((stored != DType::kI8 && stored != DType::kI4) || (w.rank() != 2 && w.rank() != 4)) return false;
    if (stored == DType::kI4) layer->steps = static_cast<double>(kInt4Steps);
    layer->rows = w[layer->op.output_axis];
    layer->columns = w.elements() / layer->rows;
    if (w.rank() == 4) {
      const Shape& in = f.tensor(n.inputs[0]).type.shape;
      if (in.rank() != 4 || (!layer->op.channelwise && w.back() != in.back()) || (layer->op.channelwise && w.back() != in.back())) return false;
      SetWindow(n, in, f.tensor(n.outputs[0]).type.shape, w, &layer->window);
    }
    return layer->columns <= kMostColumns;
  }

  static void SetWindow(const graph::Node& n, const Shape& in, const Shape& out, const Shape& w, Window* window) {
    *window = {w[1], w[2], AttributeOf<int32_t>(n, "stride_h", 1), AttributeOf<int32_t>(n, "stride_w", 1), AttributeOf<int32_t>(n, "dilation_h_factor", 1),
               AttributeOf<int32_t>(n, "dilation_w_factor", 1), 0, 0};
    if (AttributeOf<ops::Padding>(n, "padding", ops::Padding::kValid) != ops::Padding::kSame) return;
    const auto before = [](int64_t size, int64_t outputs, int64_t stride, int64_t taps) {
      return std::max<int64_t>(0, (outputs - 1) * stride + taps - size) / 2;
    };
    window->top = before(in[1], out[1], window->stride_h, (window->height - 1) * window->dilation_h + 1);
    window->left = before(in[2], out[2], window->stride_w, (window->width - 1) * window->dilation_w + 1);
  }

  static int64_t Width(const Layer& layer) { return layer.op.channelwise ? layer.columns * layer.rows : layer.columns; }

  // What the layers read in `model`, at positions that depend on the sample alone: the same in both models.
  Status Collect(const graph::Model& model, std::span<const Layer> layers, bool quantized, std::vector<Samples>* patches) {
    OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(model));
    OCTET_ASSIGN(const auto file, runtime::Model::FromBytes(bytes));
    OCTET_ASSIGN(const auto session, Session::FromModel(file, {.keep_all_tensors = true}));
    OCTET_TRY(session->Check(data_));
    std::vector<int> at;
    for (size_t k = 0; k < layers.size(); ++k) {
      at.push_back(TensorNamed(session->interpreter(), quantized ? layers[k].quantized_input : layers[k].input));
      (*patches)[k].columns = Width(layers[k]);
    }
    const int64_t each = std::clamp<int64_t>(kMostPatches / std::max<int64_t>(1, fit_.count()), 1, kPatchesPerSample);
    for (int64_t i = fit_.first, rows = 0; i < fit_.end && rows < kMostPatches; i += fit_.step, rows += each) {
      OCTET_TRY(session->Run(data_, i));
      for (size_t k = 0; k < layers.size(); ++k) {
        if (at[k] < 0) continue;
        const runtime::TensorRef t = session->interpreter().tensor(at[k]);
        const std::vector<float> values = RealValues(t);
        std::mt19937 random(static_cast<uint32_t>(i + 1));
        for (int64_t n = 0; n < each; ++n) AddPatch(layers[k], values, t.type->shape, random(), &(*patches)[k]);
      }
    }
    return {};
  }

  static int TensorNamed(const runtime::Interpreter& interpreter, const std::string& name) {
    for (int i = 0; i < interpreter.num_tensors(); ++i)
      if (interpreter.tensor(i).name == name && interpreter.tensor(i).data) return i;
    return -1;
  }

  static void AddPatch(const Layer& layer, const std::vector<float>& x, const Shape& shape, uint32_t where, Samples* m) {
    const Window& w = layer.window;
    const int64_t channels = layer.weights.back();
    ++m->rows;
    if (layer.weights.rank() == 2) {
      const int64_t rows = static_cast<int64_t>(x.size()) / channels, row = where % rows;
      m->v.insert(m->v.end(), x.begin() + row * channels, x.begin() + (row + 1) * channels);
      return;
    }
    // Any window position will do; edges come in with their share of positions.
    const int64_t down = std::max<int64_t>(1, (shape[1] + w.stride_h - 1) / w.stride_h),
                  across = std::max<int64_t>(1, (shape[2] + w.stride_w - 1) / w.stride_w);
    const int64_t y0 = static_cast<int64_t>(where >> 16) % down * w.stride_h - w.top, x0 = static_cast<int64_t>(where & 0xffff) % across * w.stride_w - w.left;
    for (int64_t r = 0; r < w.height; ++r)
      for (int64_t c = 0; c < w.width; ++c) {
        const int64_t y = y0 + r * w.dilation_h, xx = x0 + c * w.dilation_w;
        const bool inside = y >= 0 && y < shape[1] && xx >= 0 && xx < shape[2];
        for (int64_t k = 0; k < channels; ++k) m->v.push_back(inside ? x[static_cast<size_t>((y * shape[2] + xx) * channels + k)] : 0.0f);
      }
  }

  // Of a depthwise layer: the taps of one channel.
  static Patches Channel(const Layer& layer, const Patches& all, int64_t channel) {
    Patches own;
    own.real = Samples(all.real.rows, layer.columns);
    own.quantized = own.real;
    for (int64_t r = 0; r < all.real.rows; ++r)
      for (int64_t k = 0; k < layer.columns; ++k) {
        own.real.row(r)[k] = all.real.row(r)[k * layer.rows + channel];
        own.quantized.row(r)[k] = all.quantized.row(r)[k * layer.rows + channel];
      }
    return own;
  }

  // Element k of output o in the weight tensor.
  static size_t At(const Layer& layer, int64_t o, int64_t k) { return static_cast<size_t>(layer.op.channelwise ? k * layer.rows + o : o * layer.columns + k); }

  std::vector<int8_t> Old(const Layer& layer) const {
    const graph::Tensor& t = model_.main().tensor(model_.main().node(layer.node).inputs[static_cast<size_t>(layer.op.weights)]);
    if (t.type.dtype == DType::kI4) return graph::Unpack4(t.data<int8_t>(), layer.weights.elements());
    return {t.data<int8_t>().begin(), t.data<int8_t>().end()};
  }

  double Scale(const Layer& layer, int64_t o) const {
    const Quant& q = model_.main().tensor(model_.main().node(layer.node).inputs[static_cast<size_t>(layer.op.weights)]).type.quant;
    return static_cast<double>(q.scale[q.scale.size() > 1 ? static_cast<size_t>(o) : 0]);
  }

  // Rows [first, last) of the weights: all of them, or the one of a depthwise channel.
  bool Solve(const Layer& layer, const Patches& p, int64_t group, std::vector<int8_t>& q, std::vector<double>& shift) const {
    const int64_t n = layer.columns;
    const Panels quantized(p.quantized);
    Matrix h = Widened(Product(Transposed(p.quantized), quantized)), cross = Widened(Product(Transposed(p.real), quantized));
    double mean = 0;
    for (int64_t i = 0; i < n; ++i) mean += h.row(i)[i] / static_cast<double>(n);
    const double damping = std::max(damping_ * mean, 1e-12);
    for (int64_t i = 0; i < n; ++i) {
      h.row(i)[i] += damping;
      cross.row(i)[i] += damping;
    }
    if (!Cholesky(h)) return false;
    const Matrix inverse = InverseFromFactor(h);
    Matrix factor = inverse;
    if (!Cholesky(factor)) return false;
    factor = Transposed(factor);
    const int64_t first = layer.op.channelwise ? group : 0, last = layer.op.channelwise ? group + 1 : layer.rows;
    const Samples weights = Weights(layer, first, last);
    // w (Aᵀ Q + dI) H^-1: the weights that fit float's output best on the quantized inputs.
    Matrix target = Product(Product(Widened(weights), cross), inverse);
    Samples rounded(last - first, n), old(last - first, n);
    for (int64_t o = 0; o < rounded.rows; ++o) {
      RoundColumns(layer, Scale(layer, first + o), factor, target.row(o), rounded.row(o));
      for (int64_t k = 0; k < n; ++k) old.row(o)[k] = static_cast<float>(Scale(layer, first + o)) * static_cast<float>(q[At(layer, first + o, k)]);
    }
    const Samples wanted = Product(p.real, Panels(Transposed(weights)));
    const std::vector<double> error = SquaredErrors(wanted, Product(p.quantized, Panels(Transposed(rounded)))),
                              before = SquaredErrors(wanted, Product(p.quantized, Panels(Transposed(old))));
    for (int64_t o = first; o < last; ++o) {
      const double scale = Scale(layer, o);
      if (error[static_cast<size_t>(o - first)] < before[static_cast<size_t>(o - first)])
        for (int64_t k = 0; k < n; ++k) q[At(layer, o, k)] = static_cast<int8_t>(std::lround(static_cast<double>(rounded.row(o - first)[k]) / scale));
      for (int64_t k = 0; k < n; ++k)
        shift[static_cast<size_t>(o)] += static_cast<double>(weights.row(o - first)[k]) * p.real_mean[static_cast<size_t>(k)] -
                                         scale * q[At(layer, o, k)] * p.quantized_mean[static_cast<size_t>(k)];
    }
    return true;
  }

  // Column by column; what rounding one takes away is made up for by those behind it. `factor`: the upper one.
  static void RoundColumns(const Layer& layer, double scale, const Matrix& factor, double* target, float* rounded) {
    for (int64_t i = 0; i < layer.columns; ++i) {
      const double *u = factor.row(i), step = std::clamp(std::round(target[i] / scale), -layer.steps, layer.steps), error = (target[i] - step * scale) / u[i];
      rounded[i] = static_cast<float>(step * scale);
      for (int64_t j = i + 1; j < layer.columns; ++j) target[j] -= error * u[j];
    }
  }

  Samples Weights(const Layer& layer, int64_t first, int64_t last) const {
    const std::span<const float> w = reference_.main().tensor(layer.float_weights).data<float>();
    Samples m(last - first, layer.columns);
    for (int64_t o = first; o < last; ++o)
      for (int64_t k = 0; k < layer.columns; ++k) m.row(o - first)[k] = w[At(layer, o, k)];
    return m;
  }

  static Matrix Widened(const Samples& m) {
    Matrix wide(m.rows, m.columns);
    std::ranges::copy(m.v, wide.v.begin());
    return wide;
  }

  // By column.
  static std::vector<double> SquaredErrors(const Samples& wanted, const Samples& found) {
    std::vector<double> sum(static_cast<size_t>(wanted.columns), 0.0);
    for (int64_t r = 0; r < wanted.rows; ++r)
      for (int64_t c = 0; c < wanted.columns; ++c) {
        const double d = static_cast<double>(wanted.row(r)[c] - found.row(r)[c]);
        sum[static_cast<size_t>(c)] += d * d;
      }
    return sum;
  }

  void Store(const Layer& layer, const std::vector<int8_t>& q, const std::vector<double>& shift) {
    Graph& g = model_.main();
    const TensorId old = g.node(layer.node).inputs[static_cast<size_t>(layer.op.weights)],
                   old_bias = g.node(layer.node).inputs[static_cast<size_t>(layer.op.bias)];
    const std::vector<int8_t> stored = g.tensor(old).type.dtype == DType::kI4 ? graph::Pack4(q) : q;
    g.SetInput(layer.node, layer.op.weights, g.AddConstant(g.tensor(old).name, g.tensor(old).type, graph::MakeBuffer(std::as_bytes(std::span(stored)))));
    const std::span<const float> b = reference_.main().tensor(layer.float_bias).data<float>();
    const TensorType type = g.tensor(old_bias).type;
    std::vector<int32_t> bias(b.size());
    for (size_t o = 0; o < b.size(); ++o) {
      const auto scale = static_cast<double>(type.quant.scale[type.quant.scale.size() > 1 ? o : 0]);
      bias[o] = static_cast<int32_t>(std::clamp(std::round((static_cast<double>(b[o]) + shift[o]) / scale), -1073741823.0, 1073741823.0));
    }
    g.SetInput(layer.node, layer.op.bias, g.AddConstant(g.tensor(old_bias).name, type, graph::MakeBuffer(std::as_bytes(std::span(bias)))));
  }

  graph::Model& model_;
  const graph::Model& reference_;
  const data::Dataset& data_;
  SampleRange fit_;
  double damping_;
};

}  // namespace

namespace {

// One pass through all layers; returns how many were kept.
Result<int> RoundOnce(graph::Model& quantized, const graph::Model& reference, const data::Dataset& data, SampleRange fit, const OutputError& judge,
                      double damping, const Progress& progress, RoundingResult* result) {
  Rounder rounder(quantized, reference, data, fit, damping);
  const std::vector<Layer> layers = rounder.Layers();
  result->layers = static_cast<int>(layers.size());
  int kept = 0;
  for (size_t first = 0; first < layers.size();) {
    std::vector<Samples> real;
    OCTET_ASSIGN(const size_t end, rounder.CollectReal(layers, first, &real));
    for (size_t k = first; k < end; ++k) {
      if (progress) progress("rounding", static_cast<int64_t>(k), static_cast<int64_t>(layers.size()));
      graph::Model trial = quantized;
      OCTET_ASSIGN(const bool solved, Rounder(trial, reference, data, fit, damping).Round(layers[k], std::move(real[k - first])));
      if (!solved) continue;
      OCTET_ASSIGN(const OutputDistance distance, judge.Measure(trial));
      if (distance.sqnr_db <= result->after.sqnr_db) continue;
      result->after = distance;
      result->changed.insert(layers[k].node);
      ++kept;
      quantized = std::move(trial);
    }
    first = end;
  }
  return kept;
}

}  // namespace

Result<RoundingResult> RoundWeights(graph::Model& quantized, const graph::Model& reference, const data::Dataset& data, SampleRange fit,
                                    const OutputError& judge, std::span<const double> passes, const Progress& progress) {
  RoundingResult result;
  OCTET_ASSIGN(result.after, judge.Measure(quantized));
  for (double damping : passes) {
    OCTET_ASSIGN(const int kept, RoundOnce(quantized, reference, data, fit, judge, damping, progress, &result));
    if (kept == 0) break;
  }
  return result;
}

}  // namespace octet::quantizer
