// SPDX-License-Identifier: Apache-2.0
// Opens a file: flatbuffers' own verifier first (offsets, vectors, strings, unions), then the meaning:
// every index, size, type and list that the runtime and the tools rely on.
#include "tflite/view.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>

#include "base/float16.h"
#include "base/strings.h"
#include "builtin_names.h"
#include "tflite/attributes.h"
#include "tflite/schema.h"
#include "tflite/sparse.h"

namespace octet::tflite {
namespace {

constexpr uint32_t kSchemaVersion = 3;
constexpr size_t kMaxFlatbuffer = FLATBUFFERS_MAX_BUFFER_SIZE - 1;  // Buffers may lie behind it.
constexpr int kMaxDepth = 64;
constexpr int kMaxCallDepth = 64;
constexpr size_t kMaxTables = 4'000'000;
constexpr size_t kMinTableBytes = 8;  // A table and the offset to it.
constexpr size_t kFreeEntries = 1 << 16;
constexpr uint64_t kFreeDense = 16 << 20, kDenseGrowth = 64;  // Bytes that sparse constants may grow to, and per byte of the file.
constexpr uint8_t kInput = 1, kOutput = 2;
constexpr std::byte kNoBytes[1] = {};

std::string_view Text(const flatbuffers::String* s) { return s ? std::string_view(s->data(), s->size()) : std::string_view(); }

// "CONV_2D" of 3; nothing of a code that the schema lacks.
std::string_view BuiltinName(int32_t code) {
  static constexpr auto kBegins = [] {
    std::array<uint16_t, kBuiltins + 1> begins{};  // Behind each blank.
    int found = 0;
    for (uint16_t i = 0; i < sizeof kBuiltinNames; ++i)
      if (kBuiltinNames[i] == ' ' || kBuiltinNames[i] == '\0') begins[found++] = i + 1;
    return begins;
  }();
  if (code < 0 || code >= kBuiltins) return {};
  const size_t begin = kBegins[static_cast<size_t>(code)], next = kBegins[static_cast<size_t>(code) + 1];
  return {kBuiltinNames + begin, next - 1 - begin};
}

// For messages: names come from the file, so control characters and great lengths are left out.
std::string Quoted(std::string_view name) {
  std::string text = "'" + std::string(name.substr(0, 120)) + "'";
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

// Zero points that a type holds: [low, end). Types wider than 16 bits (biases, which have 0) get a little room.
struct ZeroPoints {
  int64_t low, end;
};
ZeroPoints ZeroPointsOf(DType type) {
  const int bits = BitsOf(type);
  if (type == DType::kU8 || type == DType::kU16 || type == DType::kU4) return {0, 1 << bits};
  const int64_t limit = bits >= 2 && bits <= 16 && !IsFloat(type) ? int64_t{1} << (bits - 1) : 1 << 16;
  return {-limit, limit};
}

std::span<const std::byte> Bytes(const flatbuffers::Vector<uint8_t>* v) {
  if (!v) return {};
  return {reinterpret_cast<const std::byte*>(v->data()), v->size()};
}

// Why octet cannot use the values of a tensor, or null.
const char* Lacks(const fb::Tensor& t) {
  if (t.external_buffer() != 0) return "constants in a file of their own";
  if (!t.quantization()) return nullptr;
  switch (t.quantization()->details_type()) {
    case fb::QuantizationDetails::NONE:
    case fb::QuantizationDetails::CustomQuantization: return nullptr;  // Information for others.
    case fb::QuantizationDetails::BlockwiseQuantization: return nullptr;  // ReadBlockScales
    default: return "quantization along several dimensions";
  }
}

}  // namespace

class Reader {
 public:
  explicit Reader(std::span<const std::byte> file)
      : entries_left_(file.size() / sizeof(int32_t) + kFreeEntries), dense_left_(file.size() * kDenseGrowth + kFreeDense) {
    view_.file_ = file;
  }

