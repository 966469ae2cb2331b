// SPDX-License-Identifier: Apache-2.0
// Flat nodes -> graph. One builder per region: the main graph, and each body of a loop or branch.
#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "importers/construction.h"
#include "importers/importer.h"
#include "importers/lowerings/complex.h"
#include "importers/savedmodel/assets.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/functions.h"
#include "importers/savedmodel/partial.h"
#include "importers/savedmodel/variables.h"

namespace octet::importers::savedmodel {

using ops::Value;

// A constant on its way into another region.
struct Captured {
  TensorType type;
  graph::Buffer bytes;
  std::optional<Partial> partial;
};

// What all regions of one model share.
struct Session {
  Functions& functions;
  Variables& variables;
  const std::map<std::string_view, std::string>& keys;  // Checkpoint key by variable.
  std::vector<Finding> findings = {};
  std::set<std::pair<std::string, std::string>> found = {};  // Place and kind of those, said once.
  // Variables read so far, by key. The bytes are the graph's own: they go with the last constant that has them.
  struct Read {
    TensorType type;
    std::weak_ptr<const graph::ConstantBytes> bytes;
  };
  std::map<std::string, Read, std::less<>> values = {};
  std::vector<Captured> captured = {};
  std::vector<graph::Graph> subgraphs = {};  // All but the main one.
  std::map<std::string_view, int32_t> changed = {}, tables = {};  // Variables that the model changes, tables it reads: their nodes.

  const std::string& KeyOf(std::string_view variable) {
    const auto key = keys.find(variable);
    return key != keys.end() ? key->second : *names.emplace(variable).first;  // Without a restore operation: by its own name.
  }
  int32_t TableId(std::string_view name) { return table_ids.try_emplace(name, static_cast<int32_t>(table_ids.size()) + 1).first->second; }
  std::set<std::string, std::less<>> names = {};
  std::map<std::string_view, int32_t> table_ids = {};
  std::set<std::string, std::less<>> changed_elsewhere = {};  // Variables that other signatures of the model change.
  std::vector<Finding>* flex = nullptr;                        // As ImportOptions::flex.
  Assets assets = {};
  bool fake_quantized = false;  // Weights of the model are rounded by FakeQuant ops.
};

// A variable's value, from the checkpoint where it is not at hand.
Result<Captured> ReadVariable(Session& session, const std::string& key, const std::string& name);

// A TensorList as one tensor of all its elements. One that was only reserved gets it with its first element, whose
// shape it then takes.
struct TensorList {
  Value tensor;                 // [count, element...]; empty while reserved.
  DType dtype = DType::kF32;
  std::optional<Shape> element;  // Where known.
  Edge count;                   // Of a reserved one; none where it comes from the region around.
  std::vector<int64_t> symbols = {};  // Of the element's open dimensions, by axis.
  int32_t argument = -1;         // Of a region, as which a reserved one came in.
  Value item = {};               // The last one that was set, in its region.
  bool grows = false;            // To whatever place is written.
  // The same, made, in another graph.
  TensorList As(Value made, const std::optional<Shape>& elements) const {
    TensorList list = *this;
    list.tensor = made;
    list.element = elements;
    list.count = {};
    list.symbols.clear();
    list.argument = -1;
    list.item = {};
    return list;
  }
};

class Builder : public Construction {
 public:
  Builder(Session& session, int32_t region) : session_(session), region_(region) {}

  Functions& functions() { return session_.functions; }
  Session& session() { return session_; }
  int32_t region() const { return region_; }
  graph::Model TakeModel() { return std::move(model_); }

  // An input of the region.
  Value AddInput(const std::string& name, const TensorType& type);
  // Declares what the region's argument number i is.
  void SetArgument(size_t i, Value v);
  // Runs everything that the edges need.
  Status Run(const std::vector<Edge>& outputs);

