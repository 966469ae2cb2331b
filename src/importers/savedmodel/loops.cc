// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/loops.h"

#include <algorithm>
#include <set>

namespace octet::importers::savedmodel {
namespace {

using data::WireField;

bool IsOp(const NodeDef& n, std::string_view op) { return n.op == op || (n.op.starts_with("Ref") && n.op.substr(3) == op); }

std::string_view NodePart(std::string_view tensor) {
  if (tensor.starts_with('^')) tensor.remove_prefix(1);
  return tensor.substr(0, tensor.find(':'));
}

std::string_view FrameOf(const NodeDef& n) {
  WireField f;
  return n.Get("frame_name").Find(Attribute::kText, &f) ? f.as_text() : std::string_view();
}

struct Variable {
  const NodeDef *enter = nullptr, *merge = nullptr, *again = nullptr, *choice = nullptr, *exit = nullptr;
};
struct Frame {
  std::string_view name;
  std::vector<Variable> variables;
  std::vector<const NodeDef*> constants;  // Enters of values that stay.
  const NodeDef* condition = nullptr;     // LoopCond.
};

class Raiser {
 public:
  explicit Raiser(GraphDef& graph) : graph_(graph), main_(graph.mutable_main()) {}

  Status Run() {
    std::vector<Frame> frames;
    OCTET_TRY(FindFrames(&frames));
    // Inner loops first: those whose nodes reach no Exit of another loop that is still there.
    while (!frames.empty()) {
      const auto next =
          std::ranges::find_if(frames, [&](const Frame& f) { return std::ranges::none_of(Inside(f), [](const NodeDef* n) { return IsOp(*n, "Exit"); }); });
      if (next == frames.end()) return Bad("loops that contain each other", frames[0].name);
      OCTET_TRY(Raise(*next));
      frames.clear();
      OCTET_TRY(FindFrames(&frames));
    }
    return {};
  }

 private:
  Status Bad(const char* what, std::string_view frame) const {
    return Error(Code::kUnsupported, "'%s': the loop '%.*s' has %s; freeze the model again with TensorFlow 2's control flow", graph_.path().c_str(),
                 static_cast<int>(frame.size()), frame.data(), what);
  }

  const NodeDef* Find(std::string_view name) const {
    const auto it = main_.by_name.find(name);
    return it == main_.by_name.end() ? nullptr : &main_.nodes[it->second];
  }
  const NodeDef* Reader(const NodeDef& of, std::string_view op) const {
    for (const NodeDef& n : main_.nodes)
      if (IsOp(n, op) && !n.inputs.empty() && NodePart(n.inputs[0]) == of.name) return &n;
    return nullptr;
  }

  Status FindFrames(std::vector<Frame>* frames) const {
    std::map<std::string_view, Frame> found;
    std::set<std::string_view> entered;  // Enters that a Merge reads.
    for (const NodeDef& merge : main_.nodes) {
      if (!IsOp(merge, "Merge") || merge.inputs.size() < 2) continue;
      const NodeDef *enter = Find(NodePart(merge.inputs[0])), *again = Find(NodePart(merge.inputs[1]));
      if (enter && again && IsOp(*enter, "NextIteration")) std::swap(enter, again);
      if (!enter || !again || !IsOp(*enter, "Enter") || !IsOp(*again, "NextIteration")) continue;
      if (enter->inputs.empty() || again->inputs.empty()) return Bad("an Enter or a NextIteration without an input", FrameOf(*enter));
      Variable v{enter, &merge, again, Reader(merge, "Switch"), nullptr};
      if (v.choice && v.choice->inputs.size() < 2) return Bad("a Switch without a condition", FrameOf(*enter));
      for (const NodeDef& n : main_.nodes)
        if (v.choice && IsOp(n, "Exit") && !n.inputs.empty() && n.inputs[0] == v.choice->name) v.exit = &n;
      Frame& f = found[FrameOf(*enter)];
      f.name = FrameOf(*enter);
      f.variables.push_back(v);
      entered.insert(enter->name);
      if (v.choice) f.condition = Find(NodePart(v.choice->inputs[1]));
    }
    for (const NodeDef& n : main_.nodes)
      if (IsOp(n, "Enter") && !n.inputs.empty() && !entered.contains(n.name) && found.contains(FrameOf(n))) found[FrameOf(n)].constants.push_back(&n);
    for (auto& [name, frame] : found) {
      if (!frame.condition || !IsOp(*frame.condition, "LoopCond") || frame.condition->inputs.empty()) return Bad("no condition", name);
      frames->push_back(std::move(frame));
    }
    return {};
  }

  // Nodes that the condition and the next values need, up to the frame's own Enters and Merges.
  std::vector<const NodeDef*> Inside(const Frame& f) const {
    std::set<std::string_view> ends;
    std::vector<std::string_view> open = {NodePart(f.condition->inputs[0])};
    for (const Variable& v : f.variables) {
      ends.insert(v.merge->name);
      if (v.choice) ends.insert(v.choice->name);
      open.push_back(NodePart(v.again->inputs[0]));
    }
    for (const NodeDef* c : f.constants) ends.insert(c->name);
    std::vector<const NodeDef*> nodes;
    std::set<std::string_view> seen;
    while (!open.empty()) {
      const std::string_view name = open.back();
      open.pop_back();
      if (ends.contains(name) || !seen.insert(name).second) continue;
      const NodeDef* n = Find(name);
      if (!n) continue;
      nodes.push_back(n);
      for (const std::string_view input : n->inputs)
        if (!input.starts_with('^')) open.push_back(NodePart(input));
    }
    return nodes;
  }