  Result<View> Read() {
    OCTET_TRY(VerifyFlatbuffer());
    view_.version_ = model_->version();
    view_.description_ = Text(model_->description());
    if (view_.version_ != kSchemaVersion)
      return Error(Code::kUnsupported, "the file has schema version %u, octet reads version %u", view_.version_, kSchemaVersion);
    OCTET_TRY(ReadBuffers());
    if (model_->operator_codes()) definitions_.resize(model_->operator_codes()->size());
    if (!model_->subgraphs() || model_->subgraphs()->size() == 0) return Broken("it has no subgraph");
    for (uint32_t i = 0; i < model_->subgraphs()->size(); ++i) OCTET_TRY(ReadSubgraph(*model_->subgraphs()->Get(i), i));
    OCTET_TRY(CheckCalls());
    OCTET_TRY(ReadSignatures());
    OCTET_TRY(ReadMetadata());
    return std::move(view_);
  }

 private:
  [[gnu::format(printf, 2, 3)]] Status Broken(const char* format, ...) const {
    char text[400];
    va_list list;
    va_start(list, format);
    std::vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return Error(Code::kInvalidModel, "not a valid .tflite model: %s", text);
  }

  // What is being read. Its name is made only for messages: to print one for every operator took longer than to read it.
  struct Place {
    uint32_t subgraph = 0;
    int64_t operator_index = -1;  // -1: the subgraph itself.
  };
  std::string Where() const {
    if (place_.operator_index < 0) return Format("subgraph %u", place_.subgraph);
    return Format("subgraph %u, operator %lld", place_.subgraph, static_cast<long long>(place_.operator_index));
  }

  // A flatbuffer may name one vector many times. What is copied stays within the file's size, so that a
  // small hostile file cannot ask for much memory or time.
  Status Spend(size_t entries) {
    if (entries > entries_left_) return Broken("its parts are shared so often that they exceed the file");
    entries_left_ -= entries;
    return {};
  }

  Status VerifyFlatbuffer() {
    const std::span<const std::byte> file = view_.file_;
    const auto* data = reinterpret_cast<const uint8_t*>(file.data());
    if (file.size() < 8 || std::memcmp(data + 4, "TFL3", 4) != 0)
      return Broken("expected the identifier TFL3 at byte 4; is this a .tflite file?");
    if (reinterpret_cast<uintptr_t>(data) % alignof(uint64_t) != 0)
      return Error(Code::kInvalidArgument, "the model's bytes must start at a multiple of 8 in memory");
    const size_t tables = std::min(kMaxTables, file.size() / kMinTableBytes);
    flatbuffers::Verifier verifier(data, std::min(file.size(), kMaxFlatbuffer), kMaxDepth, static_cast<flatbuffers::uoffset_t>(tables));
    if (!fb::VerifyModelBuffer(verifier)) return Broken("offsets or sizes point outside the file; it is truncated or corrupt");
    model_ = fb::GetModel(data);
    return {};
  }

  // What lies behind the flatbuffer; offsets 0 and 1 mean inside, for writers that patch the field later.
  Status Outside(uint64_t offset, uint64_t size, const char* what, std::span<const std::byte>* out) const {
    const uint64_t whole = view_.file_.size();
    if (offset > whole || size > whole - offset)
      return Broken("%s has %llu bytes at offset %llu, outside the file of %llu; is it truncated?", what, static_cast<unsigned long long>(size),
                    static_cast<unsigned long long>(offset), static_cast<unsigned long long>(whole));
    *out = view_.file_.subspan(offset, size);
    return {};
  }

  Status ReadBuffers() {
    for (uint32_t i = 0; model_->buffers() && i < model_->buffers()->size(); ++i) {
      const fb::Buffer* b = model_->buffers()->Get(i);
      std::span<const std::byte> bytes = Bytes(b->data());
      if (bytes.empty() && b->offset() > 1) OCTET_TRY(Outside(b->offset(), b->size(), "a buffer", &bytes));
      buffers_.push_back({bytes, -1});
    }
    return {};
  }

