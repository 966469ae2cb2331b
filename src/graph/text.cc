// SPDX-License-Identifier: Apache-2.0
// The text form of a model, for tests and for people: one line per tensor that is not computed, one per node.
//   graph main
//   input x: f32[?,28,28,1]
//   const conv/kernel: f32[8,3,3,1] = #6b1f2c7de0a94315
//   const conv/bias: f32[8] = [0,0,0,0,0,0,0,0]
//   conv_2d (x, conv/kernel, conv/bias) -> (conv: f32[?,28,28,8]) stride_w=1 stride_h=1 @conv
//   output conv
//   signature serving_default (image=x) -> (scores=conv)
// A name of other characters than a word's stands in quotes. Of tensors of one name the second is x#2, the third x#3.
// A type comes where the tensor does, and only there. "-" is an operand that is absent. Numbers are the shortest that
// read back as the same bits. A constant's values are a list, "all 0.5", bytes (0x…), or, of large ones, their hash.
// Descriptions and metadata are no part of it.
#include "graph/text.h"

#include <unordered_map>

namespace octet::graph {
namespace {

constexpr size_t kListed = 16;       // Values of a constant that are printed one by one,
constexpr size_t kListedBytes = 64;  // bytes where they are no numbers.

template <class T> std::string ListText(std::span<const T> list) {
  std::string s = "[";
  for (const T& v : list) s += (s.size() > 1 ? "," : "") + NumberText(v);
  return s + "]";
}

std::string HexText(std::span<const std::byte> bytes) {
  std::string s = "0x";
  for (std::byte b : bytes) s += Format("%02x", static_cast<unsigned>(b));
  return s;
}

std::string TypeText(const TensorType& type) {
  std::string s = std::string(Name(type.dtype)) + type.shape.text();
  const Quant& q = type.quant;
  if (q.empty()) return s;
  const bool one_zero = q.zero_point.size() == q.scale.size() && std::ranges::count(q.zero_point, q.zero0()) == std::ssize(q.zero_point);
  s += " q(" + (q.scale.size() == 1 ? NumberText(q.scale0()) : ListText(std::span(q.scale))) + ",";
  s += one_zero ? NumberText(q.zero0()) : ListText(std::span(q.zero_point));
  if (q.axis != 0) s += ",axis=" + NumberText(q.axis);
  if (q.block_size != 0) s += ",block=" + NumberText(q.block_size);
  return s + ")";
}

std::string ValuesText(const Tensor& t) {
  const std::span<const std::byte> bytes(*t.constant);
  std::string s;
  uint64_t size = 0;
  if (CheckedBytes(t.type.dtype, t.type.shape, &size) && size == bytes.size()) {
    WithNumber(t.type.dtype, [&]<class T>(T) {
      const std::span<const T> values = t.data<T>();
      const bool all = values.size() > 1 && std::memcmp(bytes.data(), bytes.data() + sizeof(T), bytes.size() - sizeof(T)) == 0;
      if (values.size() <= kListed) s = ListText(values);
      else if (all) s = "all " + NumberText(values[0]);
    });
  }
  if (!s.empty()) return s;
  return bytes.size() <= kListedBytes ? HexText(bytes) : Format("#%016llx", static_cast<unsigned long long>(HashOf(bytes)));
}

std::string AttrText(const ops::AttrRow& row, const void* attrs) {
  const void* p = row.at(const_cast<void*>(attrs));
  const auto number = [p]<class T>(T) { return NumberText(*static_cast<const T*>(p)); };
  const auto list = [p]<class L>(const L&) { return ListText(static_cast<const L*>(p)->span()); };
  switch (row.kind) {
    case ops::AttrKind::kBool: return *static_cast<const bool*>(p) ? "true" : "false";
    case ops::AttrKind::kI8: return number(int8_t{});
    case ops::AttrKind::kI32: return number(int32_t{});
    case ops::AttrKind::kI64: return number(int64_t{});
    case ops::AttrKind::kF32: return number(float{});
    case ops::AttrKind::kInts: return list(ops::Ints{});
    case ops::AttrKind::kLongs: return list(ops::Longs{});
    case ops::AttrKind::kFloats: return list(ops::Floats{});
    case ops::AttrKind::kBytes: return HexText(std::as_bytes(static_cast<const ops::Bytes*>(p)->span()));
    case ops::AttrKind::kText: return WordText(static_cast<const ops::Text*>(p)->view());
    case ops::AttrKind::kSubgraph: return "#" + number(int32_t{});
    case ops::AttrKind::kSubgraphs: return "#" + list(ops::Subgraphs{});
  }
  return {};
}

class GraphPrinter {
 public:
  explicit GraphPrinter(const Graph& g) : g_(g) {
    text_ = "graph " + WordText(g.name) + "\n";
    std::vector<TensorId> kept;  // Constants and variables; those that are inputs, too, come first.
    for (size_t i = 0; i < g.tensors().size(); ++i)
      if (g.tensors()[i].constant || g.tensors()[i].is_variable) kept.push_back(static_cast<TensorId>(i));
    const auto others = std::ranges::stable_partition(kept, [&](TensorId t) { return std::ranges::find(g.inputs, t) != g.inputs.end(); });
    for (TensorId t : std::span(kept.begin(), others.begin())) Keep(t);
    for (TensorId t : g.inputs) text_ += "input " + Typed(t) + "\n";
    for (TensorId t : others) Keep(t);
    for (NodeId id : g.order()) PrintNode(g.node(id));
    for (TensorId t : g.outputs) text_ += "output " + Label(t) + "\n";
  }
  const std::string& text() const { return text_; }

