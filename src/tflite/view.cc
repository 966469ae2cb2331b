// SPDX-License-Identifier: Apache-2.0
// Opens a file: flatbuffers' own verifier first (offsets, vectors, strings, unions), then the meaning:
// every index, size, type and list that the runtime and the tools rely on.
#include "tflite/view.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "schema_generated.h"

namespace octet::tflite {
namespace {

constexpr size_t kMaxFlatbuffer = FLATBUFFERS_MAX_BUFFER_SIZE - 1;  // Buffers may lie behind it.
constexpr int kMaxDepth = 64, kMaxTables = 4'000'000;
constexpr std::byte kNoBytes[1] = {};

std::string_view Text(const flatbuffers::String* s) { return s ? std::string_view(s->data(), s->size()) : std::string_view(); }

// count, offset[count + 1], characters: offsets rise and stay inside.
bool IsStringBuffer(std::span<const std::byte> bytes, int64_t strings) {
  const auto at = [&](size_t i) {
    int32_t v;
    std::memcpy(&v, bytes.data() + 4 * i, 4);
    return v;
  };
  if (bytes.size() < 4 || at(0) < 0 || at(0) != strings) return false;
  const size_t count = static_cast<size_t>(at(0));
  if ((bytes.size() - 4) / 4 < count + 1) return false;
  int32_t before = static_cast<int32_t>(8 + 4 * count);
  for (size_t i = 0; i <= count; ++i) {
    const int32_t offset = at(1 + i);
    if (offset < before || static_cast<size_t>(offset) > bytes.size()) return false;
    before = offset;
  }
  return true;
}

}  // namespace

class Reader {
 public:
  explicit Reader(std::span<const std::byte> file) { view_.file_ = file; }