  Status ReadSubgraph(const fb::SubGraph& g, uint32_t index) {
    SubgraphInfo& info = view_.subgraphs_.emplace_back();
    calls_.emplace_back();
    info.name = Text(g.name());
    const uint32_t tensors = g.tensors() ? g.tensors()->size() : 0, operators = g.operators() ? g.operators()->size() : 0;
    info.tensors.resize(tensors);
    for (uint32_t i = 0; i < tensors; ++i) OCTET_TRY(ReadTensor(*g.tensors()->Get(i), tensors, info.tensors[i]));
    for (uint32_t i = 0; i < tensors; ++i) OCTET_TRY(ReadBlockScales(*g.tensors()->Get(i), info.tensors, info.tensors[i]));
    place_ = {index, -1};
    OCTET_TRY(ReadIndices(g.inputs(), tensors, "input", 0, &info.inputs));
    OCTET_TRY(ReadIndices(g.outputs(), tensors, "output", 0, &info.outputs));
    info.operators.resize(operators);
    OCTET_TRY(ReadCodes(g, info));
    for (uint32_t i = 0; i < operators; ++i) {
      place_.operator_index = i;
      OCTET_TRY(ReadOperator(*g.operators()->Get(i), info, info.operators[i]));
    }
    auto& ends = ends_.emplace_back(tensors, 0);
    for (int32_t t : info.inputs) ends[t] |= kInput;
    for (int32_t t : info.outputs) ends[t] |= kOutput;
    return CheckOrder(info, index);
  }

  Status ReadIndices(const flatbuffers::Vector<int32_t>* list, uint32_t tensors, const char* what, int32_t least, std::vector<int32_t>* out) {
    if (!list) return {};
    OCTET_TRY(Spend(list->size()));
    out->assign(list->begin(), list->end());
    return CheckIndices(*out, tensors, what, least);
  }
  Status CheckIndices(std::span<const int32_t> list, uint32_t tensors, const char* what, int32_t least) const {
    for (size_t i = 0; i < list.size(); ++i)
      if (list[i] < least || list[i] >= static_cast<int64_t>(tensors))
        return Broken("%s: %s %zu is tensor %d, there are %u", Where().c_str(), what, i, list[i], tensors);
    return {};
  }

  // What the operators are, and room for their operands and attributes: a list of each for all of them, as most have few.
  Status ReadCodes(const fb::SubGraph& g, SubgraphInfo& info) {
    size_t indices = 0, attributes = 0;
    for (uint32_t i = 0; i < info.operators.size(); ++i) {
      const fb::Operator& op = *g.operators()->Get(i);
      place_.operator_index = i;
      if (!model_->operator_codes() || op.opcode_index() >= model_->operator_codes()->size())
        return Broken("%s names operator code %u, which is not there", Where().c_str(), op.opcode_index());
      ReadCode(*model_->operator_codes()->Get(op.opcode_index()), &definitions_[op.opcode_index()], info.operators[i]);
      for (const auto* list : {op.inputs(), op.outputs(), op.intermediates()}) indices += list ? list->size() : 0;
      if (info.operators[i].op) attributes += UnitsOf(info.operators[i].op->attrs);
    }
    OCTET_TRY(Spend(indices));
    next_index_ = view_.indices_.emplace_back(indices).data();
    next_attributes_ = view_.attributes_.emplace_back(attributes).data();
    return {};
  }
  static size_t UnitsOf(const ops::AttrLayout& layout) { return (layout.bytes + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t); }

  Status ReadOperands(const flatbuffers::Vector<int32_t>* list, uint32_t tensors, const char* what, int32_t least, std::span<const int32_t>* out) {
    if (!list) return {};
    std::copy_n(list->data(), list->size(), next_index_);
    *out = {next_index_, list->size()};
    next_index_ += list->size();
    return CheckIndices(*out, tensors, what, least);
  }

