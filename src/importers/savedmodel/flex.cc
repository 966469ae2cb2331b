// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/flex.h"

#include <algorithm>

#include "importers/lowerings/tensorflow_op.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/known_ops.h"

namespace octet::importers::savedmodel {
namespace {

using data::WireField;

std::string Text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

// As TensorFlow's converter writes it: attributes complete.
std::map<std::string, std::string> AttributesOf(const NodeDef& def, const OpSchema& schema) {
  std::map<std::string, std::string> attrs;
  for (const auto& [key, value] : schema.defaults) attrs[std::string(key)] = Text(value);
  for (const auto& [key, value] : def.attrs)
    if (!key.starts_with('_')) attrs[std::string(key)] = Text(value);  // Those are notes for TensorFlow's own grappler.
  return attrs;
}

// ------------------------------------------------------------------------------ its operands

// Shapes of the outputs as the graph's writer inferred them, or as the op's own rule says.
Result<std::vector<Shape>> OutputShapes(const NodeContext& c, size_t count) {
  std::vector<Shape> shapes;
  for (size_t i = 0; !c.node().def->Has("_output_shapes") && !KnownShape(c.kind(), i).empty(); ++i) {
    const std::string_view rule = KnownShape(c.kind(), i);
    const int number = rule[1] - '0';
    if (rule[0] == '?') {
      shapes.emplace_back();
      for (int k = 0; k < number; ++k) shapes.back().push_back(kUnknown);
    } else if (const Value x = c.Input(number)) {
      shapes.push_back(c.shape(x));
    }
  }
  for (const WireField& f : c.node().def->Get("_output_shapes").List(Attribute::kShape)) {
    OCTET_ASSIGN(const StoredShape stored, ReadShape(f.bytes));
    if (!stored.known_rank) return c.Fail("outputs whose rank is known", "output " + std::to_string(shapes.size()) + " of any rank", "");
    OCTET_ASSIGN(shapes.emplace_back(), ToShape(stored, c.place()));
  }
  if (shapes.size() != count) return c.Fail("the shapes of its outputs in the file", "a file without them", "convert the SavedModel instead");
  return shapes;
}

Result<std::vector<DType>> NumberTypes(const NodeContext& c, const OpSchema& schema, std::span<const OpOperand> operands) {
  std::vector<DType> types;
  for (const int64_t type : TypesOf(*c.node().def, schema, operands)) {
    types.push_back(DTypeFromTf(type));
    if (types.back() == DType::kNone || types.back() == DType::kResource || types.back() == DType::kVariant)
      return c.Fail("numbers or texts", "a handle of TensorFlow's", "");
  }
  return types;
}

}  // namespace

Status AddFlex(NodeContext& c) {
  OCTET_ASSIGN(const OpSchema* const schema, c.builder().functions().Schema(c.kind()));
  if (!schema) return c.Fail("what the op's operands are", "a file that does not say so", "convert the SavedModel instead");
  OCTET_ASSIGN(const std::vector<DType> in_types, NumberTypes(c, *schema, schema->inputs));
  OCTET_ASSIGN(const std::vector<DType> out_types, NumberTypes(c, *schema, schema->outputs));
  if (in_types.size() != static_cast<size_t>(c.num_inputs()) || out_types.empty())
    return c.Fail("inputs and outputs that the op's attributes count", "others", "");
  std::vector<Shape> shapes(out_types.size());
  if (!HasOwnKernel(c.kind())) {
    OCTET_ASSIGN(shapes, OutputShapes(c, out_types.size()));
  }
  std::vector<Value> in;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const Value x = c.Input(i);
    if (!x) return c.Fail("tensors as inputs", "input " + std::to_string(i) + " that is none", "");
    OCTET_ASSIGN(in.emplace_back(), c.Cast(x, in_types[static_cast<size_t>(i)]));
  }
  std::vector<TensorType> types;
  for (size_t i = 0; i < shapes.size(); ++i) types.push_back({out_types[i], shapes[i], {}});
  OCTET_ASSIGN(const std::vector<Value> out,
               AddTensorFlowOp(c, c.kind(), in, types, NodeMessage(c.kind(), in.size(), AttributesOf(*c.node().def, *schema), c.place())));
  for (size_t i = 0; i < out.size(); ++i) {
    OCTET_ASSIGN(const Value y, c.Cast(out[i], ComputeType(out_types[i])));
    c.SetOutput(static_cast<int>(i), y);
  }
  return {};
}

std::string_view AdviceInstead(std::string_view op) {
  struct Advice {
    std::string_view prefix, text;
  };
  constexpr Advice kAdvice[] = {
      {"StringToHash", "hash before the model, or look words up in a vocabulary (StringLookup, one place for unknown words)"},
      {"String", "prepare text before the model, and start with a lookup of its tokens"},
      {"StaticRegex", "prepare text before the model, and start with a lookup of its tokens"},
      {"Regex", "prepare text before the model, and start with a lookup of its tokens"},
      {"AsString", "prepare text before the model"},
      {"Unicode", "prepare text before the model, and start with a lookup of its tokens"},
      {"Ragged", "pad sequences to one length before the model, and use dense tensors"},
      {"Sparse", "use dense tensors: gather rows and sum them under a mask"},
      {"Decode", "decode before the model, and give it pixels or samples"},
      {"Encode", "encode behind the model"},
      {"CTC", "leave decoding out of the model: argmax of the logits, collapsed on the application's side"},
      {"StatelessRandom", "leave random layers out of what is saved (training=False), or give the numbers as an input"},
      {"Random", "leave random layers out of what is saved (training=False), or give the numbers as an input"},
      {"FFT", "use tf.signal.rfft2d, which is a builtin, or a product with a constant matrix of cosines and sines"},
      {"IFFT", "use a product with a constant matrix of cosines and sines"},
      {"Eig", "use tf.linalg.eigh where the matrix is symmetric; else decompose it before the model"},
      {"Lu", "use tf.linalg.solve, inv or det, which are builtins; else decompose it before the model"},
      {"ParseExample", "parse before the model, and save a signature that takes tensors"},
  };
  for (const Advice& a : kAdvice)
    if (op.starts_with(a.prefix)) return a.text;
  return "leave it out of the model or write it with other ops";
}

}  // namespace octet::importers::savedmodel