  Result<View> Read() {
    OCTET_TRY(VerifyFlatbuffer());
    view_.version_ = model_->version();
    view_.description_ = Text(model_->description());
    OCTET_TRY(ReadBuffers());
    if (!model_->subgraphs() || model_->subgraphs()->size() == 0) return Broken("it has no subgraph");
    for (uint32_t i = 0; i < model_->subgraphs()->size(); ++i) OCTET_TRY(ReadSubgraph(*model_->subgraphs()->Get(i), i));
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

  Status VerifyFlatbuffer() {
    const auto* data = reinterpret_cast<const uint8_t*>(view_.file_.data());
    if (view_.file_.size() < 8 || std::memcmp(data + 4, "TFL3", 4) != 0)
      return Broken("expected the identifier TFL3 at byte 4; is this a .tflite file?");
    flatbuffers::Verifier verifier(data, std::min(view_.file_.size(), kMaxFlatbuffer), kMaxDepth, kMaxTables);
    if (!fb::VerifyModelBuffer(verifier)) return Broken("offsets or sizes point outside the file; it is truncated or corrupt");
    model_ = fb::GetModel(data);
    return {};
  }

  Status ReadBuffers() {
    for (uint32_t i = 0; model_->buffers() && i < model_->buffers()->size(); ++i) {
      const fb::Buffer* b = model_->buffers()->Get(i);
      std::span<const std::byte>& bytes = buffers_.emplace_back();
      if (b->offset() > 1) {  // 0 and 1 mean inside, for writers that patch the field later.
        if (b->offset() > view_.file_.size() || b->size() > view_.file_.size() - b->offset())
          return Broken("buffer %u lies outside the file", i);
        bytes = view_.file_.subspan(b->offset(), b->size());
      } else if (b->data()) {
        bytes = {reinterpret_cast<const std::byte*>(b->data()->data()), b->data()->size()};
      }
    }
    return {};
  }

  Status ReadSubgraph(const fb::SubGraph& g, uint32_t index) {
    SubgraphInfo& info = view_.subgraphs_.emplace_back();
    info.name = Text(g.name());
    where_ = Format("subgraph %u", index);
    for (uint32_t i = 0; g.tensors() && i < g.tensors()->size(); ++i) OCTET_TRY(ReadTensor(*g.tensors()->Get(i), info.tensors.emplace_back()));
    OCTET_TRY(ReadIndices(g.inputs(), info, "input", false, &info.inputs));
    OCTET_TRY(ReadIndices(g.outputs(), info, "output", false, &info.outputs));
    for (uint32_t i = 0; g.operators() && i < g.operators()->size(); ++i) {
      where_ = Format("subgraph %u, operator %u", index, i);
      OCTET_TRY(ReadOperator(*g.operators()->Get(i), info));
    }
    return CheckOrder(info, index);
  }

  Status ReadIndices(const flatbuffers::Vector<int32_t>* list, const SubgraphInfo& g, const char* what, bool optional, std::vector<int32_t>* out) {
    for (uint32_t i = 0; list && i < list->size(); ++i) {
      const int32_t t = list->Get(i);
      if (t < (optional ? -1 : 0) || t >= static_cast<int32_t>(g.tensors.size()))
        return Broken("%s: %s %u is tensor %d of %zu", where_.c_str(), what, i, t, g.tensors.size());
      out->push_back(t);
    }
    return {};
  }

  Status ReadShape(const flatbuffers::Vector<int32_t>* dims, std::string_view name, Shape* shape) {
    if (dims && dims->size() > kMaxRank)
      return Error(Code::kUnsupported, "tensor '%.*s' has rank %u; octet goes up to %d", static_cast<int>(name.size()), name.data(), dims->size(), kMaxRank);
    for (uint32_t i = 0; dims && i < dims->size(); ++i) {
      if (dims->Get(i) < -1) return Broken("tensor '%.*s' has dimension %d", static_cast<int>(name.size()), name.data(), dims->Get(i));
      shape->push_back(dims->Get(i));
    }
    return {};
  }

  Status ReadTensor(const fb::Tensor& t, TensorInfo& info) {
    info.name = Text(t.name());
    const int type = static_cast<int>(t.type());
    if (type < 0 || type > static_cast<int>(DType::kU4))
      return Error(Code::kUnsupported, "tensor '%.*s' has element type %d, which octet does not know", static_cast<int>(info.name.size()), info.name.data(), type);
    info.type.dtype = static_cast<DType>(type);
    info.is_variable = t.is_variable();
    OCTET_TRY(ReadShape(t.shape(), info.name, &info.type.shape));
    info.signature = info.type.shape;
    if (t.shape_signature() && t.shape_signature()->size() == static_cast<uint32_t>(info.type.shape.rank())) {
      info.signature = Shape();
      OCTET_TRY(ReadShape(t.shape_signature(), info.name, &info.signature));
    }
    for (int i = 0; i < info.type.shape.rank(); ++i)
      if (info.type.shape[i] == kUnknown) info.type.shape[i] = 1;
    OCTET_TRY(ReadQuantization(t.quantization(), info));
    return ReadConstant(t, info);
  }

  Status ReadQuantization(const fb::QuantizationParameters* q, TensorInfo& info) {
    if (!q || !q->scale() || q->scale()->size() == 0) return {};
    const auto name = [&] { return std::string(info.name); };
    Quant& quant = info.type.quant;
    const Shape& shape = info.type.shape;
    const uint32_t n = q->scale()->size(), zeros = q->zero_point() ? q->zero_point()->size() : 0;
    if (zeros > 1 && zeros != n) return Broken("tensor '%s' has %u scales and %u zero points", name().c_str(), n, zeros);
    quant.axis = q->quantized_dimension();
    // Some writers number the axis of a bias as in its weights: a vector has only one.
    if (n > 1 && shape.rank() == 1) quant.axis = 0;
    if (n > 1 && (quant.axis < 0 || quant.axis >= shape.rank() || static_cast<uint32_t>(shape[quant.axis]) != n))
      return Broken("tensor '%s' has %u scales for dimension %d of %s", name().c_str(), n, quant.axis, shape.text().c_str());
    quant.scale.assign(q->scale()->begin(), q->scale()->end());
    quant.zero_point.resize(n);
    for (uint32_t i = 0; i < n && zeros > 0; ++i) {
      const int64_t zero = q->zero_point()->Get(zeros == 1 ? 0 : i);
      if (zero < INT32_MIN || zero > INT32_MAX) return Broken("tensor '%s' has zero point %lld", name().c_str(), static_cast<long long>(zero));
      quant.zero_point[i] = static_cast<int32_t>(zero);
    }
    return {};
  }

  Status ReadConstant(const fb::Tensor& t, TensorInfo& info) {
    const std::string name(info.name);
    if (t.buffer() >= buffers_.size() && t.buffer() != 0) return Broken("tensor '%s' names buffer %u of %zu", name.c_str(), t.buffer(), buffers_.size());
    const std::span<const std::byte> bytes = t.buffer() < buffers_.size() ? buffers_[t.buffer()] : std::span<const std::byte>();
    if (bytes.empty()) return {};
    if (t.sparsity()) return Error(Code::kUnsupported, "tensor '%s' is stored sparse; save the model with dense weights", name.c_str());
    if (info.is_variable) return Broken("tensor '%s' is a variable and a constant", name.c_str());
    uint64_t expected = 0;
    if (info.type.dtype == DType::kString) {
      if (!CheckedBytes(DType::kI8, info.type.shape, &expected) || !IsStringBuffer(bytes, static_cast<int64_t>(expected)))
        return Broken("the strings of tensor '%s' do not lie inside its buffer", name.c_str());
    } else if (BitsOf(info.type.dtype) > 0 && (!CheckedBytes(info.type.dtype, info.type.shape, &expected) || expected != bytes.size())) {
      return Broken("tensor '%s' of %s%s needs %llu bytes, its buffer has %zu", name.c_str(), std::string(NumpyName(info.type.dtype)).c_str(),
                    info.type.shape.text().c_str(), static_cast<unsigned long long>(expected), bytes.size());
    }
    info.has_constant = true;
    info.constant = Aligned(bytes, std::max(1, std::min(BitsOf(info.type.dtype) / 8, 8)));
    return {};
  }

  // Kernels read constants as their element type, so misaligned ones are copied once.
  std::span<const std::byte> Aligned(std::span<const std::byte> bytes, size_t alignment) {
    if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0) return bytes;
    auto& copy = view_.aligned_.emplace_back(bytes.size() / sizeof(uint64_t) + 1);
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    return {reinterpret_cast<const std::byte*>(copy.data()), bytes.size()};
  }

