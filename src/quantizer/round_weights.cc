// SPDX-License-Identifier: Apache-2.0
#include "quantizer/round_weights.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "exporter/exporter.h"
#include "quantizer/rewrite.h"
#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kPatchesPerSample = 24;
constexpr int64_t kMostPatches = 2048, kMostColumns = 1024;  // Beyond, the cubic cost is minutes.
constexpr int64_t kMostValues = int64_t{1} << 23;            // Of float patches at once: 64 MiB.
constexpr double kDamping = 0.01;                            // Of the mean of the diagonal.

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
};

// Row-major matrices of doubles.
struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> v;
  Matrix() = default;
  Matrix(int64_t r, int64_t c) : rows(r), columns(c), v(static_cast<size_t>(r * c), 0.0) {}
  double* row(int64_t r) { return v.data() + r * columns; }
  const double* row(int64_t r) const { return v.data() + r * columns; }
};

// Lower Cholesky factor in place; false where the matrix is not positive definite.
bool Cholesky(Matrix& a) {
  for (int64_t j = 0; j < a.rows; ++j) {
    for (int64_t i = j; i < a.rows; ++i) {
      double sum = a.row(i)[j];
      for (int64_t k = 0; k < j; ++k) sum -= a.row(i)[k] * a.row(j)[k];
      if (i == j) {
        if (!(sum > 0)) return false;
        a.row(j)[j] = std::sqrt(sum);
      } else {
        a.row(i)[j] = sum / a.row(j)[j];
      }
    }
    for (int64_t k = j + 1; k < a.rows; ++k) a.row(j)[k] = 0;
  }
  return true;
}

// The inverse of a positive definite matrix from its Cholesky factor L: L^-T L^-1.
Matrix InverseFromFactor(const Matrix& l) {
  const int64_t n = l.rows;
  Matrix inverse(n, n), result(n, n);
  for (int64_t c = 0; c < n; ++c)
    for (int64_t i = c; i < n; ++i) {
      double sum = i == c ? 1.0 : 0.0;
      for (int64_t k = c; k < i; ++k) sum -= l.row(i)[k] * inverse.row(k)[c];
      inverse.row(i)[c] = sum / l.row(i)[i];
    }
  for (int64_t k = 0; k < n; ++k)
    for (int64_t i = 0; i <= k; ++i)
      for (int64_t j = 0; j <= k; ++j) result.row(i)[j] += inverse.row(k)[i] * inverse.row(k)[j];
  return result;
}

// What one layer's inputs are: patches of the float model's and of the quantized one's, mean removed.
struct Patches {
  Matrix real, quantized;
  std::vector<double> real_mean, quantized_mean;

  void Center() {
    for (auto [m, mean] : {std::pair{&real, &real_mean}, {&quantized, &quantized_mean}}) {
      mean->assign(static_cast<size_t>(m->columns), 0.0);
      for (int64_t r = 0; r < m->rows; ++r)
        for (int64_t c = 0; c < m->columns; ++c) (*mean)[static_cast<size_t>(c)] += m->row(r)[c] / static_cast<double>(m->rows);
      for (int64_t r = 0; r < m->rows; ++r)
        for (int64_t c = 0; c < m->columns; ++c) m->row(r)[c] -= (*mean)[static_cast<size_t>(c)];
    }
  }
};

class Rounder {
 public:
  Rounder(graph::Model& quantized, const graph::Model& reference, const data::Dataset& data, SampleRange fit) : model_(quantized), reference_(reference), data_(data), fit_(fit) {}

