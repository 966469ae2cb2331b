// SPDX-License-Identifier: Apache-2.0
// Reads the text form: text.cc says what it looks like. Texts come from people and from anywhere: every error names its
// place, and no memory is asked for that the text does not pay for.
#include <map>
#include <set>
#include <unordered_map>

#include "graph/text.h"

namespace octet::graph {
namespace {

constexpr uint64_t kMostRepeated = 256 << 20;  // Bytes that "all" may ask for in one model.

using ByHash = std::unordered_map<uint64_t, Buffer>;

class ModelReader {
 public:
  ModelReader(std::string_view text, ByHash by_hash) : in_(text), by_hash_(std::move(by_hash)) {}

  Result<Model> Read() {
    for (in_.SkipEmptyLines(); !in_.done(); in_.SkipEmptyLines()) {
      OCTET_TRY(Line());
      OCTET_TRY(in_.EndOfLine());
    }
    if (model_.subgraphs.empty()) return in_.Fail("a graph");
    OCTET_TRY(LinkCallees(model_));
    OCTET_TRY(Verify(model_));
    return std::move(model_);
  }

 private:
  Graph& g() { return model_.subgraphs.back(); }

  Status Line() {
    const size_t begin = in_.at();
    OCTET_ASSIGN(const std::string word, in_.Word("a line's first word"));
    if (word == "graph") {
      model_.subgraphs.emplace_back();
      labels_.emplace_back();
      OCTET_ASSIGN(g().name, in_.Word("the graph's name"));
      return {};
    }
    if (model_.subgraphs.empty()) return in_.Fail(begin, "'graph' and its name");
    if (word == "input") return End(&g().inputs, true);
    if (word == "output") return End(&g().outputs, false);
    if (word == "variable") return Variable();
    if (word == "const") return Constant();
    if (word == "signature") return ReadSignature();
    const ops::OpDef* op = ops::Find(word);
    if (!op) return in_.Fail(begin, "graph, input, const, variable, output, signature or an operator");
    return ReadNode(*op);
  }

  // What tells a tensor from others of its graph: its name, and its number where that is not the first.
  using Label = std::pair<std::string, int>;
  Result<Label> ReadLabel() {
    OCTET_ASSIGN(std::string name, in_.Word("a tensor's name"));
    int number = 1;
    if (in_.next() == '#') {
      OCTET_TRY(in_.Expect("#"));
      OCTET_TRY(in_.Number(&number));
    }
    return Label{std::move(name), number};
  }

  // A tensor defined above; or, with `define`, also one that comes here, with its type.
  Result<TensorId> ReadTensor(bool define) {
    in_.SkipSpaces();
    const size_t begin = in_.at();
    OCTET_ASSIGN(const Label label, ReadLabel());
    auto& labels = labels_.back();
    const auto at = labels.find(label);
    if (!define || !in_.Take(":")) return at == labels.end() ? Result<TensorId>(in_.Fail(begin, "a tensor defined above")) : at->second;
    if (at != labels.end()) return in_.Fail(begin, "a new name");
    OCTET_ASSIGN(TensorType type, ReadType());
    return labels[label] = g().AddTensor(label.first, std::move(type));
  }
  Result<TensorId> NewTensor() {
    in_.SkipSpaces();
    const size_t before = g().tensors().size(), begin = in_.at();
    OCTET_ASSIGN(const TensorId t, ReadTensor(true));
    if (g().tensors().size() == before) return in_.Fail(begin, "a new name, ':' and a type");
    return t;
  }
  Result<std::vector<TensorId>> Operands(bool define) {
    std::vector<TensorId> list;
    OCTET_TRY(in_.Expect("("));
    while (!in_.Take(")")) {
      if (!list.empty()) OCTET_TRY(in_.Expect(","));
      if (in_.Take("-")) {
        list.push_back(kNoTensor);
        continue;
      }
      OCTET_ASSIGN(const TensorId t, ReadTensor(define));
      list.push_back(t);
    }
    return list;
  }
  // New tensors, or variables that nothing else writes.
  Result<std::vector<TensorId>> Results() {
    in_.SkipSpaces();
    const size_t before = g().tensors().size(), begin = in_.at();
    OCTET_ASSIGN(std::vector<TensorId> list, Operands(true));
    std::set<TensorId> seen;
    for (TensorId t : list) {
      const bool fresh = t != kNoTensor && static_cast<size_t>(t) >= before;
      const bool writable = fresh || (t != kNoTensor && g().tensor(t).is_variable && g().tensor(t).producer < 0);
      if (!writable || !seen.insert(t).second) return in_.Fail(begin, "results that nothing else computes");
    }
    return list;
  }

