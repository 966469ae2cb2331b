// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/context.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

constexpr int64_t kMaxList = 1 << 20;

// Whether an activation's results depend on more than one element each; layers as activations may.
bool IsAlongAxis(const Json& activation) {
  static constexpr std::string_view kNames[] = {"softmax", "log_softmax", "sparsemax", "glu"};
  const bool function = activation["class_name"].text() == "function";
  if (!activation.is_text() && !function) return !activation.is_null();
  return std::ranges::find(kNames, activation.is_text() ? activation.text() : activation["config"].text()) != std::end(kNames);
}

}  // namespace

LayerContext::LayerContext(Builder& builder, const Layer& layer, Variables variables, std::string place, std::vector<Value> inputs)
    : builder_(builder), layer_(layer), variables_(std::move(variables)), place_(std::move(place)), inputs_(std::move(inputs)) {}

// ------------------------------------------------------------------------------- the source

const Json& LayerContext::Get(std::string_view key) const {
  if (!override_key_.empty() && key == override_key_) return override_;
  static const Json kNone{};
  const bool policy = key == "dtype" && layer_.class_name == "TFOpLambda";  // The layer's, which is none of the function's arguments.
  const Json& own = policy ? kNone : (*layer_.config)[key];
  if (!own.is_null() || !call_) return own;
  const Argument* argument = Find(key);
  if (!argument || argument->kind != Argument::Kind::kLiteral) return own;  // A tensor stays unread: the rule goes on with what stands for nothing.
  read_.emplace(key);
  return argument->literal ? *argument->literal : own;
}

template <class T, class F>
T LayerContext::Read(std::string_view key, T fallback, const char* expected, const F& read) const {
  const Json& value = Get(key);
  if (value.is_null() || read(value, &fallback)) return fallback;
  if (trouble_.empty()) trouble_ = "its '" + std::string(key) + "' is not " + expected;
  return fallback;
}

bool LayerContext::Has(std::string_view key) const { return !Get(key).is_null(); }

int64_t LayerContext::Int(std::string_view key, int64_t fallback) const {
  return Read(key, fallback, "a whole number", [](const Json& j, int64_t* out) {
    const Json& value = j.is_list() && j.size() == 1 ? j[size_t{0}] : j;  // Keras 2: BatchNormalization's axis is [3].
    if (!value.is_number() || value.number() != std::floor(value.number())) return false;
    *out = value.integer();
    return true;
  });
}

double LayerContext::Number(std::string_view key, double fallback) const {
  return Read(key, fallback, "a number", [](const Json& j, double* out) {
    if (!j.is_number() && !(j.is_text() && j.number() != 0)) return false;  // "Infinity" counts.
    *out = j.number();
    return true;
  });
}

bool LayerContext::Bool(std::string_view key, bool fallback) const {
  return Read(key, fallback, "true or false", [](const Json& j, bool* out) {
    if (j.kind() != Json::Kind::kBool && j.kind() != Json::Kind::kInt) return false;
    *out = j.boolean();
    return true;
  });
}

std::string LayerContext::Text(std::string_view key, std::string_view fallback) const {
  return Read(key, std::string(fallback), "text", [](const Json& j, std::string* out) {
    if (!j.is_text()) return false;
    *out = j.text();
    return true;
  });
}

