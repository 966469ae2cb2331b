// SPDX-License-Identifier: Apache-2.0
#include "exporter/exporter.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

#include "exporter/runtime_version.h"
#include "schema_generated.h"

namespace octet::exporter {
namespace {

namespace fb = tflite::fb;
using graph::Graph;
using graph::NodeId;
using graph::TensorId;
using flatbuffers::Offset;

constexpr uint32_t kSchemaVersion = 3;
constexpr size_t kWeightAlignment = 64;          // A cache line, and the widest vector register.
constexpr size_t kMaxFileBytes = (1ull << 31) - (1u << 20);  // flatbuffers' offsets are signed 32 bits.
constexpr std::string_view kRuntimeVersionKey = "min_runtime_version";

class Writer {
 public:
  explicit Writer(const graph::Model& model) : model_(model) {}

  Result<std::vector<std::byte>> Write() {
    OCTET_TRY(CheckSize());
    AddBuffer({});  // Buffer 0 is empty: tensors without a constant name it.
    std::vector<Offset<fb::SubGraph>> subgraphs;
    for (const Graph& g : model_.subgraphs) subgraphs.push_back(WriteSubgraph(g));
    const auto signatures = WriteSignatures();
    const auto metadata = WriteMetadata();
    std::vector<Offset<fb::OperatorCode>> codes;
    for (const Code& c : codes_) codes.push_back(WriteCode(c));
    const auto description = builder_.CreateString(model_.description.empty() ? "octet" : model_.description);
    const auto codes_at = builder_.CreateVector(codes);
    const auto subgraphs_at = builder_.CreateVector(subgraphs);
    const auto buffers_at = builder_.CreateVector(buffers_);
    const auto metadata_at = builder_.CreateVector(metadata);
    const auto signatures_at = builder_.CreateVector(signatures);
    builder_.Finish(fb::CreateModel(builder_, kSchemaVersion, codes_at, subgraphs_at, description, buffers_at, 0, metadata_at, signatures_at),
                    fb::ModelIdentifier());
    const auto* begin = reinterpret_cast<const std::byte*>(builder_.GetBufferPointer());
    return std::vector<std::byte>(begin, begin + builder_.GetSize());
  }

 private:
  struct Code {
    const ops::OpDef* op;
    int version;
    bool operator==(const Code&) const = default;
  };

  Status CheckSize() const {
    uint64_t bytes = 0;
    for (const Graph& g : model_.subgraphs)
      for (const graph::Tensor& t : g.tensors()) bytes += t.constant ? t.constant->size() : 0;
    if (bytes < kMaxFileBytes) return {};
    return Error(octet::Code::kUnsupported, "the model has %llu bytes of constants, a .tflite file holds 2 GB: quantize it, or split it",
                 static_cast<unsigned long long>(bytes));
  }

