// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/variables.h"

#include <sys/stat.h>

#include <algorithm>

#include "importers/savedmodel/table.h"

namespace octet::importers::savedmodel {
namespace {

using data::WireField;
using data::WireReader;

// BundleEntryProto: dtype 1, shape 2, shard 3, offset 4, size 5, crc 6, slices 7.
bool ReadEntry(Bytes message, Variables::Entry* entry) {
  WireReader reader(message);
  WireField f;
  while (reader.Next(&f)) {
    if (f.number == 1) entry->type = f.as_int();
    if (f.number == 3) entry->shard = f.bits;
    if (f.number == 4) entry->offset = f.bits;
    if (f.number == 5) entry->size = f.bits;
    if (f.number == 7) entry->sliced = true;
    if (f.number != 2) continue;
    Result<StoredShape> shape = ReadShape(f.bytes);
    if (!shape.ok()) return false;
    entry->shape = std::move(*shape);
  }
  return reader.ok();
}

// BundleHeaderProto: num_shards 1, endianness 2 (0: little).
bool ReadHeader(Bytes message, uint64_t* shards, bool* little) {
  WireReader reader(message);
  WireField f;
  while (reader.Next(&f)) {
    if (f.number == 1) *shards = f.bits;
    if (f.number == 2) *little = f.bits == 0;
  }
  return reader.ok();
}

// The node behind Identities, Casts and the like: name of the node and index of its output.
const NodeDef* NodeBehind(const FunctionDef& f, std::string_view tensor, int64_t* index) {
  for (int step = 0; step < 16; ++step) {
    const size_t colon = tensor.find(':'), last = tensor.rfind(':');
    const auto it = f.by_name.find(tensor.substr(0, colon));
    if (it == f.by_name.end()) return nullptr;
    const NodeDef& node = f.nodes[it->second];
    *index = last == std::string_view::npos ? 0 : std::atoll(std::string(tensor.substr(last + 1)).c_str());
    if ((node.op != "Identity" && node.op != "Cast") || node.inputs.empty()) return &node;
    tensor = node.inputs[0];
  }
  return nullptr;
}

// Numbers as the tables of checkpoints order them: how many bytes, the bytes from the highest on.
std::string Ordered(uint64_t v) {
  std::string bytes;
  for (; v != 0; v >>= 8) bytes.insert(bytes.begin(), static_cast<char>(v));
  return static_cast<char>(bytes.size()) + bytes;
}

// Those with a sign: as few bytes as hold it, whose upper bits say how many; all but the sign's own are turned where negative.
std::string OrderedSigned(int64_t v) {
  const uint64_t magnitude = static_cast<uint64_t>(v < 0 ? ~v : v);
  size_t length = 1;
  while (length < 9 && magnitude >> (7 * length - 1) != 0) ++length;
  std::string bytes(length, v < 0 ? '\xff' : '\0');
  for (size_t i = 0; i < std::min<size_t>(length, 8); ++i) bytes[length - 1 - i] = static_cast<char>(static_cast<uint64_t>(v) >> (8 * i));
  for (size_t bit = 0; bit < length; ++bit) bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (0x80 >> (bit % 8)));
  return bytes;
}

// The key of a piece of a partitioned variable. `piece` is as RestoreV2 has it: the whole's dimensions, then "start,length" for each or "-" for all of it.
std::string PieceKey(const std::string& name, std::string_view piece) {
  std::string key = Ordered(0), extents;
  for (const char c : name) {
    key += c;
    if (c == '\0') key += '\xff';
    if (c == '\xff') key += '\0';
  }
  key += std::string("\0\x01", 2);
  uint64_t dims = 0;
  std::string_view rest = piece.substr(piece.rfind(' ') + 1);
  for (bool more = true; more; ++dims) {
    const size_t colon = rest.find(':'), comma = rest.find(',');
    const bool all = rest.starts_with('-');
    extents += OrderedSigned(all ? 0 : std::atoll(std::string(rest).c_str()));
    extents += OrderedSigned(all || comma == std::string_view::npos ? -1 : std::atoll(std::string(rest.substr(comma + 1)).c_str()));
    more = colon != std::string_view::npos;
    if (more) rest.remove_prefix(colon + 1);
  }
  return key + Ordered(dims) + extents;
}

// The texts of a constant that input i is; none where it is something else.
Result<std::vector<std::string>> TextsOf(const FunctionDef& f, const NodeDef& node, size_t i) {
  int64_t ignored = 0;
  const NodeDef* texts = node.inputs.size() <= i ? nullptr : NodeBehind(f, node.inputs[i], &ignored);
  WireField tensor;
  if (!texts || texts->op != "Const" || !texts->Get("value").Find(Attribute::kTensor, &tensor)) return std::vector<std::string>();
  OCTET_ASSIGN(TensorProto read, ReadTensor(tensor.bytes, texts->name));
  return std::move(read.texts);
}

// Keys by RestoreV2's outputs.
Result<std::vector<std::string>> RestoredKeys(const FunctionDef& f, const NodeDef& restore) {
  OCTET_ASSIGN(std::vector<std::string> keys, TextsOf(f, restore, 1));
  OCTET_ASSIGN(const std::vector<std::string> pieces, TextsOf(f, restore, 2));
  for (size_t i = 0; i < std::min(keys.size(), pieces.size()); ++i)
    if (!pieces[i].empty()) keys[i] = PieceKey(keys[i], pieces[i]);
  return keys;
}

// tf.saved_model.save of a Keras 3 model restores copies: the variables that the model reads have no value of their own,
// but each copy is initialised from one.
void FollowCopies(const FunctionDef& main, std::map<std::string_view, std::string>* keys) {
  for (const NodeDef& node : main.nodes) {
    if (node.op != "AssignVariableOp" || node.inputs.size() < 2) continue;
    int64_t ignored = 0;
    const NodeDef* copy = NodeBehind(main, node.inputs[0], &ignored);
    const NodeDef* read = NodeBehind(main, node.inputs[1], &ignored);
    if (!copy || !read || read->op != "ReadVariableOp" || read->inputs.empty()) continue;
    const NodeDef* source = NodeBehind(main, read->inputs[0], &ignored);
    const auto key = keys->find(copy->name);
    if (source && key != keys->end()) keys->try_emplace(source->name, key->second);
  }
}

bool IsAssignment(std::string_view op) { return op == "AssignVariableOp" || op == "Assign"; }

// For every assignment of a restored tensor: what it assigns to, and the key.
Status CollectAssignments(const FunctionDef& f, std::vector<std::pair<std::string_view, std::string>>* assigned) {
  std::map<const NodeDef*, std::vector<std::string>> keys;
  for (const NodeDef& node : f.nodes) {
    if (!IsAssignment(node.op) || node.inputs.size() < 2) continue;
    int64_t output = 0;
    const NodeDef* restore = NodeBehind(f, node.inputs[1], &output);
    if (!restore || restore->op != "RestoreV2") continue;
    if (!keys.contains(restore)) {
      OCTET_ASSIGN(keys[restore], RestoredKeys(f, *restore));
    }
    const std::vector<std::string>& list = keys[restore];
    if (output >= 0 && static_cast<size_t>(output) < list.size()) assigned->emplace_back(node.inputs[0], list[static_cast<size_t>(output)]);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Variables>> Variables::Open(const std::string& prefix) {
  auto variables = std::make_unique<Variables>();
  variables->prefix_ = prefix;
  const std::string index = prefix + ".index";
  struct stat info;
  if (::stat(index.c_str(), &info) != 0) return variables;
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(index));
  OCTET_ASSIGN(const auto table, ReadTable(file.bytes(), index));
  bool little = true;
  for (const auto& [key, value] : table) {
    if (key.empty() ? !ReadHeader(value, &variables->shards_, &little) : !ReadEntry(value, &variables->entries_[key]))
      return Error(Code::kInvalidModel, "'%s': the entry of '%s' is malformed", index.c_str(), key.c_str());
  }
  if (!little) return Error(Code::kUnsupported, "'%s' was written on a big-endian machine; save it again on another one", index.c_str());
  return variables;
}

const Variables::Entry* Variables::Find(std::string_view key) const {
  const auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : &it->second;
}

Result<Bytes> Variables::Locate(const Entry& entry, std::string_view key) {
  if (!files_.contains(entry.shard)) {
    const std::string path = prefix_ + Format(".data-%05llu-of-%05llu", static_cast<unsigned long long>(entry.shard), static_cast<unsigned long long>(shards_));
    OCTET_ASSIGN(MappedFile opened, MappedFile::Open(path));
    files_[entry.shard] = std::make_shared<const MappedFile>(std::move(opened));
  }
  const Bytes file = files_[entry.shard]->bytes();
  if (entry.offset > file.size() || entry.size > file.size() - entry.offset)
    return Error(Code::kInvalidModel, "variable '%.*s' lies outside its data file of %zu bytes; copy the model again", static_cast<int>(key.size()), key.data(),
                 file.size());
  return file.subspan(entry.offset, entry.size);
}

Result<Bytes> Variables::Read(std::string_view key) {
  const Entry* entry = Find(key);
  if (!entry) return Error(Code::kInvalidModel, "the checkpoint has no variable '%.*s'", static_cast<int>(key.size()), key.data());
  if (entry->sliced)
    return Error(Code::kUnsupported, "variable '%.*s' is partitioned; save the model without partitioners", static_cast<int>(key.size()), key.data());
  return Locate(*entry, key);
}

void Variables::Release(Bytes read) const {
  for (const auto& [shard, file] : files_) file->Release(read);
}

// n lengths as varints, a checksum of them, the bytes of all.
Result<std::vector<std::string>> Variables::ReadTexts(std::string_view key) {
  OCTET_ASSIGN(Bytes rest, Read(key));
  const Entry& entry = *Find(key);
  const auto bad = [&] { return Error(Code::kInvalidModel, "variable '%.*s': its texts are malformed", static_cast<int>(key.size()), key.data()); };
  uint64_t count = 1;
  for (const int64_t d : entry.shape.dims)
    if (d < 0 || __builtin_mul_overflow(count, static_cast<uint64_t>(d), &count)) return bad();
  if (count > rest.size()) return bad();
  std::vector<uint64_t> lengths;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t length = 0;
    int shift = 0;
    for (bool more = true; more; shift += 7) {
      if (rest.empty() || shift > 63) return bad();
      const auto b = std::to_integer<uint64_t>(rest[0]);
      rest = rest.subspan(1);
      length |= (b & 0x7f) << shift;
      more = b >= 0x80;
    }
    lengths.push_back(length);
  }
  if (rest.size() < 4) return bad();
  rest = rest.subspan(4);
  std::vector<std::string> texts;
  for (const uint64_t length : lengths) {
    if (length > rest.size()) return bad();
    texts.emplace_back(reinterpret_cast<const char*>(rest.data()), length);
    rest = rest.subspan(length);
  }
  return texts;
}

// TF2: the restore operation calls a function whose arguments are the file's name and the variables. TF1: it is a
// group of assignments in the main graph.
Result<std::map<std::string_view, std::string>> VariableKeys(MetaGraph& meta) {
  std::map<std::string_view, std::string> keys;
  const FunctionDef& main = meta.graph->main();
  std::vector<std::pair<std::string_view, std::string>> assigned;
  OCTET_TRY(CollectAssignments(main, &assigned));
  for (auto& [target, key] : assigned) {
    int64_t ignored = 0;
    const NodeDef* variable = NodeBehind(main, target, &ignored);
    if (variable) keys[variable->name] = std::move(key);
  }
  const auto restore = main.by_name.find(meta.restore_op.substr(0, meta.restore_op.find(':')));
  if (restore == main.by_name.end()) return keys;
  const NodeDef& call = main.nodes[restore->second];
  OCTET_ASSIGN(const FunctionDef* function, meta.graph->Function(call.Function("f")));
  if (!function) return keys;
  assigned.clear();
  OCTET_TRY(CollectAssignments(*function, &assigned));
  for (auto& [target, key] : assigned) {
    const auto arg = function->args.find(target);
    if (arg == function->args.end() || arg->second >= call.inputs.size()) continue;
    int64_t ignored = 0;
    const NodeDef* variable = NodeBehind(main, call.inputs[arg->second], &ignored);
    if (variable) keys[variable->name] = std::move(key);
  }
  FollowCopies(main, &keys);
  return keys;
}

}  // namespace octet::importers::savedmodel
