// SPDX-License-Identifier: Apache-2.0
#include "cli/micro.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/utf8.h"

namespace octet::cli {
namespace {

constexpr uint64_t kAlignment = 16;  // MicroArenaBufferAlignment of TFLite Micro.

// Kernels that TFLite Micro registers, by the builtin's name, where the resolver's method is not the name in
// camel case (or there is none: empty).
struct MethodName {
  std::string_view op, method;
};
constexpr MethodName kIrregular[] = {{"BATCH_MATMUL", "BatchMatMul"}, {"CUMSUM", "CumSum"}, {"PADV2", "PadV2"},
                                     {"UNIDIRECTIONAL_SEQUENCE_LSTM", "UnidirectionalSequenceLSTM"}, {"SVDF", "Svdf"}};
constexpr std::string_view kKernels[] = {
    "ABS", "ADD", "ADD_N", "ARG_MAX", "ARG_MIN", "ASSIGN_VARIABLE", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BATCH_TO_SPACE_ND", "BROADCAST_ARGS",
    "BROADCAST_TO", "CALL_ONCE", "CAST", "CEIL", "CONCATENATION", "CONV_2D", "COS", "CUMSUM", "DEPTH_TO_SPACE", "DEPTHWISE_CONV_2D", "DEQUANTIZE",
    "DIV", "DYNAMIC_UPDATE_SLICE", "ELU", "EMBEDDING_LOOKUP", "EQUAL", "EXP", "EXPAND_DIMS", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD",
    "FULLY_CONNECTED", "GATHER", "GATHER_ND", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "IF", "L2_NORMALIZATION", "L2_POOL_2D", "LEAKY_RELU", "LESS",
    "LESS_EQUAL", "LOG", "LOG_SOFTMAX", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "MAX_POOL_2D", "MAXIMUM", "MEAN", "MINIMUM",
    "MIRROR_PAD", "MUL", "NEG", "NOT_EQUAL", "PACK", "PAD", "PADV2", "PRELU", "QUANTIZE", "READ_VARIABLE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6",
    "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "ROUND", "RSQRT", "SELECT_V2", "SHAPE", "SIN", "SLICE", "SOFTMAX",
    "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "SVDF",
    "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNPACK", "VAR_HANDLE", "WHILE", "ZEROS_LIKE"};

// "DEPTHWISE_CONV_2D" -> "DepthwiseConv2D".
std::string MethodOf(std::string_view op) {
  for (const MethodName& m : kIrregular)
    if (m.op == op) return std::string(m.method);
  std::string method;
  bool capital = true;
  for (char c : op) {
    if (c == '_') {
      capital = true;
      continue;
    }
    const bool digit = c >= '0' && c <= '9';
    method += capital || digit ? c : static_cast<char>(c + ('a' - 'A'));
    capital = digit;
  }
  return method;
}

struct Life {
  uint64_t bytes;
  int first, last;
};

std::vector<Life> LivesOf(const tflite::SubgraphInfo& g, uint64_t* variable_bytes) {
  const int end = static_cast<int>(g.operators.size());
  std::vector<Life> all(g.tensors.size(), Life{0, -1, -1});
  const auto use = [&](int32_t t, int at) {
    if (t < 0) return;
    Life& l = all[static_cast<size_t>(t)];
    if (l.first < 0) l.first = at;
    l.last = std::max(l.last, at);
  };
  for (int32_t t : g.inputs) use(t, 0);
  for (int i = 0; i < end; ++i) {
    for (int32_t t : g.operators[static_cast<size_t>(i)].inputs) use(t, i);
    for (int32_t t : g.operators[static_cast<size_t>(i)].outputs) use(t, i);
  }
  for (int32_t t : g.outputs) use(t, std::max(end - 1, 0));
  std::vector<Life> lives;
  for (size_t i = 0; i < all.size(); ++i) {
    const tflite::TensorInfo& t = g.tensors[i];
    uint64_t bytes = 0;
    if (t.has_constant || all[i].first < 0 || !CheckedBytes(t.type.dtype, t.type.shape, &bytes)) continue;
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (t.is_variable) *variable_bytes += bytes;
    else lives.push_back({bytes, all[i].first, all[i].last});
  }
  return lives;
}

// Largest first, each at the lowest place where it fits between those that live at the same time.
uint64_t Greedy(const std::vector<Life>& lives) {
  std::vector<size_t> order(lives.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return lives[a].bytes > lives[b].bytes; });
  struct Placed {
    uint64_t offset;
    size_t life;
  };
  std::vector<Placed> placed;  // By offset.
  uint64_t arena = 0;
  for (size_t i : order) {
    uint64_t at = 0;
    for (const Placed& p : placed) {
      const Life& other = lives[p.life];
      if (other.last < lives[i].first || other.first > lives[i].last) continue;
      if (p.offset >= at + lives[i].bytes) break;
      at = std::max(at, p.offset + other.bytes);
    }
    placed.insert(std::ranges::upper_bound(placed, at, {}, &Placed::offset), {at, i});
    arena = std::max(arena, at + lives[i].bytes);
  }
  return arena;
}

uint64_t LowerBound(const std::vector<Life>& lives, int steps) {
  uint64_t most = 0;
  for (int s = 0; s < std::max(steps, 1); ++s) {
    uint64_t now = 0;
    for (const Life& l : lives)
      if (l.first <= s && l.last >= s) now += l.bytes;
    most = std::max(most, now);
  }
  return most;
}

}  // namespace

