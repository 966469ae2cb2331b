// SPDX-License-Identifier: Apache-2.0
// TensorFlow's functions that are one op of its graphs: TFOpLambda layers of tf_keras. What the op becomes is written once, in importers/savedmodel.
#include "importers/keras/layers/raw_functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "importers/savedmodel/single_op.h"

namespace octet::importers::keras {
namespace {

// Names are the function's own arguments, in the op's order.
// Inputs: "*" is the function's first; behind ":" l is a list of tensors, else a number's type: i int32, f float32, none that of the first tensor;
// then its default. Attributes: "argument>attribute", and behind ":" their kind: i, f, b, s, t as they are, I whole numbers, N of every axis, from
// those between batch and channels.
struct Function {
  std::string_view name, op, inputs, attrs = {};
  int outputs = 1;
};

constexpr std::string_view kTransposed = "strides:N padding:s=SAME data_format:s dilations:N";
constexpr std::string_view kMorphological = "strides:N padding:s data_format:s dilations>rates:N";
constexpr std::string_view kFakeQuant = "num_bits:i narrow_range:b";

constexpr Function kFunctions[] = {
    {"tf.nn.conv2d_transpose", "Conv2DBackpropInput", "output_shape:i filters *input", kTransposed},
    {"tf.nn.conv3d_transpose", "Conv3DBackpropInputV2", "output_shape:i filters *input", kTransposed},
    {"tf.nn.dilation2d", "Dilation2D", "*input filters", kMorphological},
    {"tf.nn.max_pool_with_argmax", "MaxPoolWithArgmax", "*input",
     "ksize:N strides:N padding:s data_format:s output_dtype>Targmax:t=int64 include_batch_in_index:b", 2},
    {"tf.compat.v1.nn.fused_batch_norm", "FusedBatchNormV3", "*x scale offset mean:f=none variance:f=none",
     "epsilon:f=0.001 data_format:s is_training:b=1 exponential_avg_factor:f", 3},
    {"tf.space_to_batch_nd", "SpaceToBatchND", "*input block_shape:i paddings:i"},
    {"tf.space_to_batch", "SpaceToBatchND", "*input block_shape:i paddings:i"},
    {"tf.batch_to_space", "BatchToSpaceND", "*input block_shape:i crops:i"},
    {"tf.compat.v1.batch_to_space_nd", "BatchToSpaceND", "*input block_shape:i crops:i"},
    {"tf.image.extract_patches", "ExtractImagePatches", "*images", "sizes>ksizes:N strides:N rates:N padding:s"},
    {"tf.extract_volume_patches", "ExtractVolumePatches", "*input", "ksizes:N strides:N padding:s"},

    {"tf.math.segment_sum", "SegmentSum", "*data segment_ids:i"},
    {"tf.math.segment_mean", "SegmentMean", "*data segment_ids:i"},
    {"tf.math.segment_max", "SegmentMax", "*data segment_ids:i"},
    {"tf.math.segment_min", "SegmentMin", "*data segment_ids:i"},
    {"tf.math.segment_prod", "SegmentProd", "*data segment_ids:i"},
    {"tf.tensor_scatter_nd_max", "TensorScatterMax", "*tensor indices:i updates"},
    {"tf.tensor_scatter_nd_min", "TensorScatterMin", "*tensor indices:i updates"},
    {"tf.unique", "Unique", "*x", "out_idx:t=int32", 2},
    {"tf.dynamic_stitch", "DynamicStitch", "*indices:l data:l"},
    {"tf.histogram_fixed_width", "HistogramFixedWidth", "*values value_range nbins:i=100", "dtype:t=int32"},
    {"tf.math.invert_permutation", "InvertPermutation", "*x"},
    {"tf.linspace", "LinSpace", "*start stop num:i"},

    {"tf.linalg.diag", "MatrixDiagV3", "*diagonal k:i=0 num_rows:i=-1 num_cols:i=-1 padding_value=0", "align:s=RIGHT_LEFT"},
    {"tf.linalg.diag_part", "MatrixDiagPartV3", "*input k:i=0 padding_value=0", "align:s=RIGHT_LEFT"},
    {"tf.linalg.set_diag", "MatrixSetDiagV3", "*input diagonal k:i=0", "align:s=RIGHT_LEFT"},
    {"tf.linalg.tensor_diag", "Diag", "*diagonal"},
    {"tf.linalg.tensor_diag_part", "DiagPart", "*input"},
    {"tf.linalg.triangular_solve", "MatrixTriangularSolve", "*matrix rhs", "lower:b=1 adjoint:b"},
    {"tf.linalg.qr", "Qr", "*input", "full_matrices:b", 2},
    {"tf.linalg.svd", "Svd", "*tensor", "full_matrices:b compute_uv:b=1", 3},
    {"tf.linalg.eigvalsh", "SelfAdjointEigV2", "*tensor", "compute_v:b=0"},
    {"tf.linalg.eigh", "SelfAdjointEigV2", "*tensor", "compute_v:b=1", 2},

    {"tf.math.cumulative_logsumexp", "CumulativeLogsumexp", "*x axis:i=0", "exclusive:b reverse:b"},
    {"tf.truncatediv", "TruncateDiv", "*x y"},
    {"tf.truncatemod", "TruncateMod", "*x y"},
    {"tf.math.nextafter", "NextAfter", "*x1 x2"},
    {"tf.math.polygamma", "Polygamma", "*a x"},
    {"tf.math.zeta", "Zeta", "*x q"},
    {"tf.math.betainc", "Betainc", "*a b x"},
    {"tf.math.igamma", "Igamma", "*a x"},
    {"tf.math.igammac", "Igammac", "*a x"},
    {"tf.bitcast", "Bitcast", "*input", "type:t"},
    {"tf.compat.v1.where", "Select", "*condition x y"},
    {"tf.compat.v1.nn.sparse_softmax_cross_entropy_with_logits", "SparseSoftmaxCrossEntropyWithLogits", "logits *labels:i"},
    {"tf.compat.v1.math.in_top_k", "InTopKV2", "*predictions targets:i k:i"},
    {"tf.math.in_top_k", "InTopKV2", "predictions *targets:i k:i"},

    {"tf.image.adjust_hue", "AdjustHue", "*image delta:f"},
    {"tf.image.adjust_saturation", "AdjustSaturation", "*image saturation_factor:f"},
    {"tf.image.crop_and_resize", "CropAndResize", "*image boxes box_indices:i crop_size:i", "method:s=bilinear extrapolation_value:f"},
    {"tf.image.non_max_suppression", "NonMaxSuppressionV3", "*boxes scores max_output_size:i iou_threshold:f=0.5 score_threshold:f=-inf"},
    {"tf.image.combined_non_max_suppression", "CombinedNonMaxSuppression",
     "*boxes scores max_output_size_per_class:i max_total_size:i iou_threshold:f=0.5 score_threshold:f=-inf", "pad_per_class:b clip_boxes:b=1", 4},

    {"tf.quantization.fake_quant_with_min_max_args", "FakeQuantWithMinMaxArgs", "*inputs", "min:f=-6 max:f=6 num_bits:i=8 narrow_range:b"},
    {"tf.quantization.fake_quant_with_min_max_vars", "FakeQuantWithMinMaxVars", "*inputs min:f max:f", kFakeQuant},
    {"tf.quantization.fake_quant_with_min_max_vars_per_channel", "FakeQuantWithMinMaxVarsPerChannel", "*inputs min:f max:f", kFakeQuant},
    {"tf.quantization.quantize_and_dequantize_v2", "QuantizeAndDequantizeV2", "*input input_min:f input_max:f",
     "signed_input:b=1 num_bits:i=8 range_given:b round_mode:s=HALF_TO_EVEN narrow_range:b axis:i=-1"},

    {"tf.strings.length", "StringLength", "*input", "unit:s=BYTE"},
    {"tf.strings.lower", "StringLower", "*input", "encoding:s="},
    {"tf.strings.upper", "StringUpper", "*input", "encoding:s="},
    {"tf.strings.strip", "StringStrip", "*input"},
    {"tf.strings.substr", "Substr", "*input pos:i len:i", "unit:s=BYTE T:t=int32"},
    {"tf.strings.regex_replace", "StaticRegexReplace", "*input", "pattern:s rewrite:s replace_global:b=1"},
    {"tf.strings.regex_full_match", "StaticRegexFullMatch", "*input", "pattern:s"},
    {"tf.strings.join", "StringJoin", "*inputs:l", "separator:s="},
    {"tf.strings.as_string", "AsString", "*input", "precision:i=-1 scientific:b shortest:b width:i=-1 fill:s="},
    {"tf.strings.to_number", "StringToNumber", "*input", "out_type:t=float32"},
    {"tf.strings.to_hash_bucket_fast", "StringToHashBucketFast", "*input", "num_buckets:i"},
    {"tf.strings.to_hash_bucket_strong", "StringToHashBucketStrong", "*input", "num_buckets:i key:I"},
};

// The text up to `mark`, which goes with it from `rest`; all of it where there is none.
std::string_view Cut(std::string_view* rest, char mark) {
  const size_t at = rest->find(mark);
  const std::string_view cut = rest->substr(0, at);
  *rest = at == std::string_view::npos ? std::string_view() : rest->substr(at + 1);
  return cut;
}

// "*argument>attribute:kind=default"
struct Term {
  explicit Term(std::string_view text) {
    first = text.starts_with('*');
    text.remove_prefix(first ? 1 : 0);
    given = text.find('=') != std::string_view::npos;
    std::string_view head = Cut(&text, '=');
    fallback = text;
    std::string_view names = Cut(&head, ':');
    kind = head.empty() ? ' ' : head[0];
    argument = Cut(&names, '>');
    attribute = names.empty() ? argument : names;
  }
  bool first = false, given = false;
  std::string_view argument, attribute, fallback;
  char kind = ' ';
};

// ---------------------------------------------------------------------------------------------- inputs

double DefaultNumber(std::string_view text) { return text == "-inf" ? -INFINITY : std::strtod(std::string(text).c_str(), nullptr); }

Status AddInput(LayerContext& c, const Term& t, std::vector<Value>* inputs, std::vector<NodeAttr>* attrs) {
  const int position = t.first ? 0 : -1;
  const DType own = c.Input(0) ? c.type(c.Input(0)).dtype : DType::kF32;
  const DType type = t.kind == 'i' ? DType::kI32 : t.kind == 'f' ? DType::kF32 : own;
  if (t.kind == 'l') {
    OCTET_ASSIGN(const std::vector<Value> list, ListAt(c, position, {t.argument}));
    inputs->insert(inputs->end(), list.begin(), list.end());
    attrs->push_back(IntAttr("N", static_cast<int64_t>(list.size())));
    return {};
  }
  const Argument* a = FindArgument(c, position, {t.argument});
  const bool passed = a && (a->kind != Argument::Kind::kLiteral || (a->literal && !a->literal->is_null()));
  if (!passed && t.fallback == "none") inputs->push_back(c.Constant<float>(Shape{0}, std::span<const float>()));
  else if (!passed && t.given) inputs->push_back(NumberOf(c, DefaultNumber(t.fallback), type));
  else {
    OCTET_ASSIGN(inputs->emplace_back(), Operand(c, position, {t.argument}, type));
  }
  return {};
}

// ------------------------------------------------------------------------------------------ attributes

// Numbers of the axes between batch and channels, as many as the first input has; or one for all of them, or of all axes.
Result<std::vector<int64_t>> OfEveryAxis(LayerContext& c, std::string_view argument) {
  std::vector<int64_t> v;
  const auto rank = static_cast<size_t>(std::max(c.rank(c.Input(0)), 2));
  if (!IntsOf(c.Get(argument), &v) || (v.size() != 1 && v.size() != rank - 2 && v.size() != rank))
    return c.Fail("'" + std::string(argument) + "' as whole numbers, one for each axis", c.Get(argument).text(), "");
  if (v.size() == 1) v.assign(rank - 2, v[0]);
  if (v.size() == rank) return v;
  v.insert(v.begin(), 1);
  v.push_back(1);
  return v;
}

Result<NodeAttr> AttrOf(LayerContext& c, const Term& t) {
  const std::string key(t.argument), name(t.attribute);
  const double number = DefaultNumber(t.fallback);
  switch (t.kind) {
    case 'i': return IntAttr(name, c.Int(key, static_cast<int64_t>(number)));
    case 'f': return FloatAttr(name, static_cast<float>(c.Number(key, number)));
    case 'b': return BoolAttr(name, c.Bool(key, number != 0));
    case 's': return TextAttr(name, c.Text(key, t.fallback));
    case 't': {
      const DType type = c.Has(key) ? TypeOf(c.Get(key)) : DTypeFromNumpyName(std::string(t.fallback));
      return type == DType::kNone ? Result<NodeAttr>(c.Fail("an element type", "'" + c.Text(key, "none") + "'", "")) : TypeAttr(name, type);
    }
    case 'N': {
      OCTET_ASSIGN(const std::vector<int64_t> v, OfEveryAxis(c, key));
      return IntsAttr(name, v);
    }
    default: return IntsAttr(name, c.Ints(key, {}));
  }
}

Status ConvertFunction(LayerContext& c) {
  const std::string name = "tf." + (*c.layer().config)["function"].text();
  const Function& f = *std::ranges::find(kFunctions, name, &Function::name);
  std::vector<Value> inputs;
  std::vector<NodeAttr> attrs;
  for (std::string_view rest = f.inputs; !rest.empty();) OCTET_TRY(AddInput(c, Term(Cut(&rest, ' ')), &inputs, &attrs));
  for (std::string_view rest = f.attrs; !rest.empty();) {
    const Term t(Cut(&rest, ' '));
    if (!c.Has(t.argument) && !t.given) continue;
    OCTET_ASSIGN(NodeAttr attr, AttrOf(c, t));
    attrs.push_back(std::move(attr));
  }
  OCTET_ASSIGN(const std::vector<Value> outputs, RunOps(c, f.op, inputs, std::move(attrs), f.outputs));
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i]) c.SetOutput(static_cast<int>(i), outputs[i]);
  return {};
}