  Status ReadShape(const flatbuffers::Vector<int32_t>* dims, const TensorInfo& info, Shape* shape) {
    if (dims && dims->size() > kMaxRank)
      return Error(Code::kUnsupported, "tensor %s has rank %u, octet goes up to %d", Quoted(info.name).c_str(), dims->size(), kMaxRank);
    *shape = Shape();
    for (uint32_t i = 0; dims && i < dims->size(); ++i) {
      if (dims->Get(i) < kUnknown) return Broken("tensor %s has dimension %d", Quoted(info.name).c_str(), dims->Get(i));
      shape->push_back(dims->Get(i));
    }
    return {};
  }

  Status ReadTensor(const fb::Tensor& t, uint32_t tensors, TensorInfo& info) {
    info.name = Text(t.name());
    const int type = static_cast<int>(t.type());
    if (type < 0 || type > static_cast<int>(DType::kU4))
      return Error(Code::kUnsupported, "tensor %s has element type %d, which octet does not know", Quoted(info.name).c_str(), type);
    info.type.dtype = static_cast<DType>(type);
    info.is_variable = t.is_variable();
    info.lacks = Lacks(t);
    OCTET_TRY(ReadShape(t.shape(), info, &info.type.shape));
    info.signature = info.type.shape;
    if (t.shape_signature() && t.shape_signature()->size() == static_cast<uint32_t>(info.type.shape.rank()))
      OCTET_TRY(ReadShape(t.shape_signature(), info, &info.signature));
    for (int i = 0; i < info.type.shape.rank(); ++i)
      if (info.type.shape[i] == kUnknown) info.type.shape[i] = 1;
    if (t.quantization()) OCTET_TRY(ReadQuantization(*t.quantization(), tensors, info));
    return ReadConstant(t, info);
  }

  Status ReadQuantization(const fb::QuantizationParameters& q, uint32_t tensors, TensorInfo& info) {
    Quant& quant = info.type.quant;
    if (const fb::BlockwiseQuantization* blocks = q.details_as_BlockwiseQuantization()) {
      if (blocks->block_size() <= 0 || blocks->scales() < 0 || static_cast<uint32_t>(blocks->scales()) >= tensors)
        return Broken("tensor %s has blocks of %d elements with scales in tensor %d", Quoted(info.name).c_str(), blocks->block_size(), blocks->scales());
      quant.block_size = blocks->block_size();
    }
    const uint32_t n = q.scale() ? q.scale()->size() : 0, zeros = q.zero_point() ? q.zero_point()->size() : 0;
    if (n == 0) return {};  // min and max alone: what a calibration left.
    const Shape& shape = info.type.shape;
    if (zeros > 1 && zeros != n) return Broken("tensor %s has %u scales and %u zero points", Quoted(info.name).c_str(), n, zeros);
    quant.axis = q.quantized_dimension();
    // Some writers number the axis of a bias as in its weights: a vector has only one.
    if (shape.rank() == 1 || (n == 1 && (quant.axis < 0 || quant.axis >= shape.rank()))) quant.axis = 0;
    if (n > 1 && (quant.axis < 0 || quant.axis >= shape.rank() || static_cast<int64_t>(shape[quant.axis]) != n))
      return Broken("tensor %s has %u scales for dimension %d of %s", Quoted(info.name).c_str(), n, quant.axis, shape.text().c_str());
    OCTET_TRY(Spend(2 * size_t{n}));
    quant.scale.assign(q.scale()->data(), q.scale()->data() + n);
    return ReadZeroPoints(q, n, info);
  }