  // The tensor, made a constant where only its elements are known. Empty where it could not be imported.
  Value ValueOf(const Edge& edge);
  // Where a region inside could not make an output: why, for the node that calls it.
  void PassFailure(const Edge& edge, NodeContext& caller) { (void)caller.PoisonBy(At(edge).failure); }
  // Puts why that is on the list of findings.
  void ReportFailure(const Edge& edge);
  // What is known of the elements; null: nothing.
  const Partial* PartialOf(const Edge& edge);
  // The same of a constant whose turn has not come yet.
  Result<const Partial*> PartialAhead(const Edge& edge);
  void SetPartial(const Edge& edge, Partial p) { slots_[{edge.node, edge.output}].partial = std::move(p); }
  // The list at this edge, or null.
  const TensorList* ListOf(const Edge& edge);
  void SetList(const Edge& edge, TensorList list) { At(edge).list = std::move(list); }
  // What the edge `to` stands for is what `from` stands for.
  void Alias(const Edge& to, const Edge& from) { At(to) = At(from); }
  // Appends a finished region to the model's subgraphs; its index there.
  int32_t AddSubgraph(graph::Graph g);
  // Of lowerings: among the model's, too, so that each has a number of its own, whichever region calls it.
  int32_t CloseSubgraph() override;
  // The variable's or table's node behind a handle; null when it is none.
  const FlatNode* Handle(const Edge& edge);
  // The value of a variable, which has one, as a constant.
  Result<Value> Variable(const FlatNode& handle, const NodeContext& c);
  // Which unknown number dimension `axis` of v is.
  int64_t SymbolOf(Value v, int axis) {
    int64_t symbol = symbols_.try_emplace({v.id, axis}, static_cast<int64_t>(symbols_.size())).first->second;
    for (auto same = same_.find(symbol); same != same_.end(); same = same_.find(symbol)) symbol = same->second;
    return symbol;
  }
  // Two numbers that an operator compares element by element.
  void Unite(int64_t a, int64_t b) {
    if (a != b) same_[std::max(a, b)] = std::min(a, b);
  }
  void SetSymbol(Value v, int axis, int64_t symbol) { symbols_[{v.id, axis}] = symbol; }
  // The two parts that this tensor of complex numbers was joined from; null when it was not.
  const Complex* PartsOf(Value v) const {
    const auto it = parts_.find(v.id);
    return it == parts_.end() ? nullptr : &it->second;
  }
  void SetParts(Value v, Complex parts) { parts_[v.id] = parts; }
  // For a region inside: the constant at this edge; -1 when it is none.
  int32_t Capture(const Edge& edge);

 protected:
  Status Link() override;

 private:
  struct Slot {
    Value value;
    std::optional<Partial> partial;
    std::optional<TensorList> list;
    std::shared_ptr<const std::vector<Finding>> failure;  // Of what it is made of; reported when an output needs it.
  };
  Slot& At(const Edge& edge) { return slots_[{edge.node, edge.output}]; }
  Status RunNode(int32_t id);
  Status RunRule(int32_t id);
  void Stored(int32_t id, Value v);
  void ReleaseInputs(int32_t id);
  Value Again(Slot& slot);
  void Take(int32_t id, const NodeContext& c, size_t first_new);
  Result<bool> KeepAsFlex(int32_t id, Finding* finding);
  void CarrySymbols(int32_t id, const NodeContext& c);
  void Fail(int32_t id, const NodeContext& c, const Finding* own);
  Status ReadConstant(int32_t id);
  std::vector<std::optional<Partial>> Evaluated(int32_t id);
  Partial ShapeOf(const Edge& edge, DType dtype);
  void Rename(int32_t id, const std::vector<Value>& outputs, size_t first_new);

  Session& session_;
  const int32_t region_;
  std::map<std::pair<int32_t, int32_t>, Slot> slots_;
  std::map<int32_t, int32_t> stored_;                       // Constants as the file has them: the node that reads them.
  std::map<int32_t, int32_t> released_;                     // Those of them whose bytes went.
  std::map<std::pair<int32_t, int32_t>, int64_t> symbols_;  // By tensor and axis.
  std::map<int32_t, Complex> parts_;
  std::map<int64_t, int64_t> same_;                         // A larger symbol that is another one.
};

// The tensor of a reserved list: `count` zeros of an element's shape, which is `like`'s where not known.
Result<Value> MakeList(NodeContext& c, Builder& b, const TensorList& list, const Shape& element, Value count, Value like);
// `element` with the dimensions that are open in it and said elsewhere: where the list was reserved, and by who joins the elements
// of the list at the edge `joined`. TensorFlow refuses elements of another shape there.
Result<Shape> SaidElement(Builder& b, const Shape& element, const TensorList& reserved, const Edge& joined);

}  // namespace octet::importers::savedmodel
