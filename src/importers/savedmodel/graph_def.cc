// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/graph_def.h"

#include <algorithm>

#include "importers/savedmodel/loops.h"
#include "ops/node_def_util.h"

namespace octet::importers::savedmodel {
namespace {

using data::WireField;
using data::WireReader;

Status Malformed(std::string_view where) {
  return Error(Code::kInvalidModel, "'%.*s': its protocol buffer is malformed or cut off", static_cast<int>(where.size()), where.data());
}

// Calls body(field) for every field; false where the message is malformed or body says so.
template <class Body> bool ForFields(Bytes message, const Body& body) {
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field))
    if (!body(field)) return false;
  return reader.ok();
}

// One entry of a map field: key = 1, value = 2.
bool MapEntry(const WireField& field, std::string_view* key, Bytes* value) {
  return ForFields(field.bytes, [&](const WireField& f) {
    if (f.number == 1) *key = f.as_text();
    if (f.number == 2) *value = f.bytes;
    return true;
  });
}

bool ReadArg(Bytes message, ArgDef* arg) {
  return ForFields(message, [&](const WireField& f) {
    if (f.number == 1) arg->name = f.as_text();
    if (f.number == 3) arg->type = f.as_int();
    return true;
  });
}

bool ReadOpDef(Bytes message, FunctionDef* function) {
  return ForFields(message, [&](const WireField& f) {
    ArgDef arg;
    if (f.number == 1) function->name = f.as_text();
    if (f.number != 2 && f.number != 3) return true;
    if (!ReadArg(f.bytes, &arg)) return false;
    (f.number == 2 ? function->inputs : function->outputs).push_back(arg);
    return true;
  });
}

Status AddNode(Bytes message, std::string_view path, FunctionDef* to) {
  Result<NodeDef> node = ReadNode(message);
  if (!node.ok()) return Malformed(path);
  if (!to->by_name.emplace(node->name, to->nodes.size()).second)
    return Error(Code::kInvalidModel, "'%.*s': two nodes are named '%.*s'", static_cast<int>(path.size()), path.data(), static_cast<int>(node->name.size()),
                 node->name.data());
  to->nodes.push_back(std::move(*node));
  return {};
}

// One entry of arg_attr: the argument's number, and its attributes under 1.
bool ReadArgumentRank(Bytes entry, FunctionDef* function) {
  uint64_t number = 0;
  Bytes attributes;
  const bool ok = ForFields(entry, [&](const WireField& f) {
    if (f.number == 1) number = f.bits;
    if (f.number == 2) attributes = f.bytes;
    return true;
  });
  if (!ok || number != 0) return ok;
  return ForFields(attributes, [&](const WireField& f) {
    std::string_view key;
    Bytes value;
    if (f.number != 1 || !MapEntry(f, &key, &value)) return f.number != 1;
    if (key != "_output_shapes") return true;
    for (const WireField& shape : Attribute(value).List(Attribute::kShape)) {
      const Result<StoredShape> stored = ReadShape(shape.bytes);
      if (stored.ok() && stored->known_rank) function->first_rank = static_cast<int>(stored->dims.size());
    }
    return true;
  });
}

Result<std::unique_ptr<FunctionDef>> ReadFunction(Bytes message, std::string_view path) {
  auto function = std::make_unique<FunctionDef>();
  Status status;
  const bool ok = ForFields(message, [&](const WireField& f) {
    std::string_view key;
    Bytes value;
    if (f.number == 1) return ReadOpDef(f.bytes, function.get());
    if (f.number == 3) return (status = AddNode(f.bytes, path, function.get())).ok();
    if (f.number == 7) return ReadArgumentRank(f.bytes, function.get());
    if (f.number < 4 || f.number > 6) return true;
    if (!MapEntry(f, &key, &value)) return false;
    if (WireField implements; f.number == 5 && key == "_implements" && Attribute(value).Find(Attribute::kText, &implements))
      function->implements = implements.as_text();
    const std::string_view text{reinterpret_cast<const char*>(value.data()), value.size()};
    if (f.number == 4) function->ret[key] = text;
    if (f.number == 6) function->control_ret.push_back(text);
    return true;
  });
  if (!status.ok()) return status;
  if (!ok) return Malformed(path);
  for (size_t i = 0; i < function->inputs.size(); ++i) function->args[function->inputs[i].name] = i;
  return function;
}

