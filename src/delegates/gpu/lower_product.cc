// SPDX-License-Identifier: Apache-2.0
// Convolutions, fully connected layers and products of matrices: one kernel.
#include <cmath>
#include <cstring>

#include "delegates/gpu/kernels.h"
#include "delegates/gpu/lower.h"
#include "ops/conv_util.h"
#include "ops/weights_util.h"

namespace octet::gpu {
namespace {

using ops::ConvGeometry;

enum class Output : uint8_t { kFloat, kDouble, kF64, kHybrid };

struct Product {
  ConvGeometry g;
  int32_t group_in = 0, group_out = 0;  // Channels.
  bool depthwise = false, transposed = false;
  ValueId x = -1, weights = -1, constants = -1, out = -1, matrices = -1;
  Output output = Output::kFloat;
  ops::ClampF32 clamp;
  int32_t x_zero = 0, w_zero = 0, out_zero = 0;
  ops::Clamp32 integer_clamp;
  bool wide_weights = false;  // Computed weights with a zero point, or uint8 ones.
  bool asymmetric = false;    // Hybrid.
  bool row_per_image = false; // Hybrid: what is quantized at once: an image, else a pixel.
};

bool IsInteger(DType t) { return t == DType::kI8 || t == DType::kU8; }

// Weights as 8-bit integers, one to a byte.
std::vector<int8_t> BytesOfWeights(const TensorType& type, const std::byte* data) {
  std::vector<int8_t> bytes(static_cast<size_t>(type.shape.elements()));
  ops::UnpackBits(data, BitsOf(type.dtype), type.shape.elements(), bytes.data());
  return bytes;
}

// [row][quad of outputs][4]: at(row, output) gives the index in `w`, or -1 for what is only there to fill quads.
template <class At> ValueId Arrange(Builder& b, const TensorType& type, const std::byte* data, int64_t rows, int32_t outputs, int32_t fill, const At& at) {
  const int64_t pitch = 4 * Quads(outputs), count = rows * pitch;
  const auto each = [rows, outputs, pitch, at](const auto* from, auto* to, auto filler) {
    for (int64_t r = 0; r < rows; ++r)
      for (int32_t o = 0; o < pitch; ++o) {
        const int64_t i = o < outputs ? at(r, o) : -1;
        to[r * pitch + o] = i < 0 ? filler : from[i];
      }
  };
  if (type.dtype == DType::kF32) return b.Floats(count, [each, data](float* to) { each(reinterpret_cast<const float*>(data), to, 0.0f); });
  const Kind kind = type.dtype == DType::kU8 ? Kind::kU8 : Kind::kI8;
  return b.Constant(kind, count, [each, type, data, fill](std::byte* to) {
    const std::vector<int8_t> bytes =
        type.dtype == DType::kU8 ? std::vector<int8_t>(reinterpret_cast<const int8_t*>(data), reinterpret_cast<const int8_t*>(data) + type.shape.elements())
                                 : BytesOfWeights(type, data);
    each(bytes.data(), reinterpret_cast<int8_t*>(to), static_cast<int8_t>(fill));
  });
}

// Constants per output quad: `lists` lists of one number per output, side by side.
ValueId Interleave(Builder& b, Kind kind, std::vector<std::vector<int32_t>> lists, int32_t outputs) {
  const auto quads = static_cast<size_t>(Quads(outputs));
  const auto n = lists.size();
  return b.Constant(kind, static_cast<int64_t>(quads * n * 4), [=, lists = std::move(lists)](std::byte* to) {
    auto* all = reinterpret_cast<int32_t*>(to);
    for (size_t q = 0; q < quads; ++q)
      for (size_t k = 0; k < n; ++k)
        for (size_t j = 0; j < 4; ++j) {
          const size_t o = 4 * q + j;
          *all++ = o < static_cast<size_t>(outputs) ? lists[k][o] : 0;
        }
  });
}

std::vector<int32_t> BiasOf(const Node& node, int operand, int32_t outputs) {
  std::vector<int32_t> bias(static_cast<size_t>(outputs));  // Floats by their bits.
  if (node.in(operand) >= 0) std::memcpy(bias.data(), node.constant(operand), bias.size() * sizeof(int32_t));
  return bias;
}

void SetRounding(Product* p, Builder& b, const std::vector<int32_t>& bias, std::span<const ops::Multiplier> multipliers) {
  std::vector<int32_t> mantissa, shift;
  for (const ops::Multiplier& m : multipliers) mantissa.push_back(m.mantissa), shift.push_back(m.shift);
  p->output = Output::kDouble;
  p->constants = Interleave(b, Kind::kI32, {bias, mantissa, shift}, p->g.out_c);
}

// A double is a mantissa of 53 bits and an exponent.
void SetDoubles(Product* p, Builder& b, const std::vector<int32_t>& bias, std::span<const double> scales) {
  std::vector<int32_t> high, low, exponent;
  for (const double s : scales) {
    int e = 0;
    const double fraction = std::isfinite(s) ? std::frexp(s, &e) : 0.0;
    const auto m = static_cast<uint64_t>(std::ldexp(fraction, 53));
    high.push_back(static_cast<int32_t>(m >> 32));
    low.push_back(static_cast<int32_t>(static_cast<uint32_t>(m)));
    exponent.push_back(std::max(53 - e, 1));
  }
  p->output = Output::kF64;
  p->constants = Interleave(b, Kind::kI32, {bias, high, low, exponent}, p->g.out_c);
}

void SetHybrid(Product* p, Builder& b, const Node& node, int weights, int bias) {
  std::vector<int32_t> scale;
  for (int32_t o = 0; o < p->g.out_c; ++o) scale.push_back(FloatBits(static_cast<float>(ops::WeightScale(node.in_type(weights), o))));
  p->output = Output::kHybrid;
  p->constants = Interleave(b, Kind::kF32, {BiasOf(node, bias, p->g.out_c), scale}, p->g.out_c);
}

// A fused multiply-add would round where the reference does not. (GLSL ignores the pragma.)
constexpr uint64_t kManyItems = 1 << 16;  // They keep a large device busy.
constexpr const char* kNoContraction = "#pragma OPENCL FP_CONTRACT OFF\n";

// Float activations of hybrid operators become integers, each row with a scale of its own.
struct QuantizedRows {
  ValueId values, forms;
};
QuantizedRows QuantizeRows(Builder& b, int node, ValueId x, int64_t rows, int64_t quads, bool asymmetric) {
  const auto items = static_cast<int32_t>(std::clamp<int64_t>(quads / 16, 1, 128));
  const auto count = static_cast<int32_t>(rows), per_row = static_cast<int32_t>(quads);
  const ValueId ranges = b.Temporary(Kind::kF32, rows * items * 4), forms = b.Temporary(Kind::kF32, rows * 4),
                values = b.Temporary(Kind::kI8, rows * quads * 4);
  const auto emit = [&](const char* body, ValueId out, std::vector<LaunchArgument> arguments, std::vector<int32_t> params, int64_t quantity) {
    Launch& l = b.Emit(node, body, out);
    l.arguments = std::move(arguments);
    l.params = std::move(params);
    l.items = Builder::Flat(quantity);
    l.finishes = false;
    l.defines = asymmetric ? kNoContraction + std::string("#define ASYMMETRIC\n") : kNoContraction;
  };
  emit(kRowRangeBody, ranges, {{"x", x}}, {count, per_row, items}, rows * items);
  emit(kRowFormBody, forms, {{"x", ranges}}, {count, 0, items}, rows);
  emit(kRowQuantizeBody, values, {{"x", x}, {"r", forms}}, {count, per_row, 0, FloatBits(asymmetric ? -128.0f : -127.0f)}, rows * quads);
  return {values, forms};
}

std::string DefinesOf(const Product& p) {
  const bool integer = p.output != Output::kFloat;
  std::string d =
      integer ? "#define ACC I4\n#define ACC_ZERO ALL_I4(0)\n#define ZX(t) zx[t]\n" : "#define ACC F4\n#define ACC_ZERO ALL_F4(0.0f)\n#define ZX(t) 0.0f\n";
  d += p.wide_weights ? "#define ZW P(18)\n" : integer ? "#define ZW 0\n" : "#define ZW 0.0f\n";
  if (p.output == Output::kDouble) d += "#define DOUBLE_ROUNDING\n";
  if (p.output == Output::kF64) d += "#define F64_ROUNDING\n";
  if (p.output == Output::kHybrid) d += kNoContraction + std::string("#define HYBRID\n");
  if (p.depthwise) d += "#define DEPTHWISE\n";
  if (p.depthwise && p.group_out != 1) d += "#define MULTIPLIER\n";
  if (p.transposed) d += "#define TRANSPOSED\n";
  if (p.matrices >= 0) d += "#define BATCHED\n";
  return d;
}

void EmitProduct(Builder& b, int node, Product p) {
  const ConvGeometry& g = p.g;
  const int64_t in_pixels = int64_t{g.batch} * g.in_h * g.in_w, out_pixels = int64_t{g.batch} * g.out_h * g.out_w;
  p.x = PadChannels(b, node, p.x, in_pixels, g.in_c, p.x_zero);
  QuantizedRows rows{p.x, -1};
  const int32_t ic4 = Quads(g.in_c);
  if (p.output == Output::kHybrid) {
    const int64_t count = p.row_per_image ? g.batch : in_pixels;
    rows = QuantizeRows(b, node, p.x, count, in_pixels / count * ic4, p.asymmetric);
  }
  const ValueId out = PaddedOutput(b, p.out, out_pixels, g.out_c);
  Launch& l = b.Emit(node, kProductBody, out);
  l.product = true;
  const auto images = static_cast<uint32_t>(g.out_h * g.batch);
  l.columns = g.out_w;
  l.items = {static_cast<uint32_t>(Quads(g.out_c)), 1, images};
  l.SetTile(g.out_w >= 4 ? 4 : 1);
  l.group = l.items[1] > 1 ? Extent{8, 8, 1} : images > 1 ? Extent{8, 1, 8} : Extent{64, 1, 1};
  l.arguments = {{"x", rows.values}, {"w", p.weights}, {"c", p.constants}};
  if (rows.forms >= 0) l.arguments.push_back({"r", rows.forms});
  if (p.matrices >= 0) l.arguments.push_back({"m", p.matrices});
  const bool integer = p.output == Output::kDouble || p.output == Output::kF64;
  const int32_t low = integer ? p.integer_clamp.low : FloatBits(p.clamp.low), high = integer ? p.integer_clamp.high : FloatBits(p.clamp.high);
  l.params = {Quads(g.out_c), g.out_w, g.out_h, g.batch, g.in_h, g.in_w, ic4, g.filter_h, g.filter_w, g.stride_h, g.stride_w, g.dilation_h, g.dilation_w, g.pad_h, g.pad_w,
              Quads(p.group_in), p.depthwise ? p.group_out : Quads(p.group_out), p.x_zero, p.w_zero, p.out_zero, low, high, p.row_per_image ? 1 : 0, p.row_per_image ? 0 : 1};
  l.defines = DefinesOf(p);
  // Where there are few items, and each would walk many channels.
  if (!p.depthwise && uint64_t{l.items[0]} * l.items[1] * images < kManyItems) l.most_split = Quads(p.group_in) >= 32 ? 16 : Quads(p.group_in) >= 8 ? 4 : 1;
  Unpad(b, node, out, p.out, out_pixels, g.out_c);
}

// What all operators with constant weights have in common.
Status CheckWeights(const Node& node, int x, int w, int bias) {
  const DType xt = node.in_type(x).dtype, wt = node.in_type(w).dtype;
  if (!node.constant(w)) return Error(Code::kUnsupported, "its weights are computed");
  if (node.in(bias) >= 0 && !node.constant(bias)) return Error(Code::kUnsupported, "its bias is computed");
  if (xt == DType::kI16) return Error(Code::kUnsupported, "16-bit activations");
  if (xt == DType::kF32 && wt == DType::kU8) return Error(Code::kUnsupported, "uint8 weights for float32 activations");
  if (!(xt == DType::kF32 && wt == DType::kF32) && !IsInteger(wt) && wt != DType::kI4 && wt != DType::kI2)
    return Error(Code::kUnsupported, "weights of type %s", std::string(NumpyName(wt)).c_str());
  if (node.in_type(w).quant.block_size > 0) return Error(Code::kUnsupported, "weights in blocks");
  if (node.in(bias) >= 0 && BitsOf(node.in_type(bias).dtype) != 32) return Error(Code::kUnsupported, "a bias of 64 bits");
  return {};
}

// The output's side of a product with constant weights.
void SetOutput(Product* p, Builder& b, const Node& node, int x, int w, int bias) {
  const auto activation = static_cast<ops::Activation>(node.Int("fused_activation_function"));
  p->clamp = ops::FloatClamp(activation);
  if (node.in_type(w).dtype == DType::kF32) {
    p->constants = Interleave(b, Kind::kF32, {BiasOf(node, bias, p->g.out_c)}, p->g.out_c);
    return;
  }
  if (node.in_type(x).dtype == DType::kF32) return SetHybrid(p, b, node, w, bias);
  HostPrepare prepare(node.view());
  const ops::IntegerOutput q = ops::MakeIntegerOutput(prepare, node.in_type(x), node.in_type(w), p->g.out_c, activation);
  p->x_zero = q.input_zero;
  p->w_zero = q.weights_zero;
  p->wide_weights = q.weights_zero != 0;
  p->out_zero = q.output_zero;
  p->integer_clamp = q.clamp;
  SetRounding(p, b, BiasOf(node, bias, p->g.out_c), std::span(q.multiplier, static_cast<size_t>(p->g.out_c)));
}

ConvGeometry GeometryOf(const Node& node, const Shape& x, const Shape& w) {
  const Shape& y = node.out_type().shape;
  const auto padding = static_cast<ops::Padding>(node.Int("padding"));
  const auto stride_h = static_cast<int32_t>(node.Int("stride_h")), stride_w = static_cast<int32_t>(node.Int("stride_w"));
  const auto dilation_h = static_cast<int32_t>(node.Int("dilation_h_factor")), dilation_w = static_cast<int32_t>(node.Int("dilation_w_factor"));
  return {x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[1], w[2], stride_h, stride_w, dilation_h, dilation_w,
          ops::SlideWindow(padding, x[1], w[1], stride_h, dilation_h).pad_before, ops::SlideWindow(padding, x[2], w[2], stride_w, dilation_w).pad_before};
}

Status LowerConv(const Node& node, Builder& b) {
  OCTET_TRY(CheckWeights(node, 0, 1, 2));
  Product p;
  OCTET_ASSIGN(p.x, b.In(node, 0));
  OCTET_ASSIGN(p.out, b.Out(node));
  const Shape &x = node.in_type(0).shape, &w = node.in_type(1).shape;
  p.g = GeometryOf(node, x, w);
  const int32_t groups = x[3] / w[3], gi = w[3], go = w[0] / groups;
  const bool native = groups == 1 || (gi % 4 == 0 && go % 4 == 0);
  if (!native && w.elements() * groups > (1 << 24)) return Error(Code::kUnsupported, "%d groups whose channels are no multiple of 4", groups);
  p.group_in = native ? gi : x[3];
  p.group_out = native ? go : w[0];
  SetOutput(&p, b, node, 0, 1, 2);
  p.asymmetric = groups != 1 || std::ranges::any_of(node.in_type(1).quant.scale, [&](float s) { return s != node.in_type(1).quant.scale[0]; });
  p.row_per_image = true;
  const int32_t depth = 4 * Quads(p.group_in), cells = p.g.filter_h * p.g.filter_w;
  p.weights = Arrange(b, node.in_type(1), node.constant(1), int64_t{cells} * depth, w[0], p.w_zero, [=](int64_t r, int32_t o) -> int64_t {
    const int64_t cell = r / depth, c = r % depth - (native ? 0 : o / go * gi);
    return c >= 0 && c < gi ? (int64_t{o} * cells + cell) * gi + c : -1;
  });
  EmitProduct(b, node.index(), p);
  return {};
}

Status LowerDepthwise(const Node& node, Builder& b) {
  OCTET_TRY(CheckWeights(node, 0, 1, 2));
  Product p;
  OCTET_ASSIGN(p.x, b.In(node, 0));
  OCTET_ASSIGN(p.out, b.Out(node));
  const Shape &x = node.in_type(0).shape, &w = node.in_type(1).shape;
  p.g = GeometryOf(node, x, w);
  p.depthwise = true;
  p.group_in = 1;
  p.group_out = w[3] / x[3];
  SetOutput(&p, b, node, 0, 1, 2);
  p.asymmetric = true;
  p.row_per_image = true;
  const int32_t channels = w[3];
  p.weights = Arrange(b, node.in_type(1), node.constant(1), int64_t{w[1]} * w[2], channels, p.w_zero, [=](int64_t r, int32_t o) { return r * channels + o; });
  EmitProduct(b, node.index(), p);
  return {};
}

Status LowerTransposeConv(const Node& node, Builder& b) {
  OCTET_TRY(CheckWeights(node, 2, 1, 3));
  if (node.in_type(2).dtype == DType::kF32 && node.in_type(1).dtype != DType::kF32) return Error(Code::kUnsupported, "integer weights for float32 activations");
  Product p;
  OCTET_ASSIGN(p.x, b.In(node, 2));
  OCTET_ASSIGN(p.out, b.Out(node));
  const Shape &x = node.in_type(2).shape, &w = node.in_type(1).shape, &y = node.out_type().shape;
  const auto padding = static_cast<ops::Padding>(node.Int("padding"));
  const auto stride_h = static_cast<int32_t>(node.Int("stride_h")), stride_w = static_cast<int32_t>(node.Int("stride_w"));
  p.g = {x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[1], w[2], stride_h, stride_w, 1, 1,
         ops::SlideWindow(padding, y[1], w[1], stride_h, 1).pad_before, ops::SlideWindow(padding, y[2], w[2], stride_w, 1).pad_before};
  p.transposed = true;
  p.group_in = x[3];
  p.group_out = w[0];
  SetOutput(&p, b, node, 2, 1, 3);
  const int32_t depth = 4 * Quads(x[3]), cells = w[1] * w[2], in = x[3];
  p.weights = Arrange(b, node.in_type(1), node.constant(1), int64_t{cells} * depth, w[0], p.w_zero, [=](int64_t r, int32_t o) -> int64_t {
    return r % depth < in ? (int64_t{o} * cells + r / depth) * in + r % depth : -1;
  });
  EmitProduct(b, node.index(), p);
  return {};
}

Status LowerFullyConnected(const Node& node, Builder& b) {
  OCTET_TRY(CheckWeights(node, 0, 1, 2));
  if (node.Int("weights_format") != 0 || node.num_outputs() != 1) return Error(Code::kUnsupported, "shuffled weights");
  if (node.Int("fused_activation_function") > 3) return Error(Code::kUnsupported, "a fused activation that does not clamp");
  Product p;
  OCTET_ASSIGN(p.x, b.In(node, 0));
  OCTET_ASSIGN(p.out, b.Out(node));
  const int32_t outputs = node.in_type(1).shape[0], depth = node.in_type(1).shape[1];
  if (node.out_type().dtype != node.in_type(0).dtype) return Error(Code::kUnsupported, "an output of another type");
  const Quant& weights = node.in_type(1).quant;
  if (node.in_type(1).dtype != DType::kU8 && !weights.per_channel() && weights.zero0() != 0)
    return Error(Code::kUnsupported, "signed weights with a zero point");
  const auto rows = static_cast<int32_t>(node.in_type(0).shape.elements() / std::max(depth, 1));
  p.g = {1, 1, rows, depth, 1, rows, outputs, 1, 1};
  p.group_in = depth;
  p.group_out = outputs;
  SetOutput(&p, b, node, 0, 1, 2);
  p.asymmetric = node.Int("asymmetric_quantize_inputs") != 0;
  if (p.output == Output::kDouble) {
    std::vector<double> scales;
    for (int32_t o = 0; o < outputs; ++o)
      scales.push_back(static_cast<double>(node.in_type(0).quant.scale0()) * ops::WeightScale(node.in_type(1), o) /
                       static_cast<double>(node.out_type().quant.scale0()));
    SetDoubles(&p, b, BiasOf(node, 2, outputs), scales);
  }
  p.weights = Arrange(b, node.in_type(1), node.constant(1), 4 * Quads(depth), outputs, p.w_zero,
                      [=](int64_t r, int32_t o) -> int64_t { return r < depth ? int64_t{o} * depth + r : -1; });
  EmitProduct(b, node.index(), p);
  return {};
}

// Matrices of `rows` x `columns` laid out anew: columns in whole quads, rows too where they are summed over.
ValueId LayOut(Builder& b, int node, ValueId value, int64_t matrices, int32_t rows, int32_t columns, bool stored_transposed, bool whole_rows, int32_t fill) {
  const int32_t all_rows = whole_rows ? 4 * Quads(rows) : rows, all_columns = 4 * Quads(columns);
  if (!stored_transposed && all_rows == rows && all_columns == columns) return value;
  const ValueId laid = b.Temporary(b.value(value).kind, matrices * all_rows * all_columns);
  if (b.dry()) return laid;
  MoveSpec spec;
  spec.fill = fill;
  spec.tables.resize(3);
  for (int32_t c = 0; c < all_columns; ++c) spec.tables[0].push_back(c < columns ? c * (stored_transposed ? rows : 1) : -1);
  for (int32_t r = 0; r < all_rows; ++r) spec.tables[1].push_back(r < rows ? r * (stored_transposed ? 1 : columns) : -1);
  for (int64_t m = 0; m < matrices; ++m) spec.tables[2].push_back(static_cast<int32_t>(m * rows * columns));
  EmitMove(b, node, value, laid, std::move(spec));
  return laid;
}

// Which matrix of `shape` each matrix of the result takes.
std::vector<int32_t> MatricesOf(const Shape& shape, const Shape& result) {
  std::vector<int32_t> list;
  const int64_t count = result.elements(0, result.rank() - 2);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, at = 0, step = 1;
    for (int d = 3; d <= result.rank(); ++d) {
      const int32_t own = shape.back(d);
      at += own == 1 ? 0 : rest % result.back(d) * step;
      rest /= result.back(d);
      step *= own;
    }
    list.push_back(static_cast<int32_t>(at));
  }
  return list;
}

Status LowerBatchMatmul(const Node& node, Builder& b) {
  const TensorType &x = node.in_type(0), &y = node.in_type(1), &out = node.out_type();
  const bool floats = x.dtype == DType::kF32 && y.dtype == DType::kF32, bytes = x.dtype == DType::kI8 && y.dtype == DType::kI8 && out.dtype == DType::kI8;
  if (!floats && !bytes) return Error(Code::kUnsupported, "%s times %s", std::string(NumpyName(x.dtype)).c_str(), std::string(NumpyName(y.dtype)).c_str());
  if (bytes && y.quant.per_channel()) return Error(Code::kUnsupported, "scales per channel");
  const bool adj_x = node.Int("adj_x") != 0, adj_y = node.Int("adj_y") != 0;
  const int32_t m = out.shape.back(2), n = out.shape.back(1), k = x.shape.back(adj_x ? 2 : 1);
  const std::vector<int32_t> xs = MatricesOf(x.shape, out.shape), ys = MatricesOf(y.shape, out.shape);
  Product p;
  OCTET_ASSIGN(p.out, b.Out(node));
  OCTET_ASSIGN(ValueId left, b.In(node, 0));
  OCTET_ASSIGN(ValueId right, b.In(node, 1));
  p.g = {static_cast<int32_t>(xs.size()), 1, m, k, 1, m, n, 1, 1};
  p.group_in = k;
  p.group_out = n;
  std::vector<int32_t> none(static_cast<size_t>(n));
  if (bytes) {
    p.x_zero = x.quant.zero0();
    p.w_zero = y.quant.zero0();
    p.wide_weights = true;
    p.out_zero = out.quant.zero0();
    p.integer_clamp = ops::RangeOf(DType::kI8);
    const float product = x.quant.scale0() * y.quant.scale0();
    const std::vector<ops::Multiplier> all(static_cast<size_t>(n),
                                           ops::QuantizeMultiplier(static_cast<double>(product) / static_cast<double>(out.quant.scale0())));
    SetRounding(&p, b, none, all);
  } else {
    p.constants = Interleave(b, Kind::kF32, {none}, n);
  }
  p.x = LayOut(b, node.index(), left, x.shape.elements(0, x.shape.rank() - 2), m, k, adj_x, false, p.x_zero);
  p.g.in_c = 4 * Quads(k);  // Laid out so.
  p.weights = LayOut(b, node.index(), right, y.shape.elements(0, y.shape.rank() - 2), k, n, adj_y, true, p.w_zero);
  std::vector<int32_t> pairs;
  for (size_t i = 0; i < xs.size(); ++i) pairs.insert(pairs.end(), {xs[i], ys[i]});
  p.matrices = b.Integers(std::move(pairs));
  EmitProduct(b, node.index(), p);
  return {};
}

}  // namespace

LowerFn FindProduct(std::string_view op) {
  if (op == "conv_2d") return LowerConv;
  if (op == "depthwise_conv_2d") return LowerDepthwise;
  if (op == "transpose_conv") return LowerTransposeConv;
  if (op == "fully_connected") return LowerFullyConnected;
  return op == "batch_matmul" ? LowerBatchMatmul : nullptr;
}

}  // namespace octet::gpu