  Status ReadZeroPoints(const fb::QuantizationParameters& q, uint32_t n, TensorInfo& info) {
    const uint32_t zeros = q.zero_point() ? q.zero_point()->size() : 0;
    const auto zero_of = [&](uint32_t i) {
      int64_t zero = 0;  // Its place may be odd: the verifier aligns the vector's length, four bytes.
      std::memcpy(&zero, q.zero_point()->Data() + (zeros == n ? i : 0) * sizeof zero, sizeof zero);
      return zero;
    };
    SharedList<int32_t>& points = info.type.quant.zero_point;
    int64_t any = 0;
    for (uint32_t i = 0; i < n && zeros > 0; ++i) any |= zero_of(i);
    if (any == 0 && n > 1) {
      SharedList<int32_t>& all = zeros_[n];
      if (all.empty()) all.assign(n, 0);
      points = all;
      return {};
    }
    points.assign(n, 0);
    const ZeroPoints held = ZeroPointsOf(info.type.dtype);
    for (uint32_t i = 0; i < n && zeros > 0; ++i) {
      // Kernels subtract it from values of the type: outside of the type's range sums could overflow.
      const int64_t zero = zero_of(i);
      if (zero < held.low || zero >= held.end) return Broken("tensor %s has zero point %lld", Quoted(info.name).c_str(), static_cast<long long>(zero));
      points[i] = static_cast<int32_t>(zero);
    }
    return {};
  }

  // Scales of blocks lie in a constant of half floats; they become the tensor's list of scales, row by row.
  Status ReadBlockScales(const fb::Tensor& t, const std::vector<TensorInfo>& tensors, TensorInfo& info) {
    Quant& quant = info.type.quant;
    if (quant.block_size == 0) return {};
    const TensorInfo& scales = tensors[static_cast<size_t>(t.quantization()->details_as_BlockwiseQuantization()->scales())];
    uint64_t bytes = 0;
    const bool packed = info.type.dtype == DType::kI4 || info.type.dtype == DType::kI2;
    const bool divides = packed && info.type.shape.rank() > 0 && info.type.shape.back() % quant.block_size == 0;
    if (!divides || !scales.has_constant || scales.type.dtype != DType::kF16 || !CheckedBytes(DType::kI8, info.type.shape, &bytes) ||
        scales.constant.size() / sizeof(uint16_t) != bytes / static_cast<uint64_t>(quant.block_size)) {
      info.lacks = "blockwise quantization of this form";
      return {};
    }
    const size_t n = scales.constant.size() / sizeof(uint16_t);
    OCTET_TRY(Spend(2 * n));
    std::vector<float> dense(n);
    for (size_t i = 0; i < n; ++i) {
      uint16_t half;
      std::memcpy(&half, scales.constant.data() + i * sizeof half, sizeof half);
      dense[i] = F16ToF32(half);
    }
    quant.scale = std::move(dense);
    quant.zero_point = std::vector<int32_t>(n);
    return {};
  }

  Status ReadSparse(const fb::Tensor& t, TensorInfo& info, uint64_t dense_bytes) {
    if (dense_bytes > dense_left_) return Broken("tensor %s and other sparse ones are too large for the file", Quoted(info.name).c_str());
    dense_left_ -= dense_bytes;
    auto dense = Densify(*t.sparsity(), info.type, buffers_[t.buffer()].bytes, dense_bytes);
    if (!dense.ok()) return Broken("the sparse tensor %s: %s", Quoted(info.name).c_str(), dense.error().message().c_str());
    view_.aligned_.push_back(std::move(*dense));
    info.has_constant = true;
    info.constant = std::as_bytes(std::span(view_.aligned_.back())).first(dense_bytes);
    return {};
  }