bool ReadFunctionName(Bytes message, std::string_view* name) {
  FunctionDef head;
  const bool ok = ForFields(message, [&](const WireField& f) { return f.number != 1 || ReadOpDef(f.bytes, &head); });
  *name = head.name;
  return ok;
}

// TensorInfo: 1 name, 2 type, 3 shape.
bool ReadTensorInfo(Bytes message, TensorInfo* info) {
  return ForFields(message, [&](const WireField& f) {
    if (f.number == 1) info->tensor = f.as_text();
    if (f.number == 2) info->type = f.as_int();
    if (f.number != 3) return true;
    Result<StoredShape> shape = ReadShape(f.bytes);
    if (!shape.ok()) return false;
    info->shape = std::move(*shape);
    return true;
  });
}

// CooSparse: 1 values, 2 indices, 3 shape; in the order in which TensorFlow flattens a sparse tensor.
bool ReadSparse(Bytes message, const TensorInfo& whole, std::vector<TensorInfo>* parts) {
  constexpr int64_t kInt64 = 9;
  const auto rank = static_cast<int64_t>(whole.shape.dims.size());
  TensorInfo values{whole.key, {}, whole.type, {true, {-1}}, 1};
  TensorInfo indices{whole.key, {}, kInt64, {true, {-1, whole.shape.known_rank ? rank : -1}}, 0};
  TensorInfo shape{whole.key, {}, kInt64, {true, {whole.shape.known_rank ? rank : -1}}, 2};
  const bool ok = ForFields(message, [&](const WireField& f) {
    if (f.number == 1) values.tensor = f.as_text();
    if (f.number == 2) indices.tensor = f.as_text();
    if (f.number == 3) shape.tensor = f.as_text();
    return true;
  });
  parts->insert(parts->end(), {indices, values, shape});
  return ok;
}

// CompositeTensor: 2 components; a ragged tensor's are its values and, from the outside, where rows begin.
bool ReadComposite(Bytes message, std::string_view key, std::vector<TensorInfo>* parts) {
  int component = 0;
  return ForFields(message, [&](const WireField& f) {
    if (f.number != 2) return true;
    TensorInfo& part = parts->emplace_back(TensorInfo{key, {}, 0, {}, component++});
    return ReadTensorInfo(f.bytes, &part);
  });
}

// One input or output: 4 CooSparse and 5 CompositeTensor stand for several tensors.
bool ReadPort(const WireField& field, std::vector<TensorInfo>* ports) {
  Bytes value, sparse, composite;
  TensorInfo info;
  if (!MapEntry(field, &info.key, &value) || !ReadTensorInfo(value, &info)) return false;
  const bool ok = ForFields(value, [&](const WireField& f) {
    if (f.number == 4) sparse = f.bytes;
    if (f.number == 5) composite = f.bytes;
    return true;
  });
  if (!sparse.empty()) return ok && ReadSparse(sparse, info, ports);
  if (!composite.empty()) return ok && ReadComposite(composite, info.key, ports);
  ports->push_back(std::move(info));
  return ok;
}

bool ReadSignature(const WireField& field, SignatureDef* signature) {
  Bytes value;
  if (!MapEntry(field, &signature->key, &value)) return false;
  return ForFields(value, [&](const WireField& f) {
    if (f.number != 1 && f.number != 2) return true;
    return ReadPort(f, f.number == 1 ? &signature->inputs : &signature->outputs);
  });
}

// AssetFileDef: 1 TensorInfo, 2 filename.
bool ReadAsset(Bytes message, MetaGraph* meta) {
  std::string_view tensor, file;
  const bool ok = ForFields(message, [&](const WireField& f) {
    if (f.number == 2) file = f.as_text();
    return f.number != 1 || ForFields(f.bytes, [&](const WireField& t) {
      if (t.number == 1) tensor = t.as_text();
      return true;
    });
  });
  meta->assets.emplace_back(tensor, file);
  return ok;
}

