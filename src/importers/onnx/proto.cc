// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/proto.h"

#include <charconv>

namespace octet::importers::onnx {
namespace {

using data::WireField;
using data::WireReader;
using Bytes = std::span<const std::byte>;

constexpr int kMaxDepth = 16;  // Of graphs inside graphs; exporters nest two or three.

// Each Parse function returns false where the message is malformed; the caller stops.
bool IsBytes(const WireField& f) { return f.kind == WireField::Kind::kBytes; }

bool AppendInts(const WireField& f, std::vector<int64_t>* to) {
  std::vector<uint64_t> bits;
  if (!data::AppendPacked(f, WireField::Kind::kVarint, &bits)) return false;
  for (const uint64_t b : bits) to->push_back(static_cast<int64_t>(b));
  return true;
}

bool AppendFloats(const WireField& f, std::vector<float>* to) {
  std::vector<uint64_t> bits;
  if (!data::AppendPacked(f, WireField::Kind::kFixed32, &bits)) return false;
  for (const uint64_t b : bits) to->push_back(std::bit_cast<float>(static_cast<uint32_t>(b)));
  return true;
}

// StringStringEntryProto: key = 1, value = 2.
bool ParseEntry(Bytes bytes, std::string_view* key, std::string_view* value) {
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    if (f.number == 1) *key = f.as_text();
    if (f.number == 2) *value = f.as_text();
  }
  return r.ok();
}

bool ParseExternal(Bytes bytes, TensorProto* t) {
  std::string_view key, value;
  if (!ParseEntry(bytes, &key, &value)) return false;
  if (key == "location") t->location = value;
  int64_t* number = key == "offset" ? &t->offset : key == "length" ? &t->length : nullptr;
  return !number || std::from_chars(value.data(), value.data() + value.size(), *number).ec == std::errc();
}

bool ParseTensor(Bytes bytes, TensorProto* t) {
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    switch (f.number) {
      case 1: if (!AppendInts(f, &t->dims)) return false; break;
      case 2: t->type = f.as_int32(); break;
      case 4: case 5: case 6: case 7: case 10: case 11: t->typed.push_back(f); break;
      case 8: t->name = f.as_text(); break;
      case 9: t->raw = f.bytes; t->has_raw = true; break;
      case 13: if (!IsBytes(f) || !ParseExternal(f.bytes, t)) return false; break;
      case 14: t->external = f.bits == 1; break;
    }
  }
  return r.ok();
}

bool ParseGraph(Bytes bytes, int depth, GraphProto* g);

bool ParseAttribute(Bytes bytes, int depth, AttributeProto* a) {
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    switch (f.number) {
      case 1: a->name = f.as_text(); break;
      case 2: a->f = f.as_float(); break;
      case 3: a->i = f.as_int(); break;
      case 4: a->s = f.as_text(); break;
      case 5:
        a->t = std::make_unique<TensorProto>();
        if (!IsBytes(f) || !ParseTensor(f.bytes, a->t.get())) return false;
        break;
      case 6:
        a->g = std::make_unique<GraphProto>();
        if (!IsBytes(f) || !ParseGraph(f.bytes, depth + 1, a->g.get())) return false;
        break;
      case 7: if (!AppendFloats(f, &a->floats)) return false; break;
      case 8: if (!AppendInts(f, &a->ints)) return false; break;
      case 9: a->strings.push_back(f.as_text()); break;
      case 20: a->type = f.as_int32(); break;
      case 21: a->ref = f.as_text(); break;
    }
  }
  return r.ok();
}

bool ParseNode(Bytes bytes, int depth, NodeProto* n) {
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    switch (f.number) {
      case 1: n->inputs.push_back(f.as_text()); break;
      case 2: n->outputs.push_back(f.as_text()); break;
      case 3: n->name = f.as_text(); break;
      case 4: n->op = f.as_text(); break;
      case 5: if (!IsBytes(f) || !ParseAttribute(f.bytes, depth, &n->attributes.emplace_back())) return false; break;
      case 7: n->domain = f.as_text() == "ai.onnx" ? std::string_view() : f.as_text(); break;
    }
  }
  return r.ok();
}

// TensorShapeProto: dim = 1 {dim_value = 1, dim_param = 2}.
bool ParseShape(Bytes bytes, std::vector<DimProto>* dims) {
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    if (f.number != 1) continue;
    DimProto& d = dims->emplace_back();
    WireReader inner(f.bytes);
    for (WireField g; inner.Next(&g);) {
      if (g.number == 1) d.value = g.as_int();
      if (g.number == 2) d.symbol = g.as_text();
    }
    if (!inner.ok()) return false;
  }
  return r.ok();
}

