// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/weights.h"

#include <algorithm>
#include <cctype>

namespace octet::importers::keras {
namespace {

bool Upper(char c) { return c >= 'A' && c <= 'Z'; }
bool Lower(char c) { return c >= 'a' && c <= 'z'; }

// tf_keras 2.13 and before: groups by layer name.
constexpr std::string_view kByName = "_layer_checkpoint_dependencies";

struct Counted {
  const Layer* layer;
  std::vector<VariableName> variables;
  bool trainable;
};

// All layers of a nested model in order, with what they hold.
void Flatten(const Network& network, bool trainable, std::vector<Counted>* all) {
  for (const Layer& layer : network.layers) {
    const Json& flag = (*layer.config)["trainable"];
    const bool on = trainable && (flag.is_null() || flag.boolean());
    if (layer.network) Flatten(*layer.network, on, all);
    else if (layer.class_name != "InputLayer") all->push_back({&layer, VariablesOf(layer.class_name, *layer.config), on});
  }
}

}  // namespace

std::string SnakeCase(std::string_view name) {
  std::string word;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') word += c;
  // Keras' two expressions: (.)([A-Z][a-z]+) and ([a-z])([A-Z]) get a '_' in the middle.
  std::string split, out;
  for (size_t i = 0; i < word.size(); ++i) {
    if (i > 0 && Upper(word[i]) && i + 1 < word.size() && Lower(word[i + 1])) split += '_';
    split += word[i];
  }
  for (size_t i = 0; i < split.size(); ++i) {
    if (i > 0 && Upper(split[i]) && Lower(split[i - 1])) out += '_';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(split[i])));
  }
  return out;
}

Result<std::unique_ptr<Weights>> Weights::Open(std::span<const std::byte> h5, const std::string& where, bool by_position) {
  auto weights = std::make_unique<Weights>();
  weights->where_ = where;
  weights->by_position_ = by_position;
  OCTET_ASSIGN(weights->file_, Hdf5::Open(h5, where));
  return weights;
}

Status Weights::Assign(const Network& network) {
  return by_position_ ? AssignByPosition(network) : AssignByPath(network, "");
}

Status Weights::AssignByPath(const Network& network, const std::string& group) {
  const std::string prefix = group.empty() ? "" : group + "/";
  OCTET_ASSIGN(const bool by_name, file_->Exists(prefix + std::string(kByName)));
  std::map<std::string, int> used;
  for (const Layer& layer : network.layers) {
    if (layer.batch_shape) {  // Not in the file: the config only implies it.
      of_[&layer] = {};
      continue;
    }
    // Registered under an older name than the Python class has.
    const std::string snake = SnakeCase(layer.class_name == "GroupQueryAttention" ? "GroupedQueryAttention" : layer.class_name);
    const int n = used[snake]++;
    const std::string path = by_name ? prefix + std::string(kByName) + "/" + layer.name
                                     : prefix + "layers/" + snake + (n ? "_" + std::to_string(n) : "");
    of_[&layer] = {path, {}};
    if (layer.network) OCTET_TRY(AssignByPath(*layer.network, path));
  }
  return {};
}

// HDF5 limits an attribute to 64 KB: longer lists are cut into name0, name1, ...
Result<std::vector<std::string>> Weights::LongTexts(const std::string& group, const std::string& name) {
  OCTET_ASSIGN(const bool whole, file_->HasAttribute(group, name));
  if (whole) return file_->Texts(group, name);
  std::vector<std::string> all;
  for (int i = 0;; ++i) {
    const std::string part = name + std::to_string(i);
    OCTET_ASSIGN(const bool there, file_->HasAttribute(group, part));
    if (!there) return all;
    OCTET_ASSIGN(const std::vector<std::string> texts, file_->Texts(group, part));
    all.insert(all.end(), texts.begin(), texts.end());
  }
}

Status Weights::AssignByPosition(const Network& network) {
  for (const Layer& layer : network.layers) {
    const std::string group = "model_weights/" + layer.name;
    OCTET_ASSIGN(std::vector<std::string> paths, LongTexts(group, "weight_names"));
    for (std::string& path : paths) path = group + "/" + path;
    OCTET_TRY(Distribute(layer, paths));
  }
  return {};
}

// A nested model is one list: first what is trained of all its layers, then the rest.
Status Weights::Distribute(const Layer& layer, const std::vector<std::string>& paths) {
  of_[&layer] = {"", paths};
  if (!layer.network) return {};
  std::vector<Counted> all;
  Flatten(*layer.network, true, &all);
  std::map<const Layer*, std::vector<std::string>> lists;
  size_t next = 0;
  for (const bool trained : {true, false}) {
    for (const Counted& c : all) {
      for (size_t i = 0; i < c.variables.size(); ++i) {
        if ((c.trainable && c.variables[i].trainable) != trained) continue;
        std::vector<std::string>& list = lists[c.layer];
        list.resize(c.variables.size());
        if (next < paths.size()) list[i] = paths[next];
        ++next;
      }
    }
  }
  if (next != paths.size())
    return Error(Code::kInvalidModel, "'%s': model '%s' has %zu variables, its layers have %zu; save the model as .keras", where_.c_str(),
                 layer.name.c_str(), paths.size(), next);
  const auto spread = [&](const Network& net, const auto& self) -> void {
    for (const Layer& inner : net.layers) {
      of_[&inner] = {"", lists[&inner]};
      if (inner.network) self(*inner.network, self);
    }
  };
  spread(*layer.network, spread);
  return {};
}

Status Weights::AssignInside(const Layer& layer, const Variables& variables) {
  return by_position_ ? Distribute(layer, variables.paths) : AssignByPath(*layer.network, variables.group);
}

Variables Weights::Inside(const Variables& outer, std::string_view path, size_t first, size_t count) {
  Variables inner;
  if (by_position_) {
    for (size_t i = first; i < std::min(first + count, outer.paths.size()); ++i) inner.paths.push_back(outer.paths[i]);
  } else {
    inner.group = outer.group + "/" + std::string(path);
    const std::string underscored = outer.group + "/_" + std::string(path);  // tf_keras keeps Python's underscore.
    const auto there = file_->Exists(underscored);
    if (there.ok() && *there) inner.group = underscored;
  }
  return inner;
}

Result<std::vector<std::string>> Weights::Datasets(const Variables& variables) {
  if (by_position_ || !variables.paths.empty()) return variables.paths;
  if (const auto it = listed_.find(variables.group); it != listed_.end()) return it->second;
  const std::string group = variables.group + "/vars";
  OCTET_ASSIGN(const std::vector<std::string> names, file_->Children(group));
  std::vector<std::string> paths;
  for (size_t i = 0; i < names.size(); ++i) {  // "10" sorts before "2": count instead.
    const std::string name = std::to_string(i);
    if (!std::ranges::binary_search(names, name)) break;
    paths.push_back(group + "/" + name);
  }
  if (paths.size() > 3) {  // GPTQ and AWQ leave the bias before the kernel, which is the first one of all others.
    OCTET_ASSIGN(const Hdf5Array first, file_->Read(paths[0]));
    OCTET_ASSIGN(const Hdf5Array second, file_->Read(paths[1]));
    if (IsFloat(first.dtype) && second.dtype == DType::kU8) std::swap(paths[0], paths[1]);
  }
  listed_[variables.group] = paths;
  return paths;
}

}  // namespace octet::importers::keras