  uint32_t AddBuffer(std::span<const std::byte> bytes) {
    const std::string_view key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto [it, fresh] = buffer_index_.try_emplace(key, static_cast<uint32_t>(buffers_.size()));
    if (!fresh) return it->second;
    Offset<flatbuffers::Vector<uint8_t>> data = 0;
    if (!bytes.empty()) {
      builder_.ForceVectorAlignment(bytes.size(), 1, kWeightAlignment);
      data = builder_.CreateVector(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    }
    buffers_.push_back(fb::CreateBuffer(builder_, data));
    return it->second;
  }

  // Inputs first, then in the order of use: deterministic, and dead tensors are left out.
  void NumberTensors(const Graph& g) {
    index_.assign(g.tensors().size(), -1);
    used_.clear();
    const auto use = [&](TensorId t) {
      if (t == graph::kNoTensor || index_[t] >= 0) return;
      index_[t] = static_cast<int32_t>(used_.size());
      used_.push_back(t);
    };
    for (TensorId t : g.inputs) use(t);
    for (NodeId id : g.order()) {
      for (TensorId t : g.node(id).inputs) use(t);
      for (TensorId t : g.node(id).outputs) use(t);
    }
    for (TensorId t : g.outputs) use(t);
  }

  std::vector<int32_t> Indices(const std::vector<TensorId>& list) const {
    std::vector<int32_t> out;
    for (TensorId t : list) out.push_back(t == graph::kNoTensor ? -1 : index_[t]);
    return out;
  }

  Offset<fb::SubGraph> WriteSubgraph(const Graph& g) {
    NumberTensors(g);
    std::vector<Offset<fb::Tensor>> tensors;
    for (TensorId t : used_) tensors.push_back(WriteTensor(g.tensor(t)));
    std::vector<Offset<fb::Operator>> operators;
    for (NodeId id : g.order()) operators.push_back(WriteOperator(g, id));
    tensor_index_.push_back(index_);
    const auto inputs = builder_.CreateVector(Indices(g.inputs)), outputs = builder_.CreateVector(Indices(g.outputs));
    const auto tensors_at = builder_.CreateVector(tensors);
    const auto operators_at = builder_.CreateVector(operators);
    return fb::CreateSubGraph(builder_, tensors_at, inputs, outputs, operators_at, builder_.CreateString(g.name));
  }

  Offset<fb::QuantizationParameters> WriteQuantization(const Quant& q) {
    if (q.empty()) return 0;
    const std::vector<int64_t> zeros(q.zero_point.begin(), q.zero_point.end());
    const auto scale = builder_.CreateVector(q.scale);
    const auto zero_point = builder_.CreateVector(zeros);
    return fb::CreateQuantizationParameters(builder_, 0, 0, scale, zero_point, fb::QuantizationDetails::NONE, 0, q.per_channel() ? q.axis : 0);
  }

  Offset<fb::Tensor> WriteTensor(const graph::Tensor& t) {
    std::vector<int32_t> stored, free(t.type.shape.dims().begin(), t.type.shape.dims().end());
    for (int32_t d : free) stored.push_back(d == kUnknown ? 1 : d);
    const uint32_t buffer = t.constant ? AddBuffer(*t.constant) : 0;
    const auto shape = builder_.CreateVector(stored);
    const auto signature = t.type.shape.known() ? 0 : builder_.CreateVector(free);
    const auto quantization = WriteQuantization(t.type.quant);
    return fb::CreateTensor(builder_, shape, static_cast<fb::TensorType>(t.type.dtype), buffer, builder_.CreateString(t.name), quantization,
                            t.is_variable, 0, signature, true);
  }

  template <class T> void AddScalar(const ops::AttrRow& row, const void* value) {
    builder_.AddElement<T>(static_cast<flatbuffers::voffset_t>(4 + 2 * row.slot), *static_cast<const T*>(value));
  }

  // Every attribute is written, also where it equals the default: readers differ in what they assume.
  Offset<void> WriteAttributes(const ops::OpDef& op, const graph::Attributes& attributes) {
    std::map<int, Offset<flatbuffers::Vector<int32_t>>> lists;  // Vectors before the table that holds them.
    const auto value = [&](const ops::AttrRow& row) { return row.at(const_cast<void*>(attributes.get())); };
    for (const ops::AttrRow& row : op.attrs.rows) {
      if (row.kind != ops::AttrKind::kInts) continue;
      const std::span<const int32_t> list = static_cast<const ops::Ints*>(value(row))->span();
      lists[row.slot] = builder_.CreateVector(list.data(), list.size());
    }
    const auto start = builder_.StartTable();
    for (const ops::AttrRow& row : op.attrs.rows) {
      switch (row.kind) {
        case ops::AttrKind::kBool:
        case ops::AttrKind::kI8: AddScalar<int8_t>(row, value(row)); break;
        case ops::AttrKind::kI32: AddScalar<int32_t>(row, value(row)); break;
        case ops::AttrKind::kI64: AddScalar<int64_t>(row, value(row)); break;
        case ops::AttrKind::kF32: AddScalar<float>(row, value(row)); break;
        case ops::AttrKind::kInts: builder_.AddOffset(static_cast<flatbuffers::voffset_t>(4 + 2 * row.slot), lists[row.slot]); break;
      }
    }
    return Offset<void>(builder_.EndTable(start));
  }

  Offset<fb::Operator> WriteOperator(const Graph& g, NodeId id) {
    const graph::Node& n = g.node(id);
    const graph::NodeView lens(g, id);
    const uint32_t code = CodeIndex({n.op, ops::VersionOf(lens.view())});
    const auto inputs = builder_.CreateVector(Indices(n.inputs)), outputs = builder_.CreateVector(Indices(n.outputs));
    const int table = static_cast<int>(n.op->attrs.table), second = static_cast<int>(ops::OptionsTable::kSecond);
    const Offset<void> options = table == 0 ? Offset<void>() : WriteAttributes(*n.op, n.attrs);
    fb::OperatorBuilder op(builder_);
    op.add_opcode_index(code);
    op.add_inputs(inputs);
    op.add_outputs(outputs);
    if (table > 0 && table < second) {
      op.add_builtin_options_type(static_cast<fb::BuiltinOptions>(table));
      op.add_builtin_options(options);
    } else if (table > second) {
      op.add_builtin_options2_type(static_cast<fb::BuiltinOptions2>(table - second));
      op.add_builtin_options2(options);
    }
    return op.Finish();
  }

  uint32_t CodeIndex(const Code& code) {
    const auto it = std::find(codes_.begin(), codes_.end(), code);
    if (it != codes_.end()) return static_cast<uint32_t>(it - codes_.begin());
    codes_.push_back(code);
    return static_cast<uint32_t>(codes_.size() - 1);
  }

  Offset<fb::OperatorCode> WriteCode(const Code& c) {
    const int code = static_cast<int>(c.op->code);
    const auto custom = c.op->custom_name.empty() ? 0 : builder_.CreateString(c.op->custom_name.data(), c.op->custom_name.size());
    return fb::CreateOperatorCode(builder_, static_cast<int8_t>(std::min(code, 127)), custom, c.version, static_cast<fb::BuiltinOperator>(code));
  }

  Offset<flatbuffers::Vector<Offset<fb::TensorMap>>> WriteEntries(const std::vector<graph::SignatureEntry>& entries, int subgraph) {
    std::vector<Offset<fb::TensorMap>> maps;
    for (const graph::SignatureEntry& e : entries)
      maps.push_back(fb::CreateTensorMap(builder_, builder_.CreateString(e.name), static_cast<uint32_t>(tensor_index_[subgraph][e.tensor])));
    return builder_.CreateVector(maps);
  }

  std::vector<Offset<fb::SignatureDef>> WriteSignatures() {
    std::vector<Offset<fb::SignatureDef>> out;
    for (const graph::Signature& s : model_.signatures) {
      const auto inputs = WriteEntries(s.inputs, s.subgraph), outputs = WriteEntries(s.outputs, s.subgraph);
      out.push_back(fb::CreateSignatureDef(builder_, inputs, outputs, builder_.CreateString(s.key), static_cast<uint32_t>(s.subgraph)));
    }
    return out;
  }

  std::vector<Offset<fb::Metadata>> WriteMetadata() {
    std::map<std::string, std::vector<std::byte>> all = model_.metadata;
    std::string version;
    for (const Code& c : codes_) version = Later(version, MinimumRuntime(c.op->code, c.version));
    version.resize(16);  // TensorFlow Lite reads 16 bytes, padded with zeros.
    const auto* bytes = reinterpret_cast<const std::byte*>(version.data());
    all[std::string(kRuntimeVersionKey)].assign(bytes, bytes + version.size());
    metadata_bytes_ = std::move(all);
    std::vector<Offset<fb::Metadata>> out;
    for (const auto& [name, content] : metadata_bytes_) {
      const uint32_t buffer = AddBuffer(content);
      out.push_back(fb::CreateMetadata(builder_, builder_.CreateString(name), buffer));
    }
    return out;
  }

  const graph::Model& model_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<Offset<fb::Buffer>> buffers_;
  std::unordered_map<std::string_view, uint32_t> buffer_index_;  // By content; keys live in the model or below.
  std::map<std::string, std::vector<std::byte>> metadata_bytes_;
  std::vector<Code> codes_;
  std::vector<int32_t> index_;                    // Tensor id -> index in the file, current subgraph.
  std::vector<TensorId> used_;
  std::vector<std::vector<int32_t>> tensor_index_;  // index_ of every subgraph.
};

}  // namespace

Result<std::vector<std::byte>> Export(const graph::Model& model) { return Writer(model).Write(); }

}  // namespace octet::exporter
