// SPDX-License-Identifier: Apache-2.0
// What an operator's file says. One operator = one file = three constants:
//   kDef     what it means: operands, types, attributes, shapes, quantization, cost
//   kKernel  how to run it: the reference kernel and faster variants of it
//   kImport  how it comes in from Keras, TensorFlow and ONNX (ops/import.h)
// Checker, importers, quantizer, exporter, planner, benchmark, delegates and docs read the same
// constants. The list of operators is made from the file names (cmake/op_list.cmake).
#pragma once
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "base/types.h"
#include "ops/builtin.h"

namespace octet {
class ThreadPool;
}

namespace octet::ops {

// ---------------------------------------------------------------------------- attributes
// A plain, trivially copyable struct per operator; its rows say where each member lives in the
// options table of the file. The struct's initializers are the defaults, equal to the schema's.

struct Ints {  // A short list (new_shape, squeeze_dims): at most kMaxRank entries.
  int32_t count = 0;
  std::array<int32_t, kMaxRank> v{};
  std::span<const int32_t> span() const { return {v.data(), static_cast<size_t>(count)}; }
};

struct Longs {  // As Ints, of 64 bits, and long enough for a pair per dimension.
  int32_t count = 0;
  std::array<int64_t, 2 * kMaxRank> v{};
  std::span<const int64_t> span() const { return {v.data(), static_cast<size_t>(count)}; }
};
// Of any length: lies in the file, or in memory that the graph's node keeps (graph::Attributes::Keep).
template <class T> struct List {
  const T* data = nullptr;
  uint32_t count = 0;
  std::span<const T> span() const { return {data, count}; }
};
struct Floats : List<float> {};
struct Bytes : List<uint8_t> {};
struct Text : List<char> {
  std::string_view view() const { return {data, count}; }
};
// Other subgraphs of the model that the node calls, by index; OpView::callees has them in this order.
enum class Subgraph : int32_t {};
struct Subgraphs : List<int32_t> {};

enum class AttrKind : uint8_t { kBool, kI8, kI32, kI64, kF32, kInts, kLongs, kFloats, kBytes, kText, kSubgraph, kSubgraphs };
template <class T> consteval AttrKind KindOf();
template <> consteval AttrKind KindOf<bool>() { return AttrKind::kBool; }
template <> consteval AttrKind KindOf<Padding>() { return AttrKind::kI8; }
template <> consteval AttrKind KindOf<Activation>() { return AttrKind::kI8; }
template <> consteval AttrKind KindOf<DType>() { return AttrKind::kI8; }
template <> consteval AttrKind KindOf<int8_t>() { return AttrKind::kI8; }
template <> consteval AttrKind KindOf<int32_t>() { return AttrKind::kI32; }
template <> consteval AttrKind KindOf<int64_t>() { return AttrKind::kI64; }
template <> consteval AttrKind KindOf<float>() { return AttrKind::kF32; }
template <> consteval AttrKind KindOf<Ints>() { return AttrKind::kInts; }
template <> consteval AttrKind KindOf<Longs>() { return AttrKind::kLongs; }
template <> consteval AttrKind KindOf<Floats>() { return AttrKind::kFloats; }
template <> consteval AttrKind KindOf<Bytes>() { return AttrKind::kBytes; }
template <> consteval AttrKind KindOf<Text>() { return AttrKind::kText; }
template <> consteval AttrKind KindOf<Subgraph>() { return AttrKind::kSubgraph; }
template <> consteval AttrKind KindOf<Subgraphs>() { return AttrKind::kSubgraphs; }

struct AttrRow {
  std::string_view name;  // As in the schema.
  int16_t slot;           // Field index in the options table.
  AttrKind kind;
  void* (*at)(void* attrs);
};
template <class> struct MemberOf;
template <class A, class T> struct MemberOf<T A::*> {
  using Attrs = A;
  using Type = T;
};
template <auto M> consteval AttrRow Attr(std::string_view name, int slot) {
  using X = MemberOf<decltype(M)>;
  return {name, static_cast<int16_t>(slot), KindOf<typename X::Type>(),
          [](void* a) -> void* { return &(static_cast<typename X::Attrs*>(a)->*M); }};
}

struct AttrLayout {
  OptionsTable table = OptionsTable::kNone;  // Which table of the union the file stores.
  uint16_t bytes = 0;
  void (*init)(void*) = nullptr;  // Writes the defaults.
  std::span<const AttrRow> rows;
};
template <class A> consteval AttrLayout Layout(OptionsTable table, std::span<const AttrRow> rows) {
  static_assert(std::is_trivially_copyable_v<A>);
  return {table, sizeof(A), [](void* p) { new (p) A(); }, rows};
}
struct NoAttrs {};
// The subgraphs that a node with these attributes calls, in the order of OpView::callees.
std::vector<int32_t> CalledSubgraphs(const AttrLayout& layout, const void* attrs);

// ------------------------------------------------------------------------------- operands
// Operands name a type variable; a TypeRow binds all variables at once.

enum class Arity : uint8_t { kOne, kOptional, kMany };
enum class Role : uint8_t {
  kData, kWeights, kBias,
  kShape,  // A small integer tensor whose value infer reads (reshape's new shape, axes, paddings).
  kIndex, kState, kResource
};
struct Operand {
  std::string_view name = {};
  char type = 'T';
  Arity arity = Arity::kOne;
  Role role = Role::kData;
};
// "T=i8 W=i8|i4 B=i32": one legal combination and the lowest operator version that has it.
struct TypeRow {
  std::string_view types = {};
  uint8_t version = 1;
};

// ------------------------------------------------------------------------------ quantization
// Read by the quantizer, the checker and the importers of quantized models.
// `operand` >= 0 is an input; < 0 is the output ~operand.
enum class QuantKind : uint8_t {
  kFree,         // Any scale, from calibration.
  kSameAs,       // The scale of `other`: the operator moves values, or compares them.
  kFixed,        // Always `fixed`: softmax, logistic, tanh.
  kProductBias,  // scale = scale(first data operand) * scale(`other`), zero point 0, i32 (i64 for i16 activations).
  kPerChannel,   // Weights: symmetric, per slice of `axis`.
  kSymmetric,    // Weights: symmetric int8, one scale.
  kSymmetric16,  // The same in int16.
  kPowerOfTwo16, // int16, zero point 0, the scale a power of two: the cells of recurrent layers.
  kNone,         // Never quantized: shapes, indices, axes.
};
struct QuantRow {
  int8_t operand = 0;
  QuantKind kind = QuantKind::kFree;
  int8_t other = 0;
  int8_t axis = 0;
  DType when = DType::kI8;     // The activation type this row speaks of, for kFixed.
  float fixed_scale = 0;
  int32_t fixed_zero_point = 0;
  float low = -3.4e38f;        // Of an input: everything below gives the same output, so a range may end there.
};
inline constexpr int8_t kIntermediate = 64;  // QuantRow::operand of an operator's first intermediate.

enum Trait : uint32_t {
  kElementwise = 1,    // Output element i depends on input elements i only (after broadcasting).
  kUnary = 2,          // One data input: int8 is a 256-entry table.
  kMovesBytes = 4,     // Copies elements without arithmetic.
  kSideEffects = 8,
  kRandom = 16,
  kHomogeneous = 32,   // f(s*x) = s*f(x) for s > 0 and per channel: equalisation may pass through.
  kKeepsChannels = 64, // Output channel c depends on input channel c only (last axis).
  kJointlyHomogeneous = 256,  // f(s*a, s*b) = s*f(a, b) for s > 0: sums, maxima.
  kSizesOutputs = 512, // Where infer cannot tell a shape, run can: it calls Host::SetOutput.
  kAliases = 128,      // The output is input 0's bytes under another shape: no memory, no copy.
  kUpdates = 1024,     // The output is input 0 with a part replaced; where both are the same memory, the rest is not copied.
};

// ----------------------------------------------------------------------------------- a use
// A lens over one node, filled by the graph and by the plan alike, so that checks, shapes, costs,
// quantization and delegates' claims are written once. Pointers live as long as the node's owner.
struct OpDef;
class Callee;
class Resources;  // ops/resource.h
struct OpView {
  const OpDef* def = nullptr;
  std::string_view place;                      // For messages: the source layer's or tensor's name.
  std::span<const TensorType* const> inputs;   // Null: an optional operand that is absent.
  std::span<const TensorType* const> outputs;  // Null: not known yet (import).
  std::span<const std::byte* const> constants; // Per input: its bytes when it is constant, or null.
  const void* attributes = nullptr;
  std::span<const TensorType* const> intermediates = {};  // Tensors that only carry quantization (integer LSTM).
  std::span<Callee* const> callees = {};       // The subgraphs that its attributes name, in their order.
  Resources* resources = nullptr;              // Variables and tables; null outside of an interpreter.
  std::span<const std::byte> custom_options = {};  // Of a custom operator: in a form of its own.

