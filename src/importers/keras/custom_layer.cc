// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/custom_layer.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/file.h"
#include "importers/keras/builder.h"
#include "importers/keras/context.h"

namespace octet::importers::keras {
namespace {

// A list, or one thing alone.
std::vector<std::string> Names(const Json& j) {
  std::vector<std::string> names;
  if (j.is_text()) names.push_back(j.text());
  for (const Json& item : j.items()) names.push_back(item.text());
  return names;
}

// One call of one custom layer.
class Conversion {
 public:
  Conversion(LayerContext& c, const Json& spec, const std::string& path) : c_(c), spec_(spec), path_(path) {}

  Status Run() {
    OCTET_TRY(BindInputs());
    OCTET_TRY(ListWeights());
    std::string last;
    for (const Json& step : spec_["body"].items()) {
      const std::vector<std::string> names = Names(step["name"]);
      if (names.empty()) return Wrong("a step without a name");
      OCTET_TRY(step.Has("op") ? RunOp(step, names) : RunLayer(step, names));
      last = names[0];
    }
    std::vector<std::string> outputs = Names(spec_["outputs"]);
    if (outputs.empty()) outputs.push_back(last);
    for (size_t i = 0; i < outputs.size(); ++i) {
      OCTET_ASSIGN(const Value v, Get(outputs[i]));
      c_.SetOutput(static_cast<int>(i), v);
    }
    return {};
  }

 private:
  Status Wrong(const std::string& what) const {
    return Error(Code::kInvalidArgument, "'%s', %s (layer '%s'): %s", path_.c_str(), c_.layer().class_name.c_str(), c_.place().c_str(), what.c_str());
  }

  // Positional tensors first, then keyword arguments of the call.
  Status BindInputs() {
    std::vector<std::string> names = Names(spec_["inputs"]);
    if (names.empty()) names.push_back("x");
    for (size_t i = 0; i < names.size(); ++i) {
      Value v = c_.Input(static_cast<int>(i));
      if (const Argument* named = c_.Named(names[i])) v = c_.TensorOf(named);
      if (!v) return Wrong(Format("it names %zu inputs, the model calls the layer with %d", names.size(), c_.num_inputs()));
      values_[names[i]] = v;
    }
    if (static_cast<size_t>(c_.num_inputs()) > names.size())
      return Wrong(Format("it names %zu inputs, the model calls the layer with %d", names.size(), c_.num_inputs()));
    return {};
  }

  // Where the variables are: own ones in their order, and those of the layers inside.
  Status ListWeights() {
    Weights& weights = c_.builder().weights();
    OCTET_ASSIGN(const std::vector<std::string> own, weights.Datasets(c_.variables()));
    size_t at = 0, next_own = 0;
    for (const Json& entry : spec_["weights"].items()) {
      if (entry.is_text()) {
        const size_t i = c_.variables().group.empty() ? at : next_own;  // By position all are in one list.
        if (i >= own.size()) return Wrong("the weights file has no variable for '" + entry.text() + "'");
        datasets_[entry.text()] = own[i];
        ++next_own;
        ++at;
        continue;
      }
      const std::string& object = entry["of"].text();
      const std::vector<std::string> names = Names(entry["names"]);
      objects_[object] = weights.Inside(c_.variables(), object, at, names.size());
      OCTET_ASSIGN(const std::vector<std::string> inside, weights.Datasets(objects_[object]));
      if (inside.size() < names.size())
        return Wrong(Format("the weights file has %zu variables of '%s', not %zu", inside.size(), object.c_str(), names.size()));
      for (size_t i = 0; i < names.size(); ++i) datasets_[object + "." + names[i]] = inside[i];
      at += names.size();
    }
    return {};
  }

  Result<Value> Get(const std::string& name) {
    if (const auto it = values_.find(name); it != values_.end()) return it->second;
    const auto dataset = datasets_.find(name);
    if (dataset == datasets_.end()) return Wrong("nothing is named '" + name + "'");
    OCTET_ASSIGN(const Value v, c_.builder().Variable(dataset->second, name, c_));
    values_[name] = v;
    return v;
  }