// CollectionDef: node_list = 1 { value = 1 }, any_list = 5 { value = 1: Any { value = 2 } }. TensorFlow 1 keeps assets there.
bool ReadCollection(const WireField& field, MetaGraph* meta) {
  std::string_view key;
  Bytes value;
  if (!MapEntry(field, &key, &value)) return false;
  const bool inits = key == "saved_model_main_op" || key == "legacy_init_op" || key == "table_initializer", assets = key == "saved_model_assets";
  if (!inits && !assets) return true;
  return ForFields(value, [&](const WireField& list) {
    if (list.number != (inits ? 1 : 5)) return true;
    return ForFields(list.bytes, [&](const WireField& f) {
      if (f.number != 1) return true;
      if (inits) return meta->init_ops.push_back(f.as_text()), true;
      return ForFields(f.bytes, [&](const WireField& any) { return any.number != 2 || ReadAsset(any.bytes, meta); });
    });
  });
}

// MetaInfoDef: 2 stripped_op_list, 4 tags.
bool ReadInfo(Bytes message, MetaGraph* meta, Bytes* ops) {
  return ForFields(message, [&](const WireField& f) {
    if (f.number == 2) *ops = f.bytes;
    if (f.number == 4) meta->tags.push_back(f.as_text());
    return true;
  });
}

Result<MetaGraph> ReadMetaGraph(Bytes message, const std::string& path) {
  MetaGraph meta;
  Bytes graph, ops;
  const bool ok = ForFields(message, [&](const WireField& f) {
    switch (f.number) {
      case 1: return ReadInfo(f.bytes, &meta, &ops);
      case 2: graph = f.bytes; return true;
      case 3:
        return ForFields(f.bytes, [&](const WireField& saver) {
          if (saver.number == 1) meta.filename_tensor = saver.as_text();
          if (saver.number == 3) meta.restore_op = saver.as_text();
          return true;
        });
      case 4: return ReadCollection(f, &meta);
      case 5: return ReadSignature(f, &meta.signatures.emplace_back());
      case 6: return ReadAsset(f.bytes, &meta);
      default: return true;
    }
  });
  if (!ok) return Malformed(path);
  OCTET_ASSIGN(meta.graph, GraphDef::Read(graph, path));
  if (!meta.graph->AddOps(ops)) return Malformed(path);
  return meta;
}

}  // namespace

DType DTypeFromTf(int64_t type) { return ops::DTypeFromTensorFlow(type > 100 ? type - 100 : type); }  // Above 100: a reference to one.

Result<StoredShape> ReadShape(Bytes message) {
  StoredShape shape;
  const bool ok = ForFields(message, [&](const WireField& f) {
    if (f.number == 3) shape.known_rank = !f.as_bool();
    if (f.number != 2) return true;
    int64_t size = 0;
    if (!ForFields(f.bytes, [&](const WireField& dim) {
          if (dim.number == 1) size = dim.as_int();
          return true;
        }))
      return false;
    shape.dims.push_back(size);
    return true;
  });
  if (!ok) return Malformed("shape");
  return shape;
}

Result<Shape> ToShape(const StoredShape& stored, std::string_view where) {
  Shape shape;
  if (stored.dims.size() > kMaxRank)
    return Error(Code::kUnsupported, "'%.*s' has %zu dimensions; at most %d", static_cast<int>(where.size()), where.data(), stored.dims.size(), kMaxRank);
  for (const int64_t d : stored.dims) {
    if (d < -1 || d > INT32_MAX)
      return Error(Code::kInvalidModel, "'%.*s' has a dimension of %lld", static_cast<int>(where.size()), where.data(), static_cast<long long>(d));
    shape.push_back(d < 0 ? kUnknown : static_cast<int32_t>(d));
  }
  return shape;
}

bool Attribute::Find(uint32_t number, WireField* field) const {
  bool found = false;
  const bool ok = ForFields(message_, [&](const WireField& f) {
    if (f.number == number) *field = f, found = true;
    return true;
  });
  return ok && found;
}

std::vector<WireField> Attribute::List(uint32_t number) const {
  std::vector<WireField> items;
  WireField list;
  if (!Find(kList, &list)) return items;
  const auto element = number == kFloat ? WireField::Kind::kFixed32 : WireField::Kind::kVarint;
  const bool scalar = number >= kInt && number <= kType;
  const bool ok = ForFields(list.bytes, [&](const WireField& f) {
    if (f.number != number) return true;
    if (!scalar) return items.push_back(f), true;
    std::vector<uint64_t> values;
    if (!data::AppendPacked(f, element, &values)) return false;
    for (const uint64_t v : values) items.push_back({number, element, v});
    return true;
  });
  if (!ok) items.clear();
  return items;
}