  int num_inputs() const { return static_cast<int>(inputs.size()); }
  int num_outputs() const { return static_cast<int>(outputs.size()); }
  const TensorType* in(int i) const { return i < num_inputs() ? inputs[i] : nullptr; }
  const TensorType* out(int i) const { return i < num_outputs() ? outputs[i] : nullptr; }
  bool has_const(int i) const { return i < num_inputs() && constants[i] != nullptr; }
  // Elements of constant input i as T; empty when it is absent or not constant.
  template <class T> std::span<const T> const_of(int i) const {
    if (!has_const(i) || inputs[i]->dtype != DTypeOf<T>) return {};
    return {reinterpret_cast<const T*>(constants[i]), static_cast<size_t>(inputs[i]->shape.elements())};
  }
  template <class A> const A& attrs() const { return *static_cast<const A*>(attributes); }

  // "conv_2d at 'block3/conv': <message>".
  [[gnu::format(printf, 3, 4)]] Status Fail(Code code, const char* format, ...) const;
};

// What infer answers. dtype starts as the declared output's, or as input 0's.
struct OutputType {
  DType dtype = DType::kF32;
  Shape shape;
  bool dynamic = false;  // The shape depends on data that is not there yet.
};

// Another subgraph of the model, as a node that calls it sees it. Recursion is refused when a file is read.
class Callee {
 public:
  // A tensor handed over: bytes of an element type and count that both sides know.
  struct Bound {
    std::byte* data = nullptr;
    Shape shape = {};
  };
  virtual ~Callee() = default;
  virtual std::string_view name() const = 0;
  virtual int num_inputs() const = 0;
  virtual int num_outputs() const = 0;
  virtual const TensorType& input(int i) const = 0;   // As declared.
  virtual const TensorType& output(int i) const = 0;
  virtual int InputOf(int output) const = 0;          // The input that this output is, unchanged; -1: it is computed.
  // Whether output i is input i with a part replaced (kUpdates), and that input is not read afterwards: both may then be the same memory.
  // Of what the last call built.
  virtual bool UpdatesInput(int) const { return false; }
  virtual const OpDef* sole_op() const = 0;           // Its operator where it is one node (StableHLO's reductions), or null.
  // Its outputs for inputs of these shapes; dynamic where only running it tells.
  virtual Status Infer(std::span<const Shape> inputs, std::span<OutputType> outputs) = 0;
  // Runs it. Inputs are read in place. An output that Infer knows is written to out[i].data; any other is
  // left in the callee's memory until its next call, and out[i] says where and of what shape.
  virtual Status Call(std::span<const Bound> in, std::span<Bound> out, ThreadPool& pool) = 0;
};

struct Cost {
  int64_t macs = 0;   // Multiply-adds.
  int64_t bytes = 0;  // Read and written, weights included.
};

struct OpDef {
  std::string_view name = {};         // The .tflite name in lower case, = the file's name.
  BuiltinCode code = {};
  std::string_view custom_name = {};  // Only with code == kCustom.
  AttrLayout attrs = {};
  std::span<const Operand> inputs = {}, outputs = {};
  std::span<const TypeRow> types = {};
  std::span<const QuantRow> quantization = {};
  uint32_t traits = 0;
  // Divisors, axes, ranks, constant indices; what passes here, infer and prepare may trust.
  Status (*check)(const OpView&) = nullptr;
  // Shapes (and types where they do not follow the input). Unknown dimensions stay kUnknown.
  Status (*infer)(const OpView&, std::span<OutputType>) = nullptr;
  Cost (*cost)(const OpView&) = nullptr;            // Null: no multiply-adds, bytes of the operands.
  int (*version)(const OpView&) = nullptr;          // Only where TypeRow::version does not decide.
  const void* self = nullptr;                       // Of operators from libraries: what their functions need.
};

// ---------------------------------------------------------------------------------- running
// prepare may look and ask; run may only compute.

// The interpreter, for the few operators that need more than their operands.
class Host {
 public:
  virtual ~Host() = default;
  // Room for output `i`, whose shape only running could tell: infer said dynamic although all values were there.
  virtual Result<std::byte*> SetOutput(int i, const Shape& shape) = 0;
  // Room for the characters of computed strings, until the next Invoke.
  virtual Result<char*> Characters(uint64_t bytes) = 0;
  // An error once the caller cancelled or the limit on iterations is reached; for loops.
  virtual Status KeepGoing() = 0;
  virtual Resources& resources() = 0;
};

// Rows of images, of batch 1.
struct RowRange {
  int64_t first = 0, end = 0;
};
// What rows of the first input an output row is made of: row i's are [i * stride - pad, i * stride - pad + height), as far as there are.
struct RowWindow {
  int64_t height = 1, stride = 1, pad = 0;
};

struct Run {
  std::byte* const* in;    // Per operand of the definition, or more where the last repeats; null where absent.
  std::byte* const* out;
  std::byte* workspace;    // 64-byte aligned, as large as asked for; contents undefined.
  ThreadPool* pool;        // Never null.
  Host* host = nullptr;    // Null while constants are folded.
  // Only these rows of the output (Variant::row_window). Operands are where they would lie as wholes: of the first input, only what
  // these rows are made of is there.
  const RowRange* rows = nullptr;
  template <class T> const T* input(int i) const { return reinterpret_cast<const T*>(in[i]); }
  template <class T> T* output(int i) const { return reinterpret_cast<T*>(out[i]); }
};
using RunFn = Status (*)(const void* params, const Run&);

// The planner's side of prepare. Types and shapes are known and checked here.
class Prepare {
 public:
  Prepare(const OpView& op, const Cpu& cpu, int threads) : op(op), cpu(cpu), threads(threads) {}
  virtual ~Prepare() {
    for (const Kept& k : kept_) k.free(k.object);
  }