  // With the config's values in the place of "$KEY".
  Result<Json> Resolve(const Json& j) const {
    if (j.is_text() && j.text().starts_with('$')) {
      const std::string key = j.text().substr(1);
      const Json& own = c_.Get(key);
      if (!own.is_null()) return own;
      if (spec_["defaults"].Has(key)) return spec_["defaults"][key];
      return Wrong("the layer's config has no '" + key + "'; give it under defaults");
    }
    if (j.items().empty()) return j;
    Json copy(j.kind());
    for (size_t i = 0; i < j.size(); ++i) {
      OCTET_ASSIGN(Json item, Resolve(j[i]));
      if (j.is_map()) copy.Set(j.keys()[i], std::move(item));
      else copy.Append(std::move(item));
    }
    return copy;
  }

  template <class T> Value Numbers(const Json& j) {
    std::vector<T> values;
    const bool list = j.is_list();
    for (size_t i = 0; i < (list ? j.size() : 1); ++i) values.push_back(static_cast<T>((list ? j[i] : j).number()));
    return c_.Constant<T>(list ? Shape{static_cast<int32_t>(values.size())} : Shape{}, values);
  }

  // The name of a value, a number, or {"int": …} or {"float": …} with a number or a list of them.
  Result<Value> Operand(const Json& given) {
    if (given.is_text() && !given.text().starts_with('$')) return Get(given.text());
    OCTET_ASSIGN(const Json j, Resolve(given));
    if (j.is_number()) return Numbers<float>(j);
    if (j.Has("float")) return Numbers<float>(j["float"]);
    if (j.Has("int")) return Numbers<int32_t>(j["int"]);
    return Wrong("an input is neither a name nor a number, nor {\"int\": …} or {\"float\": …}");
  }

  Result<std::vector<Value>> Operands(const Json& step) {
    std::vector<Value> values;
    for (const Json& j : step["inputs"].items()) {
      OCTET_ASSIGN(const Value v, Operand(j));
      values.push_back(v);
    }
    if (values.empty()) return Wrong("step '" + Names(step["name"])[0] + "' has no inputs");
    return values;
  }

  Status Take(const std::vector<std::string>& names, const std::vector<Value>& made) {
    if (made.size() < names.size()) return Wrong(Format("step '%s' makes %zu values, not %zu", names[0].c_str(), made.size(), names.size()));
    for (size_t i = 0; i < names.size(); ++i) values_[names[i]] = made[i];
    return {};
  }

  Status RunLayer(const Json& step, const std::vector<std::string>& names) {
    if (!step["layer"].is_text()) return Wrong("step '" + names[0] + "' names neither a layer nor an op");
    OCTET_ASSIGN(Json config, Resolve(step.Has("config") ? step["config"] : Json(Json::Kind::kMap)));
    if (!config.Has("name")) config.Set("name", Json(names[0]));
    Json object(Json::Kind::kMap);
    object.Set("module", Json(std::string("keras.layers")));  // Not keras.ops, which has classes of the same names.
    object.Set("class_name", Json(step["layer"].text()));
    object.Set("config", std::move(config));
    Variables variables;
    if (step.Has("of")) {
      if (!objects_.contains(step["of"].text())) return Wrong("weights name no object '" + step["of"].text() + "'");
      variables = objects_[step["of"].text()];
    }
    for (const std::string& name : Names(step["weights"])) {
      if (!datasets_.contains(name)) return Wrong("weights name no '" + name + "'");
      variables.paths.push_back(datasets_[name]);
    }
    OCTET_ASSIGN(const std::vector<Value> inputs, Operands(step));
    OCTET_ASSIGN(const std::vector<Value> made, c_.Apply(object, variables, inputs, names[0]));
    return Take(names, made);
  }