  Status ReadOperator(const fb::Operator& op, SubgraphInfo& g) {
    OperatorInfo& info = g.operators.emplace_back();
    if (!model_->operator_codes() || op.opcode_index() >= model_->operator_codes()->size())
      return Broken("%s names operator code %u, which is not there", where_.c_str(), op.opcode_index());
    const fb::OperatorCode& code = *model_->operator_codes()->Get(op.opcode_index());
    const auto builtin = std::max<int32_t>(code.deprecated_builtin_code(), static_cast<int32_t>(code.builtin_code()));
    const bool custom = builtin == static_cast<int32_t>(fb::BuiltinOperator::CUSTOM);
    info.op = ops::Find(static_cast<ops::BuiltinCode>(builtin), custom ? Text(code.custom_code()) : std::string_view());
    info.code_name = custom ? Text(code.custom_code()) : fb::EnumNameBuiltinOperator(static_cast<fb::BuiltinOperator>(builtin));
    if (info.code_name.empty()) info.code_name = custom ? "a custom operator without a name" : "an operator newer than octet";
    info.version = code.version();
    OCTET_TRY(ReadIndices(op.inputs(), g, "input", true, &info.inputs));
    OCTET_TRY(ReadIndices(op.outputs(), g, "output", false, &info.outputs));
    OCTET_TRY(ReadIndices(op.intermediates(), g, "intermediate", false, &info.intermediates));
    if (op.custom_options()) info.custom_options = {reinterpret_cast<const std::byte*>(op.custom_options()->data()), op.custom_options()->size()};
    return info.op ? ReadAttributes(op, info) : Status();
  }

  // A table of another kind than the operator's counts as absent: defaults, as in LiteRT.
  Status ReadAttributes(const fb::Operator& op, OperatorInfo& info) {
    const ops::AttrLayout& layout = info.op->attrs;
    if (layout.bytes == 0) return {};
    info.attributes.resize(layout.bytes);
    layout.init(info.attributes.data());
    const int wanted = static_cast<int>(layout.table), second = static_cast<int>(ops::OptionsTable::kSecond);
    const auto* table = static_cast<const flatbuffers::Table*>(wanted < second ? op.builtin_options() : op.builtin_options2());
    const int found = wanted < second ? static_cast<int>(op.builtin_options_type()) : second + static_cast<int>(op.builtin_options2_type());
    if (!table || found != wanted) return {};
    for (const ops::AttrRow& row : layout.rows) OCTET_TRY(ReadAttribute(*table, row, info.attributes.data()));
    return {};
  }

  Status ReadAttribute(const flatbuffers::Table& table, const ops::AttrRow& row, void* attributes) {
    const auto field = static_cast<flatbuffers::voffset_t>(4 + 2 * row.slot);
    void* to = row.at(attributes);
    const auto scalar = [&]<class T>(T* value) { *value = table.GetField<T>(field, *value); };
    switch (row.kind) {
      case ops::AttrKind::kBool: *static_cast<bool*>(to) = table.GetField<uint8_t>(field, *static_cast<bool*>(to)) != 0; break;
      case ops::AttrKind::kI8: scalar(static_cast<int8_t*>(to)); break;
      case ops::AttrKind::kI32: scalar(static_cast<int32_t*>(to)); break;
      case ops::AttrKind::kI64: scalar(static_cast<int64_t*>(to)); break;
      case ops::AttrKind::kF32: scalar(static_cast<float*>(to)); break;
      case ops::AttrKind::kInts: {
        const auto* list = table.GetPointer<const flatbuffers::Vector<int32_t>*>(field);
        auto* ints = static_cast<ops::Ints*>(to);
        if (list && list->size() > kMaxRank)
          return Error(Code::kUnsupported, "%s: %s has %u entries; octet goes up to %d", where_.c_str(), row.name.data(), list->size(), kMaxRank);
        ints->count = list ? static_cast<int32_t>(list->size()) : 0;
        for (int32_t i = 0; i < ints->count; ++i) ints->v[i] = list->Get(i);
        break;
      }
    }
    return {};
  }