  const OpView& op;
  const Cpu& cpu;
  const int threads;  // Results never depend on it; scratch sizes may.
  int64_t most_rows = 0;      // At most so many are asked for at a time (Run::rows); 0: run makes all.
  bool late_outputs = false;  // The shapes of the outputs are not known: run calls Host::SetOutput.
  // Of operands that lie transposed (Variant::takes_order): axis a of the node's operand is axis order[a] of what run gets. Empty: as it is.
  std::span<const int32_t> input_order[2], output_order;

  // A zeroed, trivially destructible struct that lives as long as the plan and reaches run as `params`.
  template <class P> P* Params() {
    static_assert(std::is_trivially_destructible_v<P>);
    return new (Allocate(sizeof(P), alignof(P))) P();
  }
  template <class T> T* Array(size_t count) { return static_cast<T*>(Allocate(count * sizeof(T), alignof(T))); }
  // Bytes of scratch for run, shared with other steps.
  virtual void Workspace(size_t bytes) = 0;
  // Packed form of constant input `i`, shared by all interpreters of the model; `format` and
  // `parameters` together name the form. fill writes all `bytes` (64-byte aligned, zeroed before).
  virtual Result<const std::byte*> Pack(int i, std::string_view format, uint64_t parameters, size_t bytes,
                                        void (*fill)(std::byte* packed, const void* context),
                                        const void* context) = 0;
  virtual void SetRun(RunFn run, const void* params) = 0;
  virtual void* Allocate(size_t bytes, size_t alignment) = 0;  // Zeroed; owned by the plan.
  // Calls free(object) when the plan goes.
  virtual void Keep(void* object, void (*free)(void*)) { kept_.push_back({object, free}); }