  Status ReadConstant(const fb::Tensor& t, TensorInfo& info) {
    if (t.buffer() >= buffers_.size() && t.buffer() != 0)
      return Broken("tensor %s names buffer %u, there are %zu", Quoted(info.name).c_str(), t.buffer(), buffers_.size());
    if (t.external_buffer() != 0 || t.buffer() >= buffers_.size()) return {};
    const std::span<const std::byte> bytes = buffers_[t.buffer()].bytes;
    if (bytes.empty()) return {};
    const DType dtype = info.type.dtype;
    if (info.is_variable) return Broken("tensor %s is a variable and a constant", Quoted(info.name).c_str());
    uint64_t expected = 0;
    if (t.sparsity() && CheckedBytes(dtype, info.type.shape, &expected)) return ReadSparse(t, info, expected);
    if (dtype == DType::kString) {
      OCTET_TRY(Spend(bytes.size() / sizeof(int32_t)));
      if (!CheckedBytes(DType::kI8, info.type.shape, &expected) || !octet::IsStringBuffer(bytes, static_cast<int64_t>(expected)))
        return Broken("the strings of tensor %s do not lie inside its buffer, or are not %s", Quoted(info.name).c_str(), info.type.shape.text().c_str());
    } else if (BitsOf(dtype) == 0 || dtype == DType::kResource) {
      return Broken("tensor %s of type %s cannot be a constant", Quoted(info.name).c_str(), std::string(NumpyName(dtype)).c_str());
    } else if (!CheckedBytes(dtype, info.type.shape, &expected) || expected != bytes.size()) {
      return Broken("tensor %s of %s%s needs %llu bytes, its buffer has %zu", Quoted(info.name).c_str(), std::string(NumpyName(dtype)).c_str(),
                    info.type.shape.text().c_str(), static_cast<unsigned long long>(expected), bytes.size());
    }
    info.has_constant = true;
    info.constant = Aligned(buffers_[t.buffer()], dtype == DType::kString ? 1 : std::clamp(BitsOf(dtype) / 8, 1, 8));
    return {};
  }

  struct BufferState {
    std::span<const std::byte> bytes;
    int copy;  // Its place in View::aligned_, or -1.
  };

  // Kernels read constants as their element type, so misaligned ones are copied, once.
  std::span<const std::byte> Aligned(BufferState& buffer, int alignment) {
    if (reinterpret_cast<uintptr_t>(buffer.bytes.data()) % static_cast<size_t>(alignment) == 0) return buffer.bytes;
    if (buffer.copy < 0) {
      buffer.copy = static_cast<int>(view_.aligned_.size());
      view_.aligned_.emplace_back(buffer.bytes.size() / sizeof(uint64_t) + 1);
      std::memcpy(view_.aligned_.back().data(), buffer.bytes.data(), buffer.bytes.size());
    }
    return std::as_bytes(std::span(view_.aligned_[static_cast<size_t>(buffer.copy)])).first(buffer.bytes.size());
  }

  Status ReadOperator(const fb::Operator& op, const SubgraphInfo& g, OperatorInfo& info) {
    const auto tensors = static_cast<uint32_t>(g.tensors.size());
    OCTET_TRY(ReadOperands(op.inputs(), tensors, "input", -1, &info.inputs));
    OCTET_TRY(ReadOperands(op.outputs(), tensors, "output", 0, &info.outputs));
    OCTET_TRY(ReadOperands(op.intermediates(), tensors, "intermediate", -1, &info.intermediates));
    info.custom_options = Bytes(op.custom_options());
    if (op.large_custom_options_offset() > 1)
      OCTET_TRY(Outside(op.large_custom_options_offset(), op.large_custom_options_size(), "an operator's options", &info.custom_options));
    for (const std::span<const int32_t> list : {info.inputs, info.outputs})
      for (int32_t t : list)
        if (t >= 0 && g.tensors[static_cast<size_t>(t)].lacks && !info.lacks) info.lacks = g.tensors[static_cast<size_t>(t)].lacks;
    if (info.lacks) info.op = nullptr;
    return info.op ? ReadOptions(op, info) : Status();
  }

  // Old writers know only the deprecated code of 8 bits, new ones put a placeholder there.
  void ReadCode(const fb::OperatorCode& code, const ops::OpDef** definition, OperatorInfo& info) {
    const auto builtin = std::max<int32_t>(code.deprecated_builtin_code(), static_cast<int32_t>(code.builtin_code()));
    const bool custom = builtin == static_cast<int32_t>(fb::BuiltinOperator::CUSTOM);
    info.version = code.version();
    info.is_custom = custom;
    if (custom) info.code_name = Text(code.custom_code());
    else info.code_name = BuiltinName(builtin);
    if (info.code_name.empty()) info.code_name = view_.names_.emplace_back(custom ? "CUSTOM" : Format("operator code %d", builtin));
    if (!*definition && builtin >= 0 && builtin <= INT16_MAX)
      *definition = ops::Find(static_cast<ops::BuiltinCode>(builtin), custom ? info.code_name : std::string_view());
    info.op = *definition;
  }