  Result<TensorType> ReadType() {
    TensorType type;
    in_.SkipSpaces();
    const size_t begin = in_.at();
    OCTET_ASSIGN(const std::string name, in_.Word("a type"));
    type.dtype = DTypeFromName(name);
    if (type.dtype == DType::kNone) return in_.Fail(begin, "a type (f32, i8, ...)");
    OCTET_TRY(in_.Expect("["));
    for (bool first = true; !in_.Take("]"); first = false) {
      if (!first) OCTET_TRY(in_.Expect(","));
      if (type.shape.rank() == kMaxRank) return in_.Fail("at most " + NumberText(kMaxRank) + " dimensions");
      int32_t dim = kUnknown;
      if (!in_.Take("?")) {
        if (in_.next() == '-') return in_.Fail("a dimension");
        OCTET_TRY(in_.Number(&dim));
      }
      type.shape.push_back(dim);
    }
    if (in_.Take("q(")) OCTET_TRY(ReadQuant(&type.quant));
    return type;
  }

  template <class T> Status NumberOrList(SharedList<T>* list) {
    in_.SkipSpaces();
    if (in_.next() == '[') {
      OCTET_ASSIGN(*list, in_.List<T>());
      return {};
    }
    list->assign(1, T());
    return in_.Number(list->data());
  }
  Status ReadQuant(Quant* q) {
    OCTET_TRY(NumberOrList(&q->scale));
    OCTET_TRY(in_.Expect(","));
    in_.SkipSpaces();
    const bool one = in_.next() != '[';
    OCTET_TRY(NumberOrList(&q->zero_point));
    if (one) q->zero_point.resize(q->scale.size(), q->zero_point[0]);
    if (in_.Take(",axis=")) OCTET_TRY(in_.Number(&q->axis));
    if (in_.Take(",block=")) OCTET_TRY(in_.Number(&q->block_size));
    return in_.Expect(")");
  }

  Status End(std::vector<TensorId>* ends, bool define) {
    OCTET_ASSIGN(const TensorId t, ReadTensor(define));
    ends->push_back(t);
    return {};
  }
  Status Variable() {
    OCTET_ASSIGN(const TensorId t, NewTensor());
    g().tensor(t).is_variable = true;
    g().tensor(t).resets = in_.Take("resets");
    return {};
  }
  Status Constant() {
    OCTET_ASSIGN(const TensorId t, NewTensor());
    OCTET_TRY(in_.Expect("="));
    const TensorType type = g().tensor(t).type;
    OCTET_ASSIGN(Buffer bytes, ReadValues(type));
    g().SetConstant(t, type, std::move(bytes));
    return {};
  }

  Result<Buffer> ReadValues(const TensorType& type) {
    in_.SkipSpaces();
    std::vector<std::byte> bytes;
    if (in_.next() == '#') return Hashed();
    if (in_.next() == '0') {
      OCTET_ASSIGN(bytes, in_.Hex());
      return MakeBuffer(bytes);
    }
    Status status = in_.Fail("bytes (0x...): these are no numbers");
    WithNumber(type.dtype, [&]<class T>(T) { status = Numbers<T>(type, &bytes); });
    if (!status.ok()) return status;
    return MakeBuffer(bytes);
  }
  Result<Buffer> Hashed() {
    const size_t begin = in_.at();
    uint64_t hash = 0;
    OCTET_TRY(in_.Expect("#"));
    OCTET_TRY(in_.Number(&hash, 16));
    const auto at = by_hash_.find(hash);
    if (at == by_hash_.end()) return in_.Fail(begin, "values, or the hash of a constant of the model given beside the text");
    return at->second;
  }
  template <class T> Status Numbers(const TensorType& type, std::vector<std::byte>* bytes) {
    in_.SkipSpaces();
    const size_t begin = in_.at();
    uint64_t size = 0;
    if (!CheckedBytes(type.dtype, type.shape, &size)) return in_.Fail("a constant of known shape");
    if (in_.Take("all ")) {
      T value{};
      OCTET_TRY(in_.Number(&value));
      if (size > repeated_left_) return in_.Fail(begin, "less than 256 MB of equal values");
      repeated_left_ -= size;
      bytes->resize(size);
      for (size_t i = 0; i < size; i += sizeof(T)) std::memcpy(bytes->data() + i, &value, sizeof(T));
      return {};
    }
    OCTET_ASSIGN(const std::vector<T> values, in_.List<T>());
    if (values.size() * sizeof(T) != size) return in_.Fail(begin, NumberText(size / sizeof(T)) + " values for " + type.shape.text());
    const auto read = std::as_bytes(std::span(values));
    bytes->assign(read.begin(), read.end());
    return {};
  }