namespace {

// The numbers of a list, of a tuple written as {"class_name": "__tuple__", "items": …}, or a single one.
template <class T> bool NumbersOf(const Json& j, std::vector<T>* out) {
  const Json& list = j.is_map() && j["class_name"].text() == "__tuple__" ? (j.Has("items") ? j["items"] : j["config"]["items"]) : j;
  out->clear();
  if (list.is_number()) {
    out->push_back(static_cast<T>(std::is_integral_v<T> ? static_cast<double>(list.integer()) : list.number()));
    return true;
  }
  if (!list.is_list() || list.size() > static_cast<size_t>(kMaxList)) return false;
  for (const Json& item : list.items()) {
    if (item.is_list()) {  // ((1, 2), (3, 4)) reads as 1, 2, 3, 4.
      std::vector<T> nested;
      if (!NumbersOf(item, &nested)) return false;
      out->insert(out->end(), nested.begin(), nested.end());
    } else if (item.is_number() || (item.is_null() && std::is_integral_v<T>)) {  // None: an unknown dimension.
      if constexpr (std::is_integral_v<T>) out->push_back(item.is_null() ? -1 : item.integer());
      else out->push_back(item.number());
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::vector<int64_t> LayerContext::Ints(std::string_view key, std::vector<int64_t> fallback) const {
  return Read(key, std::move(fallback), "a list of whole numbers", NumbersOf<int64_t>);
}

std::vector<double> LayerContext::Numbers(std::string_view key, std::vector<double> fallback) const {
  return Read(key, std::move(fallback), "a list of numbers", NumbersOf<double>);
}

Status LayerContext::TakeTrouble() {
  if (trouble_.empty()) return {};
  return Error(Code::kInvalidModel, "%s '%s': %s", layer_.class_name.c_str(), place_.c_str(), trouble_.c_str());
}

int LayerContext::num_weights() const {
  auto datasets = builder_.weights().Datasets(variables_);
  return datasets.ok() ? static_cast<int>(datasets->size()) : 0;
}

Result<Value> LayerContext::Weight(int i) {
  OCTET_ASSIGN(const std::vector<std::string> datasets, builder_.weights().Datasets(variables_));
  if (i < 0 || static_cast<size_t>(i) >= datasets.size())
    return Error(Code::kInvalidModel, "%s '%s': the weights file has %zu of its variables, the layer needs at least %d", layer_.class_name.c_str(),
                 place_.c_str(), datasets.size(), i + 1);
  const std::vector<VariableName> names = VariablesOf(layer_.class_name, *layer_.config);
  const auto n = static_cast<size_t>(i);
  OCTET_ASSIGN(weight_, builder_.FloatVariable(datasets[n], n < names.size() ? names[n].name : "variable_" + std::to_string(i), *this));
  return weight_;
}

// -------------------------------------------------------------------------------- the graph

Construction& LayerContext::construction() { return builder_; }


const TensorType& LayerContext::type(Value v) const {
  static const TensorType kNothing;
  if (v) return builder_.TypeOf(v);
  if (trouble_.empty()) trouble_ = "it lacks an input";
  return kNothing;
}

const std::byte* LayerContext::data(Value v) const {
  if (!v) return nullptr;
  const graph::Buffer& buffer = builder_.graph().tensor(v.id).constant;
  return buffer ? buffer->data() : nullptr;
}

Value LayerContext::Constant(const TensorType& type, std::span<const std::byte> bytes) {
  // What has a kernel's size is that kernel in another layout, and takes its name.
  std::string name = place_ + "/constant";
  if (weight_ && type.shape.rank() > 1 && bytes.size() == builder_.graph().tensor(weight_.id).constant->size()) {
    graph::Tensor& stored = builder_.graph().tensor(weight_.id);
    name = std::exchange(stored.name, builder_.UniqueName(stored.name + "/stored"));
    weight_ = {};
    return builder_.Constant(type, bytes, name);
  }
  return builder_.Constant(type, bytes, builder_.UniqueName(name));
}

void LayerContext::SetOutput(int i, Value v) {
  if (outputs_.size() <= static_cast<size_t>(i)) outputs_.resize(static_cast<size_t>(i) + 1);
  outputs_[static_cast<size_t>(i)] = v;
}

Status LayerContext::Fail(std::string_view expected, std::string_view found, std::string_view advice) const {
  failed_ = true;
  finding_ = {layer_.name, layer_.class_name, place_, "expected " + std::string(expected) + ", found " + std::string(found), std::string(advice)};
  return Error(Code::kUnsupported, "%s", importers::Text(finding_).c_str());
}

void LayerContext::AdoptFinding(const LayerContext& inner) {
  failed_ = inner.failed_;
  finding_ = inner.finding_;
}

Status LayerContext::AdoptFinding(const Finding& inner) {
  failed_ = true;
  finding_ = {layer_.name, layer_.class_name, place_, inner.reason, inner.advice};
  return Error(Code::kUnsupported, "%s", importers::Text(finding_).c_str());
}

// ------------------------------------------------------------------------------ activations

// Whole numbers stay such.
std::span<const DType> LayerContext::WiderThan(DType own, bool computes) const {
  static constexpr DType kTypes[] = {DType::kI32, DType::kI64};
  const bool fits = own != DType::kI64 && !IsFloat(own) && (own != DType::kBool || !computes);
  return fits ? kTypes : std::span<const DType>();
}

// Where a rule sees the channels last that the layer has first, an activation along the last axis still means the layer's.
Result<Value> LayerContext::Activate(Value v, std::string_view key) {
  const Json& activation = Get(key);
  const int rank = this->rank(v);
  if (override_key_ != "data_format" || rank < 3 || !IsAlongAxis(activation)) return ApplyActivation(v, activation);
  std::vector<int32_t> first = {0, rank - 1}, last = {0};
  for (int i = 1; i + 1 < rank; ++i) first.push_back(i);
  for (int i = 2; i < rank; ++i) last.push_back(i);
  last.push_back(1);
  OCTET_ASSIGN(v, Make("transpose", {v, Vector(first)}));
  OCTET_ASSIGN(v, ApplyActivation(v, activation));
  return Make("transpose", {v, Vector(last)});
}

Result<Value> LayerContext::ApplyActivation(Value v, const Json& activation) {
  if (activation.is_null()) return v;
  if (activation.is_text()) return NamedActivation(v, activation.text());
  const std::string& kind = activation["class_name"].text();
  const std::string& registered = activation["registered_name"].text();
  if (registered.find('>') != std::string::npos)
    return Fail("a built-in activation", "the custom '" + registered + "'", "write it with built-in layers");
  if (kind == "function") return NamedActivation(v, activation["config"].text());
  if (kind == "__lambda__") return Fail("a named activation", "a Python lambda", "name a built-in activation");
  const Layer inner = ParseLayerHead(activation);
  // Of quantization-aware training: the wrapper rounds the result.
  if (kind == "QuantizeAwareActivation") {
    if (const auto& levels = builder_.operand_levels()) {
      OCTET_ASSIGN(v, RoundToLevels(*this, v, *levels));
    }
    return ApplyActivation(v, (*inner.config)["activation"]);
  }
  if (kind == "NoOpActivation") return v;
  if (kind == "Activation") return ApplyActivation(v, (*inner.config)["activation"]);
  OCTET_ASSIGN(const std::vector<Value> values, Apply(activation, {}, std::span(&v, 1), inner.name));
  return values[0];
}

Result<Value> LayerContext::NamedActivation(Value v, const std::string& name) {
  if (name == "linear") return v;
  const ops::ImportRule* rule = ops::FindImport(ops::Source::kKerasActivation, name, builder_.version());
  const auto own = std::ranges::find(kNamedActivations, name, &LayerRule::name);
  if (!rule && own == kNamedActivations.end()) return Fail("a supported activation", "'" + name + "'", "choose another one");
  Json config(Json::Kind::kMap);  // hard_sigmoid means something else before Keras 3.
  config.Set("keras2", Json(builder_.version() < 3));
  Layer layer;
  layer.config = &config;
  layer.class_name = layer_.class_name;
  layer.name = layer_.name;
  LayerContext inner(builder_, layer, {}, place_, {v});
  Status status = rule ? rule->convert(inner) : own->convert(inner);
  AdoptFinding(inner);
  if (!status.ok()) return status;
  if (inner.outputs_.empty() || !inner.outputs_[0]) return Fail("an output", "none", "");
  return inner.outputs_[0];
}

// ------------------------------------------------------------- for the importer's own rules

Status LayerContext::InputsToFloat() {
  for (Value& v : inputs_) {
    OCTET_ASSIGN(v, Cast(v, DType::kF32));
  }
  return {};
}

Status LayerContext::InputsToOneRank() {
  int rank = 0;
  for (const Value v : inputs_) rank = std::max(rank, this->rank(v));
  for (Value& v : inputs_) {
    while (this->rank(v) > 0 && this->rank(v) < rank) {
      OCTET_ASSIGN(v, Make("expand_dims", {v, Vector({1})}));
    }
  }
  return {};
}

Status LayerContext::InputsToOneType() {
  const auto any = [this](auto is) { return std::ranges::any_of(inputs_, [&](Value v) { return is(type(v).dtype); }); };
  if (inputs_.empty() || !any([&](DType t) { return t != type(inputs_[0]).dtype; })) return {};
  DType common = type(inputs_[0]).dtype;
  for (const Value v : inputs_) common = CommonType(common, type(v).dtype);
  for (Value& v : inputs_) {
    OCTET_ASSIGN(v, Cast(v, common));
  }
  return {};
}

const Argument* LayerContext::Positional(size_t i) const { return call_ && i < call_->args.size() ? &call_->args[i] : nullptr; }

const Argument* LayerContext::Find(std::string_view name) const {
  if (!call_) return nullptr;
  for (const auto& [key, argument] : call_->named)
    if (key == name) return &argument;
  return nullptr;
}

const Argument* LayerContext::Named(std::string_view name) const {
  const Argument* argument = Find(name);
  if (argument) read_.emplace(name);
  return argument;
}

bool LayerContext::HasImaginary() const {
  return std::ranges::any_of(tensors_, [this](const auto& t) { return static_cast<bool>(builder_.ImaginaryOf(t.second)); });
}

const std::string* LayerContext::Unread() const {
  if (!call_) return nullptr;
  for (const auto& [key, argument] : call_->named) {
    const bool literal = argument.kind == Argument::Kind::kLiteral;
    const bool says_nothing = literal && (!argument.literal || argument.literal->is_null() || argument.literal->kind() == Json::Kind::kBool);
    if (key != "name" && !read_.contains(key) && !(says_nothing && (!argument.literal || !argument.literal->boolean()))) return &key;
  }
  return nullptr;
}

void LayerContext::SetCall(const Call* call, std::vector<std::pair<const Argument*, Value>> tensors) {
  call_ = call;
  tensors_ = std::move(tensors);
}

Value LayerContext::TensorOf(const Argument* argument) const {
  for (const auto& [key, value] : tensors_)
    if (key == argument) return value;
  return {};
}

Result<Value> LayerContext::Mask() {
  if (const Argument* named = Named("mask")) {
    const Value given = TensorOf(named);
    if (given || builder_.version() < 3) return given;
  }
  if (inputs_.empty() || (builder_.version() >= 3 && TensorArguments() > 1)) return Value{};
  return builder_.MaskOf(inputs_[0]);
}

int LayerContext::TensorArguments() const {
  if (!call_) return 1;
  const auto holds = [](const Argument& a) {
    std::vector<TensorRef> tensors;
    CollectTensors(a, &tensors);
    return !tensors.empty();
  };
  return static_cast<int>(std::ranges::count_if(call_->args, holds) + std::ranges::count_if(call_->named, [&](const auto& n) { return holds(n.second); }));
}

Value LayerContext::Variable(const TensorType& type, const std::string& name) {
  const Value v{builder_.graph().AddTensor(builder_.UniqueName(place_ + "/" + name), type)};
  builder_.graph().tensor(v.id).is_variable = true;
  return v;
}

Status LayerContext::ApplyOperatorRule() {
  const ops::ImportRule* rule = ops::FindImport(ops::Source::kKeras, kind(), builder_.version());
  return rule ? ConvertOperatorRule(*rule) : Fail("a layer that octet has", "class " + layer_.class_name, "build it from other layers");
}

// Where the layer has its channels, if that is not the last axis; else 0.
int LayerContext::ChannelAxis() const {
  const int rank = inputs_.empty() ? 0 : this->rank(inputs_[0]);
  if (rank < 3) return 0;
  if (Get("data_format").text() == "channels_first") return 1;
  if (layer_.class_name != "BatchNormalization") return 0;
  const int64_t axis = Int("axis", -1);
  return axis > 0 && axis < rank - 1 ? static_cast<int>(axis) : axis < -1 && axis > -rank ? static_cast<int>(axis) + rank : 0;
}

// Operators' rules see the positional tensors only. What else is passed must not be lost.
Status LayerContext::CheckArguments() const {
  if (!call_) return {};
  for (const auto& [name, argument] : call_->named) {
    std::vector<TensorRef> tensors;
    CollectTensors(argument, &tensors);
    if (!tensors.empty() && name != "inputs" && name != "x" && name != "mask") return Fail("no tensor as argument '" + name + "'", "one", "");
  }
  return {};
}

Status LayerContext::ConvertOperatorRule(const ops::ImportRule& rule) {
  OCTET_TRY(CheckArguments());
  const int channels = ChannelAxis();
  if (channels == 0) return rule.convert(*this);
  const int rank = this->rank(inputs_[0]);
  std::vector<int32_t> last, back(static_cast<size_t>(rank));
  for (int i = 0; i < rank; ++i)
    if (i != channels) last.push_back(i);
  last.push_back(channels);
  for (int i = 0; i < rank; ++i) back[static_cast<size_t>(last[static_cast<size_t>(i)])] = i;
  for (Value& v : inputs_) {
    if (this->rank(v) != rank) continue;
    OCTET_ASSIGN(v, Make("transpose", {v, Vector(last)}));
  }
  const bool format = layer_.class_name != "BatchNormalization";
  override_key_ = format ? "data_format" : "axis";
  override_ = format ? Json(std::string("channels_last")) : Json(int64_t{-1});
  OCTET_TRY(rule.convert(*this));
  for (Value& v : outputs_) {
    if (!v || this->rank(v) != rank) continue;
    OCTET_ASSIGN(v, Make("transpose", {v, Vector(back)}));
  }
  return {};
}

Result<std::vector<Value>> LayerContext::Apply(const Json& object, Variables variables, std::span<const Value> inputs, const std::string& path) {
  const Layer inner = ParseLayerHead(object);
  if (inner.custom.empty() && IsNetworkClass(inner.class_name))
    return builder_.RunInside(object, variables, place_ + "/" + path, {inputs.begin(), inputs.end()});
  LayerContext context(builder_, inner, std::move(variables), place_ + "/" + path, {inputs.begin(), inputs.end()});
  Status status = builder_.RunRule(context);
  AdoptFinding(context);
  if (!status.ok()) return status;
  return context.outputs_;
}

}  // namespace octet::importers::keras