  Status ReadOptions(const fb::Operator& op, OperatorInfo& info) {
    const ops::AttrLayout& layout = info.op->attrs;
    const int wanted = static_cast<int>(layout.table), second = static_cast<int>(ops::OptionsTable::kSecond);
    const bool first = wanted < second;
    const void* table = first ? op.builtin_options() : op.builtin_options2();
    const int found = first ? static_cast<int>(op.builtin_options_type()) : second + static_cast<int>(op.builtin_options2_type());
    if (found != wanted) {
      if (table && found != 0 && found != second && !layout.rows.empty())
        return Broken("%s (%.*s) has options of another operator: table %d instead of %d", Where().c_str(), static_cast<int>(info.op->name.size()),
                      info.op->name.data(), found, wanted);
      table = nullptr;
    }
    auto* const attributes = reinterpret_cast<std::byte*>(next_attributes_);
    next_attributes_ += UnitsOf(layout);
    const Status read = ReadAttributes(layout, table, attributes);
    if (!read.ok()) return Error(read.code(), "%s: %s", Where().c_str(), read.message().c_str());
    info.attributes = {attributes, layout.bytes};
    const std::vector<int32_t> called = ops::CalledSubgraphs(layout, info.attributes.data());
    for (int32_t callee : called)
      if (callee < 0 || static_cast<uint32_t>(callee) >= model_->subgraphs()->size())
        return Broken("%s calls subgraph %d, there are %u", Where().c_str(), callee, model_->subgraphs()->size());
    calls_.back().insert(calls_.back().end(), called.begin(), called.end());
    return Spend(called.size());
  }

  // Subgraphs may not call themselves, also not by way of others, and nest only so deep: plans do the same.
  Status CheckCalls() {
    const size_t n = calls_.size();
    std::vector<int> depth(n, 0), callers(n, 0);
    std::vector<int32_t> ready;
    for (const std::vector<int32_t>& list : calls_)
      for (int32_t callee : list) ++callers[static_cast<size_t>(callee)];
    for (size_t i = 0; i < n; ++i)
      if (callers[i] == 0) ready.push_back(static_cast<int32_t>(i));
    for (size_t done = 0; done < ready.size(); ++done) {
      const auto caller = static_cast<size_t>(ready[done]);
      if (depth[caller] > kMaxCallDepth) return Error(Code::kUnsupported, "its subgraphs call each other more than %d deep", kMaxCallDepth);
      for (int32_t callee : calls_[caller]) {
        int& level = depth[static_cast<size_t>(callee)];
        level = std::max(level, depth[caller] + 1);
        if (--callers[static_cast<size_t>(callee)] == 0) ready.push_back(callee);
      }
    }
    return ready.size() == n ? Status() : Broken("a subgraph calls itself");
  }

  // Values are computed once, before they are read; a constant is not computed. Variables always have one.
  Status CheckOrder(SubgraphInfo& g, uint32_t index) {
    std::vector<bool> there(g.tensors.size(), false);
    for (int32_t t : g.inputs) there[t] = true;
    MarkStored(g, &there);
    for (size_t i = 0; i < g.operators.size(); ++i) {
      for (int32_t t : g.operators[i].inputs)
        if (t >= 0 && !there[t])
          return Broken("subgraph %u, operator %zu reads tensor %s before anything computes it", index, i, Quoted(g.tensors[t].name).c_str());
      for (int32_t t : g.operators[i].outputs) {
        if (there[t] && !g.tensors[t].is_variable)  // Converters mark states that a DEQUANTIZE sets.
          return Broken("subgraph %u, operator %zu writes tensor %s, which is there already", index, i, Quoted(g.tensors[t].name).c_str());
        there[t] = true;
      }
    }
    for (int32_t t : g.outputs)
      if (!there[t]) return Broken("subgraph %u: nothing computes the output %s", index, Quoted(g.tensors[t].name).c_str());
    return {};
  }