  // AttrValue{func: NameAttrList{name}}
  Bytes FunctionAttr(std::string_view name) {
    std::string inner = std::string("\x0a") + Length(name.size()) + std::string(name);
    return graph_.Own(std::string("\x52") + Length(inner.size()) + inner);
  }
  static std::string Length(size_t n) {
    std::string out;
    for (; n >= 128; n >>= 7) out += static_cast<char>((n & 127) | 128);
    return out + static_cast<char>(n);
  }

  // A function of all variables and constants, named as their Merges and Enters, with the nodes of the loop.
  std::unique_ptr<FunctionDef> MakeFunction(const Frame& f, std::string_view name, const std::vector<std::string_view>& results) {
    auto function = std::make_unique<FunctionDef>();
    function->name = name;
    const auto argument = [&](std::string_view arg) {
      function->args[arg] = function->inputs.size();
      function->inputs.push_back({arg, 0});
    };
    for (const Variable& v : f.variables) argument(v.merge->name);
    for (const NodeDef* c : f.constants) argument(c->name);
    const auto add = [&](NodeDef n) {
      std::erase_if(n.inputs, [](std::string_view input) { return input.starts_with('^'); });
      function->by_name[n.name] = function->nodes.size();
      function->nodes.push_back(std::move(n));
    };
    for (const NodeDef* n : Inside(f)) add(*n);
    for (const Variable& v : f.variables)
      if (v.choice) add({v.choice->name, "Identity", {v.merge->name}, {}});
    for (size_t i = 0; i < results.size(); ++i) {
      const std::string_view out = graph_.OwnText("result_" + std::to_string(i));
      function->outputs.push_back({out, 0});
      function->ret[out] = results[i];
    }
    return function;
  }

  // What reads nodes of the loop and is no Exit lies inside, too, though no value needs it: the pivots of a branch.
  void AddReaders(const std::map<std::string_view, size_t>& exits, std::set<std::string_view>* gone) const {
    std::multimap<std::string_view, std::string_view> readers;
    for (const NodeDef& n : main_.nodes)
      for (const std::string_view input : n.inputs) readers.emplace(NodePart(input), n.name);
    std::vector<std::string_view> open(gone->begin(), gone->end());
    while (!open.empty()) {
      const auto [first, last] = readers.equal_range(open.back());
      open.pop_back();
      for (auto it = first; it != last; ++it)
        if (!exits.contains(it->second) && gone->insert(it->second).second) open.push_back(it->second);
    }
  }

  Status Raise(const Frame& f) {
    const std::string_view loop = graph_.OwnText(std::string(f.name) + "/while");
    const std::string_view cond = graph_.OwnText(std::string(loop) + "/condition"), body = graph_.OwnText(std::string(loop) + "/body");
    std::vector<std::string_view> next, start;
    for (const Variable& v : f.variables) {
      next.push_back(v.again->inputs[0]);
      start.push_back(v.enter->inputs[0]);
    }
    for (const NodeDef* c : f.constants) {
      next.push_back(c->name);
      start.push_back(c->inputs[0]);
    }
    graph_.AddFunction(MakeFunction(f, cond, {f.condition->inputs[0]}));
    graph_.AddFunction(MakeFunction(f, body, next));
    // The loop's own nodes go; its Exits hand on what the new node gives.
    std::set<std::string_view> gone = {f.condition->name};
    std::map<std::string_view, size_t> exits;
    for (size_t i = 0; i < f.variables.size(); ++i) {
      const Variable& v = f.variables[i];
      for (const NodeDef* n : {v.enter, v.merge, v.again, v.choice})
        if (n) gone.insert(n->name);
      if (v.exit) exits[v.exit->name] = i;
    }
    for (const NodeDef* c : f.constants) gone.insert(c->name);
    for (const NodeDef* n : Inside(f)) gone.insert(n->name);
    AddReaders(exits, &gone);
    std::vector<NodeDef> kept;
    for (const NodeDef& n : main_.nodes) {
      if (const auto exit = exits.find(n.name); exit != exits.end())
        kept.push_back({n.name, "Identity", {graph_.OwnText(std::string(loop) + ":" + std::to_string(exit->second))}, {}});
      else if (!gone.contains(n.name)) kept.push_back(n);
    }
    kept.push_back({loop, "While", start, {{"cond", FunctionAttr(cond)}, {"body", FunctionAttr(body)}}});
    main_.nodes = std::move(kept);
    main_.by_name.clear();
    for (size_t i = 0; i < main_.nodes.size(); ++i) main_.by_name[main_.nodes[i].name] = i;
    return {};
  }

  GraphDef& graph_;
  FunctionDef& main_;
};

}  // namespace

Status RaiseLoops(GraphDef& graph) {
  const auto& nodes = graph.main().nodes;
  if (std::ranges::none_of(nodes, [](const NodeDef& n) { return IsOp(n, "NextIteration"); })) return {};
  return Raiser(graph).Run();
}

}  // namespace octet::importers::savedmodel