  // Values are computed once, before they are read; a constant is not computed.
  Status CheckOrder(SubgraphInfo& g, uint32_t index) {
    std::vector<bool> there(g.tensors.size(), false), computed(g.tensors.size(), false);
    for (int32_t t : g.inputs) there[t] = true;
    for (const OperatorInfo& op : g.operators)
      for (int32_t t : op.outputs) computed[t] = true;
    for (size_t i = 0; i < g.tensors.size(); ++i) {
      TensorInfo& t = g.tensors[i];
      uint64_t bytes = 1;
      // Nothing to store and nobody computes it: an empty constant (no axes, no paddings).
      if (!t.has_constant && !computed[i] && !there[i] && CheckedBytes(t.type.dtype, t.type.shape, &bytes) && bytes == 0 && BitsOf(t.type.dtype) > 0) {
        t.has_constant = true;
        t.constant = {kNoBytes, 0};
      }
      if (t.has_constant || t.is_variable) there[i] = true;
    }
    for (size_t i = 0; i < g.operators.size(); ++i) {
      for (int32_t t : g.operators[i].inputs)
        if (t >= 0 && !there[t]) return Broken("subgraph %u, operator %zu reads tensor '%s' before anything computes it", index, i, std::string(g.tensors[t].name).c_str());
      for (int32_t t : g.operators[i].outputs) {
        if (there[t]) return Broken("subgraph %u, operator %zu writes tensor '%s', which is there already", index, i, std::string(g.tensors[t].name).c_str());
        there[t] = true;
      }
    }
    for (int32_t t : g.outputs)
      if (!there[t]) return Broken("subgraph %u: nothing computes the output '%s'", index, std::string(g.tensors[t].name).c_str());
    return {};
  }

  Status ReadEntries(const flatbuffers::Vector<flatbuffers::Offset<fb::TensorMap>>* maps, int subgraph, std::vector<SignatureInfo::Entry>* out) {
    for (uint32_t i = 0; maps && i < maps->size(); ++i) {
      const uint32_t t = maps->Get(i)->tensor_index();
      if (t >= view_.subgraphs_[subgraph].tensors.size()) return Broken("signature entry '%s' names tensor %u", std::string(Text(maps->Get(i)->name())).c_str(), t);
      out->push_back({Text(maps->Get(i)->name()), static_cast<int32_t>(t)});
    }
    return {};
  }

  Status ReadSignatures() {
    for (uint32_t i = 0; model_->signature_defs() && i < model_->signature_defs()->size(); ++i) {
      const fb::SignatureDef& s = *model_->signature_defs()->Get(i);
      SignatureInfo info;
      info.key = Text(s.signature_key());
      if (s.subgraph_index() >= view_.subgraphs_.size()) return Broken("signature '%s' names subgraph %u", std::string(info.key).c_str(), s.subgraph_index());
      info.subgraph = static_cast<int>(s.subgraph_index());
      OCTET_TRY(ReadEntries(s.inputs(), info.subgraph, &info.inputs));
      OCTET_TRY(ReadEntries(s.outputs(), info.subgraph, &info.outputs));
      view_.signatures_.push_back(std::move(info));
    }
    return {};
  }

  Status ReadMetadata() {
    for (uint32_t i = 0; model_->metadata() && i < model_->metadata()->size(); ++i) {
      const fb::Metadata& m = *model_->metadata()->Get(i);
      if (m.buffer() >= buffers_.size()) return Broken("metadata '%s' names buffer %u", std::string(Text(m.name())).c_str(), m.buffer());
      view_.metadata_.push_back({Text(m.name()), buffers_[m.buffer()]});
    }
    return {};
  }

  View view_;
  const fb::Model* model_ = nullptr;
  std::vector<std::span<const std::byte>> buffers_;
  std::string where_;
};

Result<View> View::Open(std::span<const std::byte> file) { return Reader(file).Read(); }

}  // namespace octet::tflite
