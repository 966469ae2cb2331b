// SPDX-License-Identifier: Apache-2.0
#include "exporter/exporter.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>

#include "base/file.h"
#include "base/float16.h"
#include "exporter/runtime_version.h"
#include "tflite/schema.h"

namespace octet::exporter {
namespace {

namespace fb = tflite::fb;
using flatbuffers::Offset;
using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr uint32_t kSchemaVersion = 3;
constexpr size_t kWeightAlignment = 64;  // A cache line, and the widest vector register.
constexpr size_t kSmallConstant = 4096;  // Below, padding to a cache line would cost more than reading past one.
constexpr size_t kSmallAlignment = 16;   // What the format asks for.
constexpr size_t kGap = 64 << 10;        // From here on a constant is not copied before it is written.
constexpr int64_t kFewIndices = 16;      // A list of paddings for all dimensions.
constexpr size_t kRuntimeVersionBytes = 16;
constexpr char kRuntimeVersionKey[] = "min_runtime_version";
constexpr int kPlaceholderCode = 127;  // In the old field of 8 bits, for codes that do not fit.
constexpr int kSecondUnion = static_cast<int>(ops::OptionsTable::kSecond);

uint64_t AlignUp(uint64_t n) { return (n + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment; }

uint64_t ConstantBytes(const graph::Model& model) {
  uint64_t bytes = 0;
  for (const Graph& g : model.subgraphs)
    for (const graph::Tensor& t : g.tensors()) bytes += t.constant ? t.constant->size() + kWeightAlignment : 0;
  return bytes;
}

// Enough for nearly every model, so that the file is not copied while it grows. What is not written to costs no memory.
size_t FileBytes(const graph::Model& model, uint64_t outside) {
  constexpr uint64_t kPerThing = 512, kMost = 1ull << 31;  // Names, tables and offsets of a tensor or a node.
  uint64_t things = 16;
  for (const Graph& g : model.subgraphs) things += g.tensors().size() + g.num_nodes();
  return static_cast<size_t>(std::min(kMost - 1, things * kPerThing + (outside > 0 ? 0 : ConstantBytes(model))));
}

// One .tflite under construction. With `outside` > 0 the constants lie behind the flatbuffer, which ends
// before that offset; its own size does not depend on the value. The flatbuffer has gaps where large constants belong: who
// writes the file takes them from the model, one after the other.
class Writer {
 public:
  Writer(const graph::Model& model, uint64_t outside) : model_(model), outside_(outside), outside_end_(outside), builder_(FileBytes(model, outside)) {}

  Status Write() {
    AddBuffer({});  // Buffer 0 is empty: tensors without a constant name it.
    std::vector<Offset<fb::SubGraph>> subgraphs;
    for (size_t i = 0; i < model_.subgraphs.size(); ++i) subgraphs.push_back(WriteSubgraph(model_.subgraphs[i]));
    std::vector<Offset<fb::SignatureDef>> signatures;
    for (const graph::Signature& s : model_.signatures) OCTET_TRY(WriteSignature(s, &signatures));
    const std::vector<Offset<fb::Metadata>> metadata = WriteMetadata();
    std::vector<Offset<fb::OperatorCode>> codes;
    for (const OpVersion& c : codes_) codes.push_back(WriteCode(c));
    const auto description = builder_.CreateString(model_.description.empty() ? "octet" : model_.description);
    const auto codes_at = builder_.CreateVector(codes);
    const auto subgraphs_at = builder_.CreateVector(subgraphs);
    const auto buffers_at = builder_.CreateVector(buffers_);
    const auto metadata_at = builder_.CreateVector(metadata);
    const auto signatures_at = builder_.CreateVector(signatures);
    fb::ModelBuilder file(builder_);
    file.add_version(kSchemaVersion);
    file.add_operator_codes(codes_at);
    file.add_subgraphs(subgraphs_at);
    file.add_description(description);
    file.add_buffers(buffers_at);
    file.add_metadata(metadata_at);
    file.add_signature_defs(signatures_at);
    builder_.Finish(file.Finish(), fb::ModelIdentifier());
    return {};
  }

  uint64_t FlatbufferBytes() const { return builder_.GetSize(); }

  std::vector<std::byte> Take() const {
    std::vector<std::byte> file;
    file.reserve(outside_ > 0 ? outside_end_ : FlatbufferBytes());
    for (const Part& part : Parts()) file.insert(file.end(), part.bytes.begin(), part.bytes.end());
    return file;
  }

  // What the file is made of, in order. The parts live as long as the writer and its model.
  struct Part {
    std::span<const std::byte> bytes;
    const graph::ConstantBytes* constant = nullptr;  // Where they are one's.
  };
  std::vector<Part> Parts() const {
    static constexpr std::byte kZeros[kWeightAlignment] = {};
    const std::span flatbuffer(reinterpret_cast<const std::byte*>(builder_.GetBufferPointer()), FlatbufferBytes());
    std::vector<Part> parts;
    uint64_t end = 0;
    for (auto gap = gaps_.rbegin(); gap != gaps_.rend(); ++gap) {  // The flatbuffer grows towards its front.
      const uint64_t begin = flatbuffer.size() - gap->from_end;
      parts.push_back({flatbuffer.subspan(end, begin - end)});
      parts.push_back({*gap->constant, gap->constant});
      end = begin + gap->constant->size();
    }
    parts.push_back({flatbuffer.subspan(end)});
    end = flatbuffer.size();
    for (const Outside& o : outside_constants_) {
      parts.push_back({std::span(kZeros).first(o.offset - end)});
      parts.push_back({o.bytes, o.constant});
      end = o.offset + o.bytes.size();
    }
    if (end < outside_end_) parts.push_back({std::span(kZeros).first(outside_end_ - end)});
    return parts;
  }

 private:
  struct OpVersion {
    const ops::OpDef* op;
    int version;
    bool operator==(const OpVersion&) const = default;
  };
  struct Outside {
    uint64_t offset;
    std::span<const std::byte> bytes;
    const graph::ConstantBytes* constant;
  };
  // So far before the end of what is built there is room for the constant.
  struct Gap {
    size_t from_end;
    const graph::ConstantBytes* constant;
  };

  // Where a buffer's bytes are: in the model, or so far before the end of what is built.
  struct Stored {
    uint32_t index;
    std::span<const std::byte> outside;
    size_t size, from_end;
  };

  std::span<const std::byte> BytesOf(const Stored& s) const {
    if (s.from_end == 0) return s.outside;
    return {reinterpret_cast<const std::byte*>(builder_.GetCurrentBufferPointer()) + builder_.GetSize() - s.from_end, s.size};
  }

  uint32_t AddBuffer(std::span<const std::byte> bytes, const graph::ConstantBytes* constant = nullptr) {
    const size_t hash = graph::QuickHash(bytes);
    const auto [begin, end] = stored_.equal_range(hash);
    const auto same = std::find_if(begin, end, [&](const auto& entry) { return std::ranges::equal(BytesOf(entry.second), bytes); });
    if (same != end) return same->second.index;
    Stored stored{static_cast<uint32_t>(buffers_.size()), bytes, bytes.size(), 0};
    buffers_.push_back(WriteBuffer(bytes, constant, &stored.from_end));
    stored_.emplace(hash, stored);
    return stored.index;
  }

  Offset<fb::Buffer> WriteBuffer(std::span<const std::byte> bytes, const graph::ConstantBytes* constant, size_t* from_end) {
    if (bytes.empty()) return fb::CreateBuffer(builder_);
    if (outside_ > 0) {
      outside_constants_.push_back({outside_end_, bytes, constant});
      outside_end_ = AlignUp(outside_end_ + bytes.size());
      return fb::CreateBuffer(builder_, 0, outside_constants_.back().offset, bytes.size());
    }
    builder_.ForceVectorAlignment(bytes.size(), 1, bytes.size() < kSmallConstant ? kSmallAlignment : kWeightAlignment);
    if (constant && bytes.size() >= kGap) {
      uint8_t* ignored = nullptr;
      const auto vector = builder_.CreateUninitializedVector<uint8_t>(bytes.size(), &ignored);  // Not written to, it takes no memory.
      gaps_.push_back({vector.o - sizeof(flatbuffers::uoffset_t), constant});
      return fb::CreateBuffer(builder_, vector);
    }
    const auto vector = builder_.CreateVector(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    *from_end = vector.o - sizeof(flatbuffers::uoffset_t);  // Behind the vector's length.
    return fb::CreateBuffer(builder_, vector);
  }

  // The first of each, by its bytes and type.
  using Constants = std::map<std::tuple<uint32_t, DType, std::vector<int32_t>>, TensorId>;

  // The first constant that is the same as this one. Integers on a scale stay apart: LiteRT's XNNPACK takes the scales of every
  // use of a tensor together, and refuses it.
  TensorId FirstLike(const Graph& g, TensorId id, Constants* seen) {
    const graph::Tensor& t = g.tensor(id);
    if (!t.constant || t.is_variable || !t.type.quant.empty() || g.is_output(id)) return id;
    const auto dims = t.type.shape.dims();
    return seen->try_emplace({buffer_[id], t.type.dtype, {dims.begin(), dims.end()}}, id).first->second;
  }

  // Inputs first, then in the order of use: deterministic, and dead tensors are left out. Equal constants are one tensor.
  void NumberTensors(const Graph& g) {
    index_.assign(g.tensors().size(), -1);
    buffer_.assign(g.tensors().size(), 0);
    used_.clear();
    Constants constants;
    const auto use = [&](const std::vector<TensorId>& list) {
      for (TensorId t : list) {
        if (t == graph::kNoTensor || index_[t] >= 0) continue;
        if (g.tensor(t).constant) buffer_[t] = AddBuffer(*g.tensor(t).constant, g.tensor(t).constant.get());
        const TensorId first = FirstLike(g, t, &constants);
        if (first != t) {
          index_[t] = index_[first];
          continue;
        }
        index_[t] = static_cast<int32_t>(used_.size());
        used_.push_back(t);
      }
    };
    use(g.inputs);
    for (NodeId id : g.order()) {
      use(g.node(id).inputs);
      use(g.node(id).intermediates);
      use(g.node(id).outputs);
    }
    use(g.outputs);
  }

  // Shapes, scales, zero points and operand lists repeat a lot, most of all in unrolled recurrent layers: equal
  // ones are written once and pointed at from everywhere, which the format allows.
  template <class List, class T = typename List::value_type> Offset<flatbuffers::Vector<T>> WriteShared(const List& list) {
    std::string key(1, std::is_floating_point_v<T> ? 'f' : static_cast<char>('0' + sizeof(T)));
    key.append(reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T));
    const auto [it, fresh] = shared_.try_emplace(std::move(key), 0);
    if (fresh) it->second = builder_.CreateVector(list.data(), list.size()).o;
    return it->second;
  }

  Offset<flatbuffers::Vector<int32_t>> WriteIndices(const std::vector<TensorId>& list) {
    std::vector<int32_t> out;
    for (TensorId t : list) out.push_back(t == graph::kNoTensor ? -1 : index_[t]);
    return WriteShared(out);
  }

  Offset<fb::SubGraph> WriteSubgraph(const Graph& g) {
    std::vector<uint32_t> codes;
    for (NodeId id : g.order()) {
      const graph::NodeView lens(g, id);
      const int version = ops::VersionOf(lens.view());
      codes.push_back(CodeIndex({g.node(id).op, version}));
      runtime_ = Later(runtime_, MinimumRuntime(lens.view(), version));
    }
    NumberTensors(g);
    std::vector<Offset<fb::Tensor>> tensors;
    std::vector<Offset<fb::Tensor>> scales;  // Of blocks: tensors of their own, behind all others.
    for (TensorId t : used_) tensors.push_back(WriteTensor(g.tensor(t), NameOf(g, t), buffer_[t], static_cast<int32_t>(used_.size()), scales));
    tensors.insert(tensors.end(), scales.begin(), scales.end());
    std::vector<Offset<fb::Operator>> operators;
    for (size_t i = 0; i < codes.size(); ++i) operators.push_back(WriteOperator(g.node(g.order()[i]), codes[i]));
    const auto inputs = WriteIndices(g.inputs), outputs = WriteIndices(g.outputs);
    const auto tensors_at = builder_.CreateVector(tensors);
    const auto operators_at = builder_.CreateVector(operators);
    tensor_index_.push_back(std::move(index_));
    return fb::CreateSubGraph(builder_, tensors_at, inputs, outputs, operators_at, builder_.CreateSharedString(g.name));
  }

  Offset<fb::QuantizationParameters> WriteQuantization(const Quant& q) {
    if (q.empty()) return 0;
    const auto scale = WriteShared(q.scale);
    const auto zero_point = WriteShared(std::vector<int64_t>(q.zero_point.begin(), q.zero_point.end()));
    const auto [it, fresh] = quantizations_.try_emplace({scale.o, zero_point.o, q.axis}, 0);
    if (!fresh) return it->second;
    fb::QuantizationParametersBuilder quantization(builder_);
    quantization.add_scale(scale);
    quantization.add_zero_point(zero_point);
    quantization.add_quantized_dimension(q.axis);
    return it->second = quantization.Finish().o;
  }

  // One scale per block of a row, as half floats in a tensor [rows, blocks]. Its index is `first` and what is there.
  Offset<fb::QuantizationParameters> WriteBlocks(const graph::Tensor& t, int32_t first, std::vector<Offset<fb::Tensor>>& scales) {
    const Quant& q = t.type.quant;
    std::vector<uint16_t> half;
    for (float s : q.scale) half.push_back(F32ToF16(s));
    const auto kept = graph::MakeBuffer(std::as_bytes(std::span(half)));
    block_scales_.push_back(kept);  // Those outside are read when the file is finished.
    const auto rows = t.type.shape[0];
    const auto shape = WriteShared(std::vector<int32_t>{rows, static_cast<int32_t>(half.size()) / std::max(1, rows)});
    const auto name = builder_.CreateString(t.name + "/scales");
    const uint32_t buffer = AddBuffer(*kept);
    fb::TensorBuilder tensor(builder_);
    tensor.add_shape(shape);
    tensor.add_type(static_cast<fb::TensorType>(DType::kF16));
    tensor.add_buffer(buffer);
    tensor.add_name(name);
    tensor.add_has_rank(true);
    const auto index = first + static_cast<int32_t>(scales.size());
    scales.push_back(tensor.Finish());
    const auto blocks = fb::CreateBlockwiseQuantization(builder_, index, -1, q.block_size);
    fb::QuantizationParametersBuilder quantization(builder_);
    quantization.add_details_type(fb::QuantizationDetails::BlockwiseQuantization);
    quantization.add_details(blocks.Union());
    return quantization.Finish();
  }

  // Axes, shapes and other few indices have names that importers made up of their layer's: nobody asks for them, and in
  // small models they were a tenth of the file. The tensor's number does.
  std::string NameOf(const Graph& g, TensorId id) const {
    const graph::Tensor& t = g.tensor(id);
    const bool whole = t.type.dtype == DType::kI32 || t.type.dtype == DType::kI64;
    const bool constant = buffer_[id] != 0 && !t.is_variable && !g.is_output(id);
    return constant && whole && t.type.quant.empty() && t.type.shape.elements() <= kFewIndices ? "/" + std::to_string(index_[id]) : t.name;
  }

  Offset<fb::Tensor> WriteTensor(const graph::Tensor& t, const std::string& called, uint32_t buffer, int32_t first_scales,
                                 std::vector<Offset<fb::Tensor>>& scales) {
    std::vector<int32_t> stored(t.type.shape.dims().begin(), t.type.shape.dims().end());
    const auto signature = t.type.shape.known() ? 0 : WriteShared(stored);
    std::ranges::replace(stored, kUnknown, 1);
    const auto shape = WriteShared(stored);
    const auto name = builder_.CreateSharedString(called);
    const auto quantization = t.type.quant.block_size > 0 ? WriteBlocks(t, first_scales, scales) : WriteQuantization(t.type.quant);
    fb::TensorBuilder tensor(builder_);
    tensor.add_shape(shape);
    tensor.add_type(static_cast<fb::TensorType>(t.type.dtype));
    tensor.add_buffer(buffer);
    tensor.add_name(name);
    if (!quantization.IsNull()) tensor.add_quantization(quantization);
    tensor.add_is_variable(t.is_variable);
    if (!signature.IsNull()) tensor.add_shape_signature(signature);
    tensor.add_has_rank(true);
    return tensor.Finish();
  }

  template <class T> void AddScalar(const ops::AttrRow& row, const void* value) {
    builder_.AddElement<T>(static_cast<flatbuffers::voffset_t>(4 + 2 * row.slot), *static_cast<const T*>(value));
  }

  template <class L> Offset<void> WriteVector(const void* value) {
    const auto list = static_cast<const L*>(value)->span();
    return list.empty() ? Offset<void>() : Offset<void>(builder_.CreateVector(list.data(), list.size()).o);
  }

  // Null for an empty list, and for what is no list.
  Offset<void> WriteList(ops::AttrKind kind, const void* value) {
    switch (kind) {
      case ops::AttrKind::kInts: return WriteVector<ops::Ints>(value);
      case ops::AttrKind::kLongs: return WriteVector<ops::Longs>(value);
      case ops::AttrKind::kFloats: return WriteVector<ops::Floats>(value);
      case ops::AttrKind::kBytes: return WriteVector<ops::Bytes>(value);
      case ops::AttrKind::kSubgraphs: return WriteVector<ops::Subgraphs>(value);
      case ops::AttrKind::kText: {
        const std::string_view text = static_cast<const ops::Text*>(value)->view();
        return Offset<void>(builder_.CreateString(text.data(), text.size()).o);
      }
      default: return {};
    }
  }

  // Every attribute is written, also where it equals the default: readers differ in what they assume. Operators
  // with equal attributes point at one table.
  Offset<void> WriteAttributes(const ops::OpDef& op, const graph::Attributes& attributes) {
    const auto [it, fresh] = attributes_.try_emplace({op.attrs.table, attributes.content()}, 0);
    if (fresh) it->second = WriteNewAttributes(op, attributes).o;
    return it->second;
  }

  Offset<void> WriteNewAttributes(const ops::OpDef& op, const graph::Attributes& attributes) {
    std::map<int, Offset<void>> lists;  // Vectors before the table that holds them.
    const auto value = [&](const ops::AttrRow& row) { return row.at(const_cast<void*>(attributes.get())); };
    for (const ops::AttrRow& row : op.attrs.rows) {
      const Offset<void> list = WriteList(row.kind, value(row));
      if (!list.IsNull()) lists[row.slot] = list;
    }
    const auto start = builder_.StartTable();
    for (const ops::AttrRow& row : op.attrs.rows) {
      switch (row.kind) {
        case ops::AttrKind::kBool:
        case ops::AttrKind::kI8: AddScalar<int8_t>(row, value(row)); break;
        case ops::AttrKind::kI32: AddScalar<int32_t>(row, value(row)); break;
        case ops::AttrKind::kI64: AddScalar<int64_t>(row, value(row)); break;
        case ops::AttrKind::kF32: AddScalar<float>(row, value(row)); break;
        case ops::AttrKind::kSubgraph: AddScalar<int32_t>(row, value(row)); break;
        default: builder_.AddOffset(static_cast<flatbuffers::voffset_t>(4 + 2 * row.slot), lists[row.slot]); break;
      }
    }
    return Offset<void>(builder_.EndTable(start));
  }

  Offset<fb::Operator> WriteOperator(const graph::Node& n, uint32_t code) {
    const auto inputs = WriteIndices(n.inputs), outputs = WriteIndices(n.outputs);
    const auto intermediates = n.intermediates.empty() ? 0 : WriteIndices(n.intermediates);
    const int table = static_cast<int>(n.op->attrs.table);
    const Offset<void> options = table == 0 ? Offset<void>() : WriteAttributes(*n.op, n.attrs);
    const auto custom =
        n.custom_options.empty() ? 0 : builder_.CreateVector(reinterpret_cast<const uint8_t*>(n.custom_options.data()), n.custom_options.size());
    fb::OperatorBuilder op(builder_);
    if (!custom.IsNull()) op.add_custom_options(custom);
    op.add_opcode_index(code);
    op.add_inputs(inputs);
    op.add_outputs(outputs);
    if (table > kSecondUnion) {
      op.add_builtin_options2_type(static_cast<fb::BuiltinOptions2>(table - kSecondUnion));
      op.add_builtin_options2(options);
    } else if (table > 0) {
      op.add_builtin_options_type(static_cast<fb::BuiltinOptions>(table));
      op.add_builtin_options(options);
    }
    if (!intermediates.IsNull()) op.add_intermediates(intermediates);
    return op.Finish();
  }

  uint32_t CodeIndex(const OpVersion& code) {
    const auto it = std::ranges::find(codes_, code);
    if (it != codes_.end()) return static_cast<uint32_t>(it - codes_.begin());
    codes_.push_back(code);
    return static_cast<uint32_t>(codes_.size() - 1);
  }

  Offset<fb::OperatorCode> WriteCode(const OpVersion& c) {
    const int code = static_cast<int>(c.op->code);
    const std::string_view name = c.op->custom_name;
    const auto custom = name.empty() ? 0 : builder_.CreateString(name.data(), name.size());
    return fb::CreateOperatorCode(builder_, static_cast<int8_t>(std::min(code, kPlaceholderCode)), custom, c.version,
                                  static_cast<fb::BuiltinOperator>(code));
  }

  using Entries = Offset<flatbuffers::Vector<Offset<fb::TensorMap>>>;
  Status WriteEntries(const graph::Signature& s, const std::vector<graph::SignatureEntry>& entries, const std::vector<TensorId>& ends, Entries* out) {
    std::vector<Offset<fb::TensorMap>> maps;
    for (const graph::SignatureEntry& e : entries) {
      if (std::ranges::find(ends, e.tensor) == ends.end())
        return Error(Code::kInvalidModel, "signature '%s': '%s' is no input or output of its graph", s.key.c_str(), e.name.c_str());
      const auto index = static_cast<uint32_t>(tensor_index_[static_cast<size_t>(s.subgraph)][e.tensor]);
      maps.push_back(fb::CreateTensorMap(builder_, builder_.CreateSharedString(e.name), index));
    }
    *out = builder_.CreateVector(maps);
    return {};
  }

  Status WriteSignature(const graph::Signature& s, std::vector<Offset<fb::SignatureDef>>* out) {
    const Graph& g = model_.subgraphs[static_cast<size_t>(s.subgraph)];
    Entries inputs, outputs;
    OCTET_TRY(WriteEntries(s, s.inputs, g.inputs, &inputs));
    OCTET_TRY(WriteEntries(s, s.outputs, g.outputs, &outputs));
    const auto key = builder_.CreateSharedString(s.key);
    fb::SignatureDefBuilder signature(builder_);
    signature.add_inputs(inputs);
    signature.add_outputs(outputs);
    signature.add_signature_key(key);
    signature.add_subgraph_index(static_cast<uint32_t>(s.subgraph));
    out->push_back(signature.Finish());
    return {};
  }

  std::vector<Offset<fb::Metadata>> WriteMetadata() {
    std::string version = runtime_;
    version.resize(kRuntimeVersionBytes);  // TensorFlow Lite reads 16 bytes, padded with zeros.
    const auto bytes = std::as_bytes(std::span(version));
    metadata_ = model_.metadata;
    metadata_[kRuntimeVersionKey].assign(bytes.begin(), bytes.end());
    std::vector<Offset<fb::Metadata>> out;
    for (const auto& [name, content] : metadata_) {
      const uint32_t buffer = AddBuffer(content);
      out.push_back(fb::CreateMetadata(builder_, builder_.CreateString(name), buffer));
    }
    return out;
  }

  const graph::Model& model_;
  const uint64_t outside_;
  uint64_t outside_end_;
  std::vector<Outside> outside_constants_;
  std::vector<Gap> gaps_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<Offset<fb::Buffer>> buffers_;
  std::unordered_multimap<size_t, Stored> stored_;  // Buffers by their content's hash.
  std::unordered_map<std::string, flatbuffers::uoffset_t> shared_;  // Vectors, by element type and content.
  std::map<std::tuple<flatbuffers::uoffset_t, flatbuffers::uoffset_t, int32_t>, flatbuffers::uoffset_t> quantizations_;
  std::vector<graph::Buffer> block_scales_;
  std::map<std::pair<ops::OptionsTable, std::string>, flatbuffers::uoffset_t> attributes_;
  std::map<std::string, std::vector<std::byte>> metadata_;
  std::vector<OpVersion> codes_;
  std::string runtime_;                             // The first release that takes all operators.
  std::vector<int32_t> index_;                      // Tensor id -> index in the file, current subgraph.
  std::vector<uint32_t> buffer_;                    // Of constants, by tensor id.
  std::vector<TensorId> used_;
  std::vector<std::vector<int32_t>> tensor_index_;  // index_ of every subgraph.
};

// 0, or where constants begin that do not fit into the flatbuffer.
Result<uint64_t> OutsideOf(const graph::Model& model, uint64_t max_constants_inside) {
  if (ConstantBytes(model) <= max_constants_inside) return 0;
  Writer measure(model, kWeightAlignment);  // A first pass, to know where the flatbuffer ends.
  OCTET_TRY(measure.Write());
  return AlignUp(measure.FlatbufferBytes());
}

}  // namespace

Result<std::vector<std::byte>> Export(const graph::Model& model, uint64_t max_constants_inside) {
  OCTET_ASSIGN(const uint64_t outside, OutsideOf(model, max_constants_inside));
  Writer writer(model, outside);
  OCTET_TRY(writer.Write());
  return writer.Take();
}

Status ExportFile(const graph::Model& model, const std::string& path, uint64_t max_constants_inside) {
  OCTET_ASSIGN(const uint64_t outside, OutsideOf(model, max_constants_inside));
  Writer writer(model, outside);
  OCTET_TRY(writer.Write());
  const std::vector<Writer::Part> parts = writer.Parts();
  std::vector<std::span<const std::byte>> bytes;
  for (const Writer::Part& part : parts) bytes.push_back(part.bytes);
  return WriteFile(path, bytes, [&](size_t i) {
    if (parts[i].constant) parts[i].constant->Forget();
  });
}

}  // namespace octet::exporter