// TypeProto: tensor_type = 1 {elem_type = 1, shape = 2}.
bool ParseType(Bytes bytes, ValueProto* v) {
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    if (f.number != 1) continue;
    WireReader tensor(f.bytes);
    for (WireField g; tensor.Next(&g);) {
      if (g.number == 1) v->type = g.as_int32();
      if (g.number != 2) continue;
      v->has_shape = true;
      if (!ParseShape(g.bytes, &v->dims)) return false;
    }
    if (!tensor.ok()) return false;
  }
  return r.ok();
}

bool ParseValue(Bytes bytes, ValueProto* v) {
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    if (f.number == 1) v->name = f.as_text();
    if (f.number == 2 && (!IsBytes(f) || !ParseType(f.bytes, v))) return false;
  }
  return r.ok();
}

bool ParseGraph(Bytes bytes, int depth, GraphProto* g) {
  if (depth > kMaxDepth) return false;
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    bool good = true;
    switch (f.number) {
      case 1: good = IsBytes(f) && ParseNode(f.bytes, depth, &g->nodes.emplace_back()); break;
      case 2: g->name = f.as_text(); break;
      case 5: good = IsBytes(f) && ParseTensor(f.bytes, &g->initializers.emplace_back()); break;
      case 11: good = IsBytes(f) && ParseValue(f.bytes, &g->inputs.emplace_back()); break;
      case 12: good = IsBytes(f) && ParseValue(f.bytes, &g->outputs.emplace_back()); break;
      case 13: good = IsBytes(f) && ParseValue(f.bytes, &g->values.emplace_back()); break;
      case 15: g->has_sparse = true; break;
    }
    if (!good) return false;
  }
  return r.ok();
}

bool ParseOpset(Bytes bytes, std::map<std::string_view, int64_t>* opsets) {
  std::string_view domain;
  int64_t version = 0;
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    if (f.number == 1) domain = f.as_text();
    if (f.number == 2) version = f.as_int();
  }
  (*opsets)[domain == "ai.onnx" ? std::string_view() : domain] = version;
  return r.ok();
}

bool ParseFunction(Bytes bytes, FunctionProto* p) {
  WireReader r(bytes);
  for (WireField f; r.Next(&f);) {
    bool good = true;
    switch (f.number) {
      case 1: p->name = f.as_text(); break;
      case 4: p->inputs.push_back(f.as_text()); break;
      case 5: p->outputs.push_back(f.as_text()); break;
      case 6: p->attributes.push_back(f.as_text()); break;
      case 7: good = IsBytes(f) && ParseNode(f.bytes, 1, &p->nodes.emplace_back()); break;
      case 9: good = IsBytes(f) && ParseOpset(f.bytes, &p->opsets); break;
      case 10: p->domain = f.as_text() == "ai.onnx" ? std::string_view() : f.as_text(); break;
      case 11: good = IsBytes(f) && ParseAttribute(f.bytes, 1, &p->defaults.emplace_back()); break;
    }
    if (!good) return false;
  }
  return r.ok();
}

}  // namespace

bool LooksLikeModel(std::span<const std::byte> bytes) {
  // ir_version = 1 (a varint) comes first in every writer; opset 7 came with version 3. A SavedModel has a 1 there.
  WireReader r(bytes.first(std::min<size_t>(bytes.size(), 4096)));
  WireField f;
  if (!r.Next(&f)) return false;
  return f.number == 1 && f.kind == WireField::Kind::kVarint && f.bits >= 3 && f.bits <= 64;
}

Result<ModelProto> ParseModel(Bytes bytes) {
  ModelProto m;
  bool has_graph = false, good = true;
  WireReader r(bytes);
  for (WireField f; good && r.Next(&f);) {
    switch (f.number) {
      case 1: m.ir_version = f.as_int(); break;
      case 2: m.producer = f.as_text(); break;
      case 7: has_graph = true; good = IsBytes(f) && ParseGraph(f.bytes, 0, &m.graph); break;
      case 8: good = IsBytes(f) && ParseOpset(f.bytes, &m.opsets); break;
      case 25: good = IsBytes(f) && ParseFunction(f.bytes, &m.functions.emplace_back()); break;
    }
  }
  if (!good || !r.ok()) return Error(Code::kInvalidModel, "the ONNX file is damaged or cut off; export it again");
  if (!has_graph) return Error(Code::kInvalidModel, "the ONNX file has no graph; export it again");
  return m;
}

}  // namespace octet::importers::onnx