  Status RunOp(const Json& step, const std::vector<std::string>& names) {
    const ops::OpDef* def = ops::Find(step["op"].text());
    if (!def) return Wrong("no operator of .tflite is named '" + step["op"].text() + "' (in lower case, as docs/ops.md lists them)");
    graph::Attributes attrs(def->attrs);
    OCTET_ASSIGN(const Json given, Resolve(step["attributes"]));
    for (size_t i = 0; i < given.keys().size(); ++i) OCTET_TRY(SetAttribute(*def, given.keys()[i], given[i], &attrs));
    OCTET_ASSIGN(const std::vector<Value> inputs, Operands(step));
    OCTET_ASSIGN(const std::vector<Value> made, c_.EmitMany(def->name, inputs, attrs.get(), static_cast<int>(names.size())));
    return Take(names, made);
  }

  Status SetAttribute(const ops::OpDef& def, const std::string& key, const Json& value, graph::Attributes* attrs) const {
    for (const ops::AttrRow& row : def.attrs.rows) {
      if (row.name != key) continue;
      void* at = row.at(attrs->get());
      const bool whole = value.kind() == Json::Kind::kBool || (value.is_number() && value.number() == std::floor(value.number()));
      const int64_t integer = value.kind() == Json::Kind::kBool ? value.boolean() : value.integer();
      if (row.kind == ops::AttrKind::kF32 && value.is_number()) return *static_cast<float*>(at) = static_cast<float>(value.number()), Status();
      if (row.kind == ops::AttrKind::kBool && whole) return *static_cast<bool*>(at) = integer != 0, Status();
      if (row.kind == ops::AttrKind::kI8 && whole && integer == static_cast<int8_t>(integer))
        return *static_cast<int8_t*>(at) = static_cast<int8_t>(integer), Status();
      if (row.kind == ops::AttrKind::kI32 && whole && integer == static_cast<int32_t>(integer))
        return *static_cast<int32_t*>(at) = static_cast<int32_t>(integer), Status();
      if (row.kind == ops::AttrKind::kI64 && whole) return *static_cast<int64_t*>(at) = integer, Status();
      return Wrong("attribute '" + key + "' of " + std::string(def.name) + " takes another kind of value");
    }
    std::string names;
    for (const ops::AttrRow& row : def.attrs.rows) names += (names.empty() ? "" : ", ") + std::string(row.name);
    return Wrong("operator " + std::string(def.name) + " has no attribute '" + key + "'; it has: " + (names.empty() ? "none" : names));
  }

  LayerContext& c_;
  const Json& spec_;
  const std::string& path_;
  std::map<std::string, Value> values_;
  std::map<std::string, std::string> datasets_;  // Of the weights, by name.
  std::map<std::string, Variables> objects_;
};

}  // namespace

Result<CustomLayers> CustomLayers::Read(const std::string& path) {
  CustomLayers layers;
  layers.path_ = path;
  if (path.empty()) return layers;
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  OCTET_ASSIGN(layers.classes_, Json::Parse({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path));
  for (size_t i = 0; i < layers.classes_.keys().size(); ++i) {
    if (layers.classes_[i]["body"].size() > 0) continue;
    return Error(Code::kInvalidArgument, "'%s': %s has no body: a list of steps, each a layer or an op", path.c_str(), layers.classes_.keys()[i].c_str());
  }
  if (!layers.classes_.is_map()) return Error(Code::kInvalidArgument, "'%s': expected {\"CLASS\": {…}}", path.c_str());
  return layers;
}

const Json& CustomLayers::Find(const Layer& layer) const {
  const Json& registered = classes_[layer.custom.empty() ? layer.class_name : layer.custom];
  return registered.is_null() ? classes_[layer.class_name] : registered;
}

Status CustomLayers::Convert(LayerContext& c) const { return Conversion(c, Find(c.layer()), path_).Run(); }

}  // namespace octet::importers::keras