  std::string Label(TensorId t) {
    if (t == kNoTensor) return "-";
    auto [at, fresh] = labels_.try_emplace(t);
    if (fresh) {
      const int count = ++named_[g_.tensor(t).name];
      at->second = WordText(g_.tensor(t).name) + (count > 1 ? "#" + NumberText(count) : "");
    }
    return at->second;
  }

 private:
  std::string Typed(TensorId t) {
    const bool known = t == kNoTensor || labels_.contains(t);
    return Label(t) + (known ? "" : ": " + TypeText(g_.tensor(t).type));
  }
  void Keep(TensorId id) {
    const Tensor& t = g_.tensor(id);
    if (t.constant) text_ += "const " + Typed(id) + " = " + ValuesText(t) + "\n";
    else text_ += "variable " + Typed(id) + (t.resets ? " resets\n" : "\n");
  }
  std::string List(const std::vector<TensorId>& tensors, bool typed) {
    std::string s = "(";
    for (TensorId t : tensors) s += (s.size() > 1 ? ", " : "") + (typed ? Typed(t) : Label(t));
    return s + ")";
  }
  void PrintNode(const Node& n) {
    text_ += WordText(n.op->name) + " " + List(n.inputs, false);
    text_ += " -> " + List(n.outputs, true);
    for (const ops::AttrRow& row : n.op->attrs.rows) text_ += " " + std::string(row.name) + "=" + AttrText(row, n.attrs.get());
    if (!n.intermediates.empty()) text_ += " via " + List(n.intermediates, true);
    if (!n.custom_options.empty()) text_ += " custom=" + HexText(n.custom_options);
    text_ += n.place.empty() ? "\n" : " @" + WordText(n.place) + "\n";
  }

  const Graph& g_;
  std::string text_;
  std::unordered_map<TensorId, std::string> labels_;
  std::unordered_map<std::string, int> named_;
};

}  // namespace

uint64_t HashOf(std::span<const std::byte> bytes) {  // FNV-1a
  uint64_t h = 0xcbf29ce484222325u;
  for (std::byte b : bytes) h = (h ^ static_cast<uint64_t>(b)) * 0x100000001b3u;
  return h;
}

std::string Quoted(std::string_view text) {
  std::string s = "'";
  for (char c : text) {
    const auto code = static_cast<uint8_t>(c);
    if (c == '\'' || c == '\\') s += {'\\', c};
    else if (code < 32 || code == 127) s += Format("\\x%02x", code);
    else s += c;
  }
  return s + "'";
}

std::string WordText(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, IsWordCharacter) ? std::string(word) : Quoted(word);
}

std::string Print(const Model& model) {
  std::string s;
  for (const Graph& g : model.subgraphs) {
    GraphPrinter printer(g);
    s += printer.text();
    const auto entries = [&](const std::vector<SignatureEntry>& list) {
      std::string e = "(";
      for (const SignatureEntry& entry : list) e += (e.size() > 1 ? ", " : "") + WordText(entry.name) + "=" + printer.Label(entry.tensor);
      return e + ")";
    };
    for (const Signature& signature : model.signatures)
      if (&model.subgraphs[static_cast<size_t>(signature.subgraph)] == &g)
        s += "signature " + WordText(signature.key) + " " + entries(signature.inputs) + " -> " + entries(signature.outputs) + "\n";
  }
  return s;
}

}  // namespace octet::graph