  Status ReadNode(const ops::OpDef& op) {
    OCTET_ASSIGN(std::vector<TensorId> inputs, Operands(false));
    OCTET_TRY(in_.Expect("->"));
    OCTET_ASSIGN(std::vector<TensorId> outputs, Results());
    const NodeId id = g().AddNode(op, Attributes(op.attrs), std::move(inputs), std::move(outputs), {});
    for (in_.SkipSpaces(); !in_.done() && in_.next() != '\n'; in_.SkipSpaces()) {
      if (in_.Take("@")) {
        OCTET_ASSIGN(g().node(id).place, in_.Word("a layer's name"));
        return {};
      }
      OCTET_TRY(ReadProperty(id));
    }
    return {};
  }
  Status ReadProperty(NodeId id) {
    const size_t begin = in_.at();
    OCTET_ASSIGN(const std::string name, in_.Word("an attribute or '@'"));
    if (name == "via") {
      OCTET_ASSIGN(std::vector<TensorId> tensors, Operands(true));
      g().node(id).intermediates = std::move(tensors);
      return {};
    }
    Node& n = g().node(id);
    OCTET_TRY(in_.Expect("="));
    const auto row = std::ranges::find(n.op->attrs.rows, name, &ops::AttrRow::name);
    if (row != n.op->attrs.rows.end()) return ReadAttr(*row, n.attrs);
    if (name != "custom") return in_.Fail(begin, "an attribute of " + std::string(n.op->name));
    OCTET_ASSIGN(n.custom_options, in_.Hex());
    return {};
  }

  template <class Short> Status ShortList(Short* list) {
    const size_t begin = in_.at();
    OCTET_ASSIGN(const auto values, (in_.List<typename decltype(list->v)::value_type>()));
    if (values.size() > list->v.size()) return in_.Fail(begin, "at most " + NumberText(list->v.size()) + " numbers");
    std::ranges::copy(values, list->v.begin());
    list->count = static_cast<int32_t>(values.size());
    return {};
  }
  Status ReadAttr(const ops::AttrRow& row, Attributes& attrs) {
    void* p = row.at(attrs.get());
    const auto number = [&]<class T>(T) { return in_.Number(static_cast<T*>(p)); };
    const auto keep = [&]<class L>(L, const auto& values) { *static_cast<L*>(p) = attrs.Keep<L>(values); };
    switch (row.kind) {
      case ops::AttrKind::kBool:
        *static_cast<bool*>(p) = in_.Take("true");
        return *static_cast<bool*>(p) ? Status() : in_.Expect("false");
      case ops::AttrKind::kI8: return number(int8_t{});
      case ops::AttrKind::kI32: return number(int32_t{});
      case ops::AttrKind::kI64: return number(int64_t{});
      case ops::AttrKind::kF32: return number(float{});
      case ops::AttrKind::kInts: return ShortList(static_cast<ops::Ints*>(p));
      case ops::AttrKind::kLongs: return ShortList(static_cast<ops::Longs*>(p));
      case ops::AttrKind::kSubgraph: OCTET_TRY(in_.Expect("#")); return number(int32_t{});
      case ops::AttrKind::kFloats: {
        OCTET_ASSIGN(const std::vector<float> values, in_.List<float>());
        return keep(ops::Floats{}, values), Status();
      }
      case ops::AttrKind::kBytes: {
        OCTET_ASSIGN(const std::vector<std::byte> values, in_.Hex());
        return keep(ops::Bytes{}, values), Status();
      }
      case ops::AttrKind::kText: {
        OCTET_ASSIGN(const std::string value, in_.Word("a text"));
        return keep(ops::Text{}, value), Status();
      }
      case ops::AttrKind::kSubgraphs: {
        OCTET_TRY(in_.Expect("#"));
        OCTET_ASSIGN(const std::vector<int32_t> values, in_.List<int32_t>());
        return keep(ops::Subgraphs{}, values), Status();
      }
    }
    return {};
  }

  // Of the graph above it.
  Status ReadSignature() {
    Signature s;
    s.subgraph = static_cast<int>(model_.subgraphs.size()) - 1;
    OCTET_ASSIGN(s.key, in_.Word("the signature's key"));
    OCTET_TRY(Entries(&s.inputs));
    OCTET_TRY(in_.Expect("->"));
    OCTET_TRY(Entries(&s.outputs));
    model_.signatures.push_back(std::move(s));
    return {};
  }
  Status Entries(std::vector<SignatureEntry>* entries) {
    OCTET_TRY(in_.Expect("("));
    while (!in_.Take(")")) {
      if (!entries->empty()) OCTET_TRY(in_.Expect(","));
      OCTET_ASSIGN(std::string name, in_.Word("a name of the signature"));
      OCTET_TRY(in_.Expect("="));
      OCTET_ASSIGN(const TensorId t, ReadTensor(false));
      entries->push_back({std::move(name), t});
    }
    return {};
  }

  Cursor in_;
  ByHash by_hash_;
  Model model_;
  std::vector<std::map<Label, TensorId>> labels_;  // Per subgraph.
  uint64_t repeated_left_ = kMostRepeated;
};

}  // namespace

Result<Model> Parse(std::string_view text, const Model* constants) {
  ByHash by_hash;
  if (constants)
    for (const Graph& g : constants->subgraphs)
      for (const Tensor& t : g.tensors())
        if (t.constant) by_hash.emplace(HashOf(*t.constant), t.constant);
  return ModelReader(text, std::move(by_hash)).Read();
}

}  // namespace octet::graph