 protected:
  struct Kept {
    void* object;
    void (*free)(void*);
  };

 private:
  std::vector<Kept> kept_;
};

// A way to run an operator. The first variant that takes the node runs; the last is the reference.
struct Variant {
  std::string_view name = {};                               // "reference", "packed_s8", …
  bool (*takes)(const OpView&, const Cpu&) = nullptr;       // Null: always.
  Status (*prepare)(Prepare&) = nullptr;                    // Null: left out of this build (base/built.h).
  // Whether prepare takes this order of input 0 or 1, or of the output (-1), so that nobody transposes it. Null: of none.
  bool (*takes_order)(const OpView&, int operand, std::span<const int32_t> order) = nullptr;
  // Where run heeds Run::rows, and other inputs are constant: the window. Null: nowhere.
  std::optional<RowWindow> (*row_window)(const OpView&) = nullptr;
};

struct OpKernel {
  std::span<const Variant> variants = {};
};

struct OpImport;  // ops/import.h

// ----------------------------------------------------------------------------------- tables
std::span<const OpDef* const> Defs();  // In the order of names.
const OpDef* Find(std::string_view name);                          // Null when there is none.
const OpDef* Find(BuiltinCode code, std::string_view custom_name = {});
const OpKernel& KernelOf(const OpDef&);
// A custom operator from outside, for the rest of the process; both live as long. Thread-safe. A name that
// is there already is an error.
Status Register(const OpDef* def, const OpKernel* kernel);

// The TypeRow that the node's element types satisfy, or an error that lists what would.
Result<const TypeRow*> MatchTypes(const OpView&);
// Operand counts, element types, def.check; then def.infer. `out` has one entry per output.
Status CheckAndInfer(const OpView&, std::span<OutputType> out);
// The operator version to stamp: the lowest that has what this node uses.
int VersionOf(const OpView&);
Cost CostOf(const OpView&);

}  // namespace octet::ops
