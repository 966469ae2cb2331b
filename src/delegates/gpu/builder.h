// SPDX-License-Identifier: Apache-2.0
// What a part of the graph becomes on the device: values, and launches of kernels that compute them. Operators are
// lowered into it one after the other; Finish fuses element-wise launches into their producers and places memory.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "delegates/gpu/dialect.h"
#include "delegates/gpu/node.h"

namespace octet::gpu {

using ValueId = int;

struct Value {
  Kind kind = Kind::kF32;
  int64_t elements = 0;
  bool is_constant = false;
  std::function<void(std::byte*)> fill;  // Of a constant, in its kind; called once.
  bool is_end = false;                   // Enters or leaves the part.
  int slot = -1;                         // Of memory, after Finish.
};

// How an element-wise function reads an operand, for quad o of its result.
struct Operand {
  enum Mode : uint8_t {
    kSame,        // Quad o.
    kOne,         // Its one element.
    kStrided,     // Each element by `dims`,
    kStridedQuads,// or quads by `dims`, counted in quads,
    kSpread,      // or one element per quad, by `dims` over quads.
    kTable,       // Not read by position: the expression calls LOOKUP_.
  };
  ValueId value = -1;
  Mode mode = kSame;
  std::vector<int32_t> dims;  // Rank; then size and stride from the innermost dimension on.
};

// `$a`, `$b`, `$c` stand for the operands as F4 or I4 (of a kTable: for its name), `$0`, `$1` for numbers.
struct Stage {
  std::string expression;
  std::vector<Operand> operands;
  std::vector<int32_t> numbers;
  bool gives_float = true;
  int through = -1;  // The operand that is the value so far; -1 in front.
};

struct LaunchArgument {
  std::string name;
  ValueId value;
};

struct Launch {
  int node = -1;                     // The last one in it.
  const char* body = nullptr;
  std::string defines;
  ValueId out = -1;                  // Argument "y".
  bool keeps_out = false;            // Reads what it does not write.
  bool finishes = true;              // Ends in FINISH: stages may follow.
  std::vector<LaunchArgument> arguments;  // Without y.
  std::vector<int32_t> params;
  std::vector<Stage> stages;
  Extent items = {1, 1, 1};
  Extent group = {64, 1, 1};
  bool product = false;              // `group`, TILE and SPLIT may be tuned.
  int tile = 1;                      // Of `columns`, which items[1] covers.
  int columns = 1;
  int most_split = 1;                // Of the channels, among the items of a group.
  int split = 1;

  void SetTile(int t) {
    tile = t;
    items[1] = static_cast<uint32_t>((columns + t - 1) / t);
  }
  // Output quads params[0] by groups of 64 items, `s` for each.
  void SetSplit(int s) {
    split = s;
    group = {64, 1, 1};
    items[0] = static_cast<uint32_t>((params[0] + 64 / s - 1) / (64 / s) * 64);
  }
};

struct Settings {
  bool half = false;       // float32 tensors are kept in 16 bits.
  uint32_t most_buffers = 32;
  uint64_t largest_buffer = ~0ull;
  bool fuse = true;
};

class Builder {
 public:
  // `dry`: only asks whether operators can be lowered; constants are not made.
  Builder(const OctetDelegateGraph& graph, const Settings& settings, bool dry)
      : graph_(graph), settings_(settings), dry_(dry), value_of_(static_cast<size_t>(graph.num_tensors), -1) {}

  bool dry() const { return dry_; }
  const Settings& settings() const { return settings_; }
  const Value& value(ValueId v) const { return values_[static_cast<size_t>(v)]; }
  // How the tensor lies in memory; an error where no kernel knows its type.
  Result<Kind> KindOf(int tensor) const;
  Result<ValueId> ValueOf(int tensor);
  Result<ValueId> In(const Node& node, int i) { return ValueOf(node.in(i)); }
  Result<ValueId> Out(const Node& node, int i = 0) { return ValueOf(node.out(i)); }
  // The output is the input's memory.
  Status Alias(int tensor, ValueId value);
  ValueId Temporary(Kind kind, int64_t elements);
  ValueId Constant(Kind kind, int64_t elements, std::function<void(std::byte*)> fill);
  ValueId Integers(std::vector<int32_t> list);
  // Floats as settings keep them.
  ValueId Floats(int64_t count, std::function<void(float*)> fill);
  Kind float_kind() const { return settings_.half ? Kind::kF16 : Kind::kF32; }

  Launch& Emit(int node, const char* body, ValueId out);
  void Map(int node, ValueId out, Stage stage);
  // `quads` items in one row, or several where one is too long.
  static Extent Flat(int64_t items);

  // Whether every launch so far fits the device.
  Status CheckLimits() const;
  Status Finish(const OctetDelegatePart& part);
  const std::vector<Launch>& launches() const { return launches_; }
  std::vector<Value>& values() { return values_; }
  struct Slot {
    size_t bytes = 0;
  };
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  void Fuse();
  bool TryFuse(size_t consumer, const std::vector<int>& reads, const std::vector<int>& producer, const std::vector<bool>& gone);
  void Place();

  const OctetDelegateGraph& graph_;
  const Settings settings_;
  const bool dry_;
  std::vector<ValueId> value_of_;
  std::vector<Value> values_;
  std::vector<Launch> launches_;
  std::vector<Slot> slots_;
};

// The kernel's text for a launch: arguments in the order of `arguments` (y first), and numbers.
struct Rendered {
  std::string text;
  std::vector<ValueId> arguments;
  std::vector<int32_t> params;
};
Rendered RenderLaunch(const Launch& launch, const std::vector<Value>& values, Language language);

}  // namespace octet::gpu