constexpr auto kRules = [] {
  std::array<LayerRule, std::size(kFunctions)> rules{};
  for (size_t i = 0; i < rules.size(); ++i) rules[i] = {kFunctions[i].name, ConvertFunction};
  return rules;
}();

}  // namespace

Result<std::vector<Value>> RunOps(LayerContext& c, std::string_view op, const std::vector<Value>& inputs, std::vector<NodeAttr> attrs, int outputs) {
  savedmodel::SingleOp single{op, {}, std::move(attrs), outputs, c.place()};
  std::vector<Value> open;
  for (const Value v : inputs) {
    savedmodel::OpInput input{c.type(v), c.construction().BytesOf(v), {}};
    if (const std::vector<int32_t>* elements = c.builder().ElementsOf(v)) input.elements = *elements;
    if (!input.constant) open.push_back(v);
    single.inputs.push_back(std::move(input));
  }
  const bool typed = std::ranges::find(single.attrs, "T", &NodeAttr::first) != single.attrs.end();
  if (!typed && !inputs.empty()) single.attrs.push_back(TypeAttr("T", c.type(inputs[0]).dtype));
  Finding finding;
  OCTET_ASSIGN(std::optional<graph::Model> model, savedmodel::ImportOp(single, &finding));
  if (!model) return c.AdoptFinding(finding);
  return c.construction().Inline(std::move(*model), open);
}

Result<Value> RunOp(LayerContext& c, std::string_view op, const std::vector<Value>& inputs, std::vector<NodeAttr> attrs) {
  OCTET_ASSIGN(const std::vector<Value> y, RunOps(c, op, inputs, std::move(attrs), 1));
  return y[0];
}

const std::span<const LayerRule> kRawFunctionRules = kRules;

}  // namespace octet::importers::keras