MicroNeeds NeedsOf(const tflite::View& view) {
  MicroNeeds needs;
  std::set<std::string> calls, missing;
  for (const tflite::SubgraphInfo& g : view.subgraphs()) {
    // Called subgraphs run while their callers' tensors live: their arenas lie behind each other.
    const std::vector<Life> lives = LivesOf(g, &needs.variable_bytes);
    needs.arena_bytes += Greedy(lives);
    needs.lower_bound_bytes += LowerBound(lives, static_cast<int>(g.operators.size()));
    for (const tflite::OperatorInfo& op : g.operators) {
      const std::string name(op.code_name);
      const bool known = std::ranges::find(kKernels, std::string_view(name)) != std::end(kKernels);
      if (known) calls.insert("Add" + MethodOf(name) + "()");
      else if (name == "TFLite_Detection_PostProcess") calls.insert("AddDetectionPostprocess()");
      else missing.insert(name);
    }
  }
  needs.calls.assign(calls.begin(), calls.end());
  needs.missing.assign(missing.begin(), missing.end());
  return needs;
}

std::string MicroSource(const tflite::View& view, const MicroNeeds& needs, const std::string& title) {
  std::string s = "// " + OneLine(title) + " for TensorFlow Lite Micro, made by octet inspect --target micro.\n";
  for (const std::string& op : needs.missing) s += "// TFLite Micro has no kernel for " + OneLine(op) + ".\n";
  s += "#include \"tensorflow/lite/micro/micro_mutable_op_resolver.h\"\n\n";
  s += Format("// Tensors: %llu bytes, of which %llu are variables. The interpreter's records and its kernels' scratch come on top.\n",
              static_cast<unsigned long long>(needs.arena_bytes + needs.variable_bytes), static_cast<unsigned long long>(needs.variable_bytes));
  s += Format("constexpr unsigned kTensorBytes = %llu;\n\n", static_cast<unsigned long long>(needs.arena_bytes + needs.variable_bytes));
  s += Format("using ModelOpResolver = tflite::MicroMutableOpResolver<%zu>;\ninline TfLiteStatus AddOperators(ModelOpResolver& resolver) {\n",
              std::max<size_t>(needs.calls.size(), 1));
  for (const std::string& call : needs.calls) s += "  TF_LITE_ENSURE_STATUS(resolver." + call + ");\n";
  s += "  return kTfLiteOk;\n}\n\n";
  s += Format("constexpr unsigned kModelBytes = %zu;\nalignas(16) constexpr unsigned char kModel[kModelBytes] = {", view.file().size());
  constexpr size_t kPerLine = 20;
  static constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < view.file().size(); ++i) {
    const auto b = std::to_integer<unsigned>(view.file()[i]);
    s += i % kPerLine == 0 ? "\n    0x" : " 0x";
    s += kDigits[b >> 4];
    s += kDigits[b & 15];
    s += ',';
  }
  return s + "\n};\n";
}

}  // namespace octet::cli