  std::vector<Layer> Layers() const {
    std::map<std::string, NodeId> by_output;
    const Graph &g = model_.main(), &f = reference_.main();
    for (NodeId id : f.order()) by_output[f.tensor(f.node(id).outputs[0]).name] = id;
    std::map<TensorId, int> uses;  // Weights that several nodes share are left alone: each use has other inputs.
    for (NodeId id : f.order())
      for (TensorId t : f.node(id).inputs)
        if (t != graph::kNoTensor) ++uses[t];
    std::vector<Layer> layers;
    for (NodeId id : g.order()) {
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
  Result<size_t> CollectReal(const std::vector<Layer>& layers, size_t first, std::vector<Matrix>* real) {
    size_t end = first;
    for (int64_t values = 0; end < layers.size() && (end == first || values < kMostValues); ++end) values += kMostPatches * Width(layers[end]);
    real->assign(end - first, Matrix());
    OCTET_TRY(Collect(reference_, std::span(layers).subspan(first, end - first), false, real));
    return end;
  }

  // False where there is nothing to solve. `real`: the layer's patches in the float model.
  Result<bool> Round(const Layer& layer, Matrix real) {
    std::vector<Matrix> quantized(1);
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
    if (g.tensor(q.inputs[static_cast<size_t>(layer->op.weights)]).type.dtype != DType::kI8 || (w.rank() != 2 && w.rank() != 4)) return false;
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
    const auto before = [](int64_t size, int64_t outputs, int64_t stride, int64_t taps) { return std::max<int64_t>(0, (outputs - 1) * stride + taps - size) / 2; };
    window->top = before(in[1], out[1], window->stride_h, (window->height - 1) * window->dilation_h + 1);
    window->left = before(in[2], out[2], window->stride_w, (window->width - 1) * window->dilation_w + 1);
  }

  static int64_t Width(const Layer& layer) { return layer.op.channelwise ? layer.columns * layer.rows : layer.columns; }

  // What the layers read in `model`, at positions that depend on the sample alone: the same in both models.
  Status Collect(const graph::Model& model, std::span<const Layer> layers, bool quantized, std::vector<Matrix>* patches) {
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

  static void AddPatch(const Layer& layer, const std::vector<float>& x, const Shape& shape, uint32_t where, Matrix* m) {
    const Window& w = layer.window;
    const int64_t channels = layer.weights.back();
    ++m->rows;
    if (layer.weights.rank() == 2) {
      const int64_t rows = static_cast<int64_t>(x.size()) / channels, row = where % rows;
      m->v.insert(m->v.end(), x.begin() + row * channels, x.begin() + (row + 1) * channels);
      return;
    }
    // Any window position will do; edges come in with their share of positions.
    const int64_t down = std::max<int64_t>(1, (shape[1] + w.stride_h - 1) / w.stride_h), across = std::max<int64_t>(1, (shape[2] + w.stride_w - 1) / w.stride_w);
    const int64_t y0 = static_cast<int64_t>(where >> 16) % down * w.stride_h - w.top, x0 = static_cast<int64_t>(where & 0xffff) % across * w.stride_w - w.left;
    for (int64_t r = 0; r < w.height; ++r)
      for (int64_t c = 0; c < w.width; ++c) {
        const int64_t y = y0 + r * w.dilation_h, xx = x0 + c * w.dilation_w;
        const bool inside = y >= 0 && y < shape[1] && xx >= 0 && xx < shape[2];
        for (int64_t k = 0; k < channels; ++k) m->v.push_back(inside ? static_cast<double>(x[static_cast<size_t>((y * shape[2] + xx) * channels + k)]) : 0.0);
      }
  }

  // Of a depthwise layer: the taps of one channel.
  static Patches Channel(const Layer& layer, const Patches& all, int64_t channel) {
    Patches own;
    own.real = Matrix(all.real.rows, layer.columns);
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
    return {t.data<int8_t>().begin(), t.data<int8_t>().end()};
  }

  double Scale(const Layer& layer, int64_t o) const {
    const Quant& q = model_.main().tensor(model_.main().node(layer.node).inputs[static_cast<size_t>(layer.op.weights)]).type.quant;
    return static_cast<double>(q.scale[q.scale.size() > 1 ? static_cast<size_t>(o) : 0]);
  }

  // Rows [first, last) of the weights: all of them, or the one of a depthwise channel.
  bool Solve(const Layer& layer, const Patches& p, int64_t group, std::vector<int8_t>& q, std::vector<double>& shift) const {
    const int64_t n = layer.columns;
    Matrix h = Product(p.quantized, p.quantized), cross = Product(p.real, p.quantized);
    double mean = 0;
    for (int64_t i = 0; i < n; ++i) mean += h.row(i)[i] / static_cast<double>(n);
    const double damping = std::max(kDamping * mean, 1e-12);
    for (int64_t i = 0; i < n; ++i) {
      h.row(i)[i] += damping;
      cross.row(i)[i] += damping;
    }
    if (!Cholesky(h)) return false;
    const Matrix inverse = InverseFromFactor(h);
    Matrix factor = inverse;
    if (!Cholesky(factor)) return false;  // Lower; its transpose is the upper factor of the text.
    const std::span<const float> w = reference_.main().tensor(layer.float_weights).data<float>();
    const int64_t first = layer.op.channelwise ? group : 0, last = layer.op.channelwise ? group + 1 : layer.rows;
    std::vector<double> target(static_cast<size_t>(n)), wanted(static_cast<size_t>(n));
    for (int64_t o = first; o < last; ++o) {
      Refit(layer, w, o, cross, inverse, target);
      std::vector<int8_t> rounded(static_cast<size_t>(n));
      const double scale = Scale(layer, o);
      for (int64_t i = 0; i < n; ++i) {
        const double d = factor.row(i)[i];
        const double step = std::clamp(std::round(target[static_cast<size_t>(i)] / scale), -127.0, 127.0);
        rounded[static_cast<size_t>(i)] = static_cast<int8_t>(step);
        const double error = (target[static_cast<size_t>(i)] - step * scale) / d;
        for (int64_t j = i + 1; j < n; ++j) target[static_cast<size_t>(j)] -= error * factor.row(j)[i];
      }
      if (Error2(layer, w, o, p, scale, [&](int64_t k) { return rounded[static_cast<size_t>(k)]; }) < Error2(layer, w, o, p, scale, [&](int64_t k) { return q[At(layer, o, k)]; }))
        for (int64_t k = 0; k < n; ++k) q[At(layer, o, k)] = rounded[static_cast<size_t>(k)];
      for (int64_t k = 0; k < n; ++k)
        shift[static_cast<size_t>(o)] += static_cast<double>(w[At(layer, o, k)]) * p.real_mean[static_cast<size_t>(k)] - scale * q[At(layer, o, k)] * p.quantized_mean[static_cast<size_t>(k)];
    }
    return true;
  }

  // Aᵀ B.
  static Matrix Product(const Matrix& a, const Matrix& b) {
    Matrix m(a.columns, b.columns);
    for (int64_t r = 0; r < a.rows; ++r)
      for (int64_t i = 0; i < a.columns; ++i) {
        const double x = a.row(r)[i];
        if (x == 0) continue;
        for (int64_t j = 0; j < b.columns; ++j) m.row(i)[j] += x * b.row(r)[j];
      }
    return m;
  }

  // w * (Aᵀ Q + dI) * H^-1: the weights that fit float's output best on the quantized inputs.
  static void Refit(const Layer& layer, std::span<const float> w, int64_t o, const Matrix& cross, const Matrix& inverse, std::vector<double>& out) {
    const int64_t n = layer.columns;
    std::vector<double> left(static_cast<size_t>(n), 0.0);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) left[static_cast<size_t>(j)] += static_cast<double>(w[At(layer, o, i)]) * cross.row(i)[j];
    std::ranges::fill(out, 0.0);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) out[static_cast<size_t>(j)] += left[static_cast<size_t>(i)] * inverse.row(i)[j];
  }

  template <class Q> static double Error2(const Layer& layer, std::span<const float> w, int64_t o, const Patches& p, double scale, const Q& q) {
    double sum = 0;
    for (int64_t r = 0; r < p.real.rows; ++r) {
      double want = 0, got = 0;
      for (int64_t k = 0; k < layer.columns; ++k) {
        want += static_cast<double>(w[At(layer, o, k)]) * p.real.row(r)[k];
        got += scale * q(k) * p.quantized.row(r)[k];
      }
      sum += (want - got) * (want - got);
    }
    return sum;
  }

  void Store(const Layer& layer, const std::vector<int8_t>& q, const std::vector<double>& shift) {
    Graph& g = model_.main();
    const TensorId old = g.node(layer.node).inputs[static_cast<size_t>(layer.op.weights)], old_bias = g.node(layer.node).inputs[static_cast<size_t>(layer.op.bias)];
    g.SetInput(layer.node, layer.op.weights, g.AddConstant(g.tensor(old).name, g.tensor(old).type, graph::MakeBuffer(std::as_bytes(std::span(q)))));
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
};

}  // namespace

Result<RoundingResult> RoundWeights(graph::Model& quantized, const graph::Model& reference, const data::Dataset& data, SampleRange fit, const OutputError& judge,
                                    const Progress& progress) {
  RoundingResult result;
  OCTET_ASSIGN(result.after, judge.Measure(quantized));
  Rounder rounder(quantized, reference, data, fit);
  const std::vector<Layer> layers = rounder.Layers();
  for (size_t first = 0; first < layers.size();) {
    std::vector<Matrix> real;
    OCTET_ASSIGN(const size_t end, rounder.CollectReal(layers, first, &real));
    for (size_t k = first; k < end; ++k) {
      if (progress) progress("rounding", result.layers, static_cast<int64_t>(layers.size()));
      graph::Model trial = quantized;
      OCTET_ASSIGN(const bool solved, Rounder(trial, reference, data, fit).Round(layers[k], std::move(real[k - first])));
      ++result.layers;
      if (!solved) continue;
      OCTET_ASSIGN(const OutputDistance distance, judge.Measure(trial));
      if (distance.sqnr_db <= result.after.sqnr_db) continue;
      result.after = distance;
      ++result.kept;
      quantized = std::move(trial);
    }
    first = end;
  }
  return result;
}

}  // namespace octet::quantizer