bool NodeDef::Has(std::string_view key) const {
  return std::ranges::any_of(attrs, [&](const auto& a) { return a.first == key; });
}

Attribute NodeDef::Get(std::string_view key) const {
  for (const auto& [name, value] : attrs)
    if (name == key) return Attribute(value);
  return {};
}

namespace {
// Of a NameAttrList.
std::string_view FunctionName(const WireField& field) {
  std::string_view name;
  (void)ForFields(field.bytes, [&](const WireField& f) {
    if (f.number == 1) name = f.as_text();
    return true;
  });
  return name;
}
}  // namespace

std::string_view NodeDef::Function(std::string_view key) const {
  WireField field;
  return Get(key).Find(Attribute::kFunction, &field) ? FunctionName(field) : std::string_view();
}

std::vector<std::string_view> NodeDef::Functions(std::string_view key) const {
  std::vector<std::string_view> names;
  for (const WireField& field : Get(key).List(Attribute::kFunctions)) names.push_back(FunctionName(field));
  return names;
}

Result<NodeDef> ReadNode(Bytes message) {
  NodeDef node;
  const bool ok = ForFields(message, [&](const WireField& f) {
    if (f.number == 1) node.name = f.as_text();
    if (f.number == 2) node.op = f.as_text();
    if (f.number == 3) node.inputs.push_back(f.as_text());
    if (f.number != 5) return true;
    auto& [key, value] = node.attrs.emplace_back();
    return MapEntry(f, &key, &value);
  });
  if (!ok) return Malformed("node");
  return node;
}

Result<std::unique_ptr<GraphDef>> GraphDef::Read(Bytes message, const std::string& path) {
  auto graph = std::make_unique<GraphDef>();
  graph->path_ = path;
  Status status;
  const bool ok = ForFields(message, [&](const WireField& f) {
    if (f.number == 1) return (status = AddNode(f.bytes, path, &graph->main_)).ok();
    if (f.number != 2) return true;
    return ForFields(f.bytes, [&](const WireField& library) {
      std::string_view name;
      if (library.number != 1) return true;
      if (!ReadFunctionName(library.bytes, &name)) return false;
      graph->stored_[name] = library.bytes;
      return true;
    });
  });
  if (!status.ok()) return status;
  if (!ok) return Malformed(path);
  OCTET_TRY(RaiseLoops(*graph));
  return graph;
}

bool GraphDef::AddOps(Bytes list) {
  return ForFields(list, [&](const WireField& op) {
    if (op.number != 1) return true;
    std::string_view name;
    const bool ok = ForFields(op.bytes, [&](const WireField& f) {
      if (f.number == 1) name = f.as_text();
      return true;
    });
    ops_[name] = op.bytes;
    return ok;
  });
}

Result<const FunctionDef*> GraphDef::Function(std::string_view name) {
  if (const auto it = functions_.find(name); it != functions_.end()) return static_cast<const FunctionDef*>(it->second.get());
  const auto stored = stored_.find(name);
  if (stored == stored_.end()) return static_cast<const FunctionDef*>(nullptr);
  OCTET_ASSIGN(std::unique_ptr<FunctionDef> function, ReadFunction(stored->second, path_));
  return static_cast<const FunctionDef*>((functions_[stored->first] = std::move(function)).get());
}

Result<MetaGraph> ReadSavedModel(Bytes message, const std::string& path) {
  std::vector<Bytes> metas;
  if (!ForFields(message, [&](const WireField& f) {
        if (f.number == 2) metas.push_back(f.bytes);
        return true;
      }))
    return Malformed(path);
  for (const Bytes bytes : metas) {
    MetaGraph head;
    Bytes ops;
    if (!ForFields(bytes, [&](const WireField& f) { return f.number != 1 || ReadInfo(f.bytes, &head, &ops); })) return Malformed(path);
    if (metas.size() == 1 || std::ranges::find(head.tags, "serve") != head.tags.end()) return ReadMetaGraph(bytes, path);
  }
  return Error(Code::kInvalidModel, "'%s' has %zu graphs, none tagged 'serve'; save the model with the tag 'serve'", path.c_str(), metas.size());
}

}  // namespace octet::importers::savedmodel
