// SPDX-License-Identifier: Apache-2.0
#include "quantizer/beside_float.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "quantizer/roles.h"
#include "quantizer/sensitivity.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr float kUnlike = 4;          // Times what the narrowest part of a join reaches: it would keep 64 of 256 steps.
constexpr int64_t kGrowth = 3;        // Bytes that a weight takes more in float.
constexpr int64_t kLeastShare = 20;   // An island takes no more than this part of all multiply-adds, nor does the file grow by more of it.

class Finder {
 public:
  Finder(const Graph& g, const Statistics& statistics, const RewriteOptions& options) : g_(g), statistics_(statistics), options_(options) {}

  std::map<std::string, std::string> Run() {
    if (options_.activation == DType::kI8) {  // 16 bits are fine enough for both.
      FindFunctionsOfInputs();
      FindJoins();
    }
    FindIslands();
    return std::move(found_);
  }

 private:
  struct Island {
    std::vector<NodeId> nodes;
    std::set<TensorId> crossings;  // Into it and out of it.
    int64_t macs = 0, bytes = 0;
    double nanoseconds = 0;        // That float takes longer.
    bool beside_float = false;     // Beside an operator, not only the model's ends.
    bool fixed = false;            // It has to be int8, or in parts of other types.
  };

  const std::string& NameOf(NodeId id) const { return g_.tensor(g_.node(id).outputs[0]).name; }
  bool IsComputed(TensorId t) const { return t != graph::kNoTensor && !g_.is_constant(t) && g_.tensor(t).type.dtype == DType::kF32; }
  bool MakesNothing(NodeId id) const { return g_.node(id).outputs.empty(); }  // It writes a variable.
  bool InFloat(NodeId id) const {
    return MakesNothing(id) || options_.keep_float.contains(NameOf(id)) || found_.contains(NameOf(id)) || !HasIntegerForm(g_, id, options_.activation);
  }
  bool MakesFloat(NodeId id) const { return std::ranges::any_of(g_.node(id).outputs, [&](TensorId t) { return IsComputed(t); }); }

  void FindFunctionsOfInputs() {
    if (options_.inputs != DType::kF32) return;
    constexpr uint32_t kFunction = ops::kElementwise | ops::kUnary;
    const auto is_function = [&](NodeId id) { return (g_.node(id).op->traits & kFunction) == kFunction && MakesFloat(id); };
    for (TensorId t : g_.inputs)
      if (IsComputed(t) && !g_.is_output(t) && std::ranges::all_of(g_.tensor(t).consumers, is_function))
        for (NodeId id : g_.tensor(t).consumers) found_[NameOf(id)] = "reads an input as it comes: its result is rounded once instead of twice";
  }

  // -- joins
  void FindJoins() {
    const std::set<NodeId> moves = MovesToFloat();
    for (NodeId id : g_.order()) {
      if (!moves.contains(id)) continue;
      const auto joined = [&](TensorId t) { return t != graph::kNoTensor && found_.contains(g_.tensor(t).name) && moves.contains(g_.tensor(t).producer); };
      if (JoinsUnlike(g_.node(id))) found_[NameOf(id)] = "joins for float readers what reaches unlike far: each part keeps a scale of its own";
      else if (std::ranges::any_of(g_.node(id).inputs, joined)) found_[NameOf(id)] = "moves on what is joined in float";
    }
  }

  // What moves values on to float alone.
  std::set<NodeId> MovesToFloat() const {
    std::set<NodeId> moves;
    for (auto id = g_.order().rbegin(); id != g_.order().rend(); ++id) {
      const graph::Node& n = g_.node(*id);
      const auto read_in_float = [&](TensorId t) {
        return IsComputed(t) && g_.uses(t) > 0 && (options_.outputs == DType::kF32 || !g_.is_output(t)) &&
               std::ranges::all_of(g_.tensor(t).consumers, [&](NodeId reader) { return moves.contains(reader) || InFloat(reader); });
      };
      if ((n.op->traits & ops::kMovesBytes) && n.callees.empty() && !MakesNothing(*id) && std::ranges::all_of(n.outputs, read_in_float)) moves.insert(*id);
    }
    return moves;
  }