  // Constants, variables, and what nobody computes because it has no elements (no axes, no paddings).
  static void MarkStored(SubgraphInfo& g, std::vector<bool>* there) {
    std::vector<bool> computed(g.tensors.size(), false);
    for (const OperatorInfo& op : g.operators)
      for (int32_t t : op.outputs) computed[t] = true;
    for (size_t i = 0; i < g.tensors.size(); ++i) {
      TensorInfo& t = g.tensors[i];
      uint64_t bytes = 1;
      if (!t.has_constant && !computed[i] && !(*there)[i] && !t.is_variable && BitsOf(t.type.dtype) > 0 &&
          CheckedBytes(t.type.dtype, t.type.shape, &bytes) && bytes == 0) {
        t.has_constant = true;
        t.constant = {kNoBytes, 0};
      }
      if (t.has_constant || t.is_variable || (t.lacks && !computed[i])) (*there)[i] = true;
    }
  }

  using TensorMaps = flatbuffers::Vector<flatbuffers::Offset<fb::TensorMap>>;
  Status ReadEntries(const TensorMaps* maps, const SignatureInfo& s, uint8_t end, std::vector<SignatureInfo::Entry>* out) {
    const std::vector<uint8_t>& ends = ends_[static_cast<size_t>(s.subgraph)];
    for (uint32_t i = 0; maps && i < maps->size(); ++i) {
      const uint32_t t = maps->Get(i)->tensor_index();
      const std::string_view name = Text(maps->Get(i)->name());
      if (t >= ends.size() || !(ends[t] & end))
        return Broken("signature %s: entry %s names tensor %u, which is no %s of subgraph %d", Quoted(s.key).c_str(), Quoted(name).c_str(), t,
                      end == kInput ? "input" : "output", s.subgraph);
      out->push_back({name, static_cast<int32_t>(t)});
    }
    return {};
  }

  Status ReadSignatures() {
    for (uint32_t i = 0; model_->signature_defs() && i < model_->signature_defs()->size(); ++i) {
      const fb::SignatureDef& s = *model_->signature_defs()->Get(i);
      SignatureInfo info;
      info.key = Text(s.signature_key());
      if (s.subgraph_index() >= view_.subgraphs_.size()) return Broken("signature %s names subgraph %u", Quoted(info.key).c_str(), s.subgraph_index());
      info.subgraph = static_cast<int>(s.subgraph_index());
      OCTET_TRY(ReadEntries(s.inputs(), info, kInput, &info.inputs));
      OCTET_TRY(ReadEntries(s.outputs(), info, kOutput, &info.outputs));
      view_.signatures_.push_back(std::move(info));
    }
    return {};
  }

  Status ReadMetadata() {
    for (uint32_t i = 0; model_->metadata() && i < model_->metadata()->size(); ++i) {
      const fb::Metadata& m = *model_->metadata()->Get(i);
      if (m.buffer() >= buffers_.size()) return Broken("metadata %s names buffer %u", Quoted(Text(m.name())).c_str(), m.buffer());
      view_.metadata_.push_back({Text(m.name()), buffers_[m.buffer()].bytes});
    }
    return {};
  }

  View view_;
  const fb::Model* model_ = nullptr;
  std::vector<BufferState> buffers_;
  std::vector<const ops::OpDef*> definitions_;  // Per operator code, from its first use on; null where none was found.
  std::vector<std::vector<uint8_t>> ends_;  // Per subgraph and tensor: kInput, kOutput.
  std::vector<std::vector<int32_t>> calls_;  // Per subgraph: the ones it calls.
  size_t entries_left_;
  uint64_t dense_left_;
  int32_t* next_index_ = nullptr;                // In View::indices_,
  std::max_align_t* next_attributes_ = nullptr;  // and in View::attributes_.
  std::map<uint32_t, SharedList<int32_t>> zeros_;  // So many zero points of 0: tensors share them.
  Place place_;
};

Result<View> View::Open(std::span<const std::byte> file) { return Reader(file).Read(); }

}  // namespace octet::tflite