  bool JoinsUnlike(const graph::Node& n) const {
    std::vector<float> reaches;
    for (TensorId t : n.inputs) {
      const auto s = IsComputed(t) ? statistics_.find(g_.tensor(t).name) : statistics_.end();
      if (s != statistics_.end() && s->second.max > s->second.min) reaches.push_back(std::max(-s->second.min, s->second.max));
    }
    if (reaches.size() < 2) return false;
    const auto [least, most] = std::ranges::minmax(reaches);
    return most > kUnlike * least;
  }

  // -- islands: all that hangs together in int8
  void FindIslands() {
    int64_t macs = 0, bytes = 0;
    for (NodeId id : g_.order()) {
      macs += MacsOf(id);
      bytes += ConstantBytes(id);
    }
    std::set<NodeId> seen;
    for (NodeId id : g_.order()) {
      if (seen.contains(id) || !MakesFloat(id) || InFloat(id)) continue;
      const Island island = IslandOf(id, &seen);
      const bool cheap = island.nanoseconds < kStep_ns * static_cast<double>(island.crossings.size());
      if (!cheap || island.fixed || !island.beside_float || kLeastShare * island.macs > macs || kLeastShare * kGrowth * island.bytes > bytes) continue;
      for (NodeId inside : island.nodes) found_[NameOf(inside)] = "stands between operators in float: the way into integers and back would take longer";
    }
  }

  Island IslandOf(NodeId first, std::set<NodeId>* seen) const {
    Island island;
    std::vector<NodeId> open = {first};
    seen->insert(first);
    const auto reach = [&](NodeId id, TensorId t) {
      if (InFloat(id)) {
        island.beside_float |= MakesFloat(id) && !options_.keep_float.contains(NameOf(id));  // What a caller keeps in float takes nothing along.
        island.crossings.insert(t);
      } else if (seen->insert(id).second) open.push_back(id);
    };
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      Add(id, &island);
      for (TensorId t : g_.node(id).inputs) {
        if (!IsComputed(t)) continue;
        if (g_.tensor(t).producer >= 0) reach(g_.tensor(t).producer, t);
        else AddEnd(t, options_.inputs, &island);
      }
      for (TensorId t : g_.node(id).outputs) {
        for (NodeId reader : g_.tensor(t).consumers) reach(reader, t);
        if (g_.is_output(t)) AddEnd(t, options_.outputs, &island);
      }
    }
    return island;
  }

  void Add(NodeId id, Island* island) const {
    const graph::Node& n = g_.node(id);
    island->nodes.push_back(id);
    island->macs += MacsOf(id);
    island->bytes += ConstantBytes(id);
    island->nanoseconds += FloatNanoseconds(g_, id);
    const bool state = std::ranges::any_of(n.inputs, [&](TensorId t) { return t != graph::kNoTensor && g_.tensor(t).is_variable; });
    island->fixed |= state || !n.callees.empty() || options_.int4.contains(NameOf(id)) || options_.int16.contains(NameOf(id));
  }
  void AddEnd(TensorId t, DType type, Island* island) const {
    island->crossings.insert(t);
    island->fixed |= type != DType::kF32 || g_.tensor(t).is_variable;
  }

  int64_t MacsOf(NodeId id) const { return SampleCost(g_, id).macs; }
  int64_t ConstantBytes(NodeId id) const {
    int64_t bytes = 0;
    for (TensorId t : g_.node(id).inputs)
      if (g_.is_constant(t) && g_.tensor(t).type.dtype == DType::kF32) bytes += g_.tensor(t).type.shape.elements();
    return bytes;
  }

  const Graph& g_;
  const Statistics& statistics_;
  const RewriteOptions& options_;
  std::map<std::string, std::string> found_;
};

}  // namespace

std::map<std::string, std::string> BesideFloat(const Graph& g, const Statistics& statistics, const RewriteOptions& options) {
  return Finder(g, statistics, options).Run();
}

}  // namespace octet::quantizer
