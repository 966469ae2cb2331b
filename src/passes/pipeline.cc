// SPDX-License-Identifier: Apache-2.0
#include "passes/pass.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

// Identities go first, so that patterns meet; activations last, because nothing folds through them.
constexpr Pass kPipeline[] = {
    {"remove-identity", "Removes operators that change nothing: reshape to the same shape, pad by nothing, x*1, x+0, x and x, means along axes of 1, broadcast_to before an operator that broadcasts.", RemoveIdentity},
    {"merge-loop-variables", "Two values of a loop that begin alike and that every round makes alike become one: TensorFlow's count of rounds and that of steps.", nullptr, MergeLoopVariables},
    {"drop-loop-variables", "What a loop carries and nobody reads goes from the loop, its condition and its body: TensorFlow's count of rounds.", nullptr, DropLoopVariables},
    {"merge-loop-lists", "A list that a loop writes as a whole begins as the rows of what is written, instead of zeros of a computed size; one of a single row is made behind the loop.", nullptr, MergeLoopLists},
    {"hoist-conditions", "What a loop's condition computes of values that no round changes is computed before the loop.", nullptr, HoistConditions},
    {"fold-constants", "Computes operators whose inputs are all constant; not where the result is much larger than they are and is only added to what changes.", FoldConstants},
    {"merge-duplicates", "Two uses of an operator with the same inputs and attributes become one.", MergeDuplicates},
    {"share-variables", "A variable that was read or written before is not read again, unless something may have written it since.", ShareVariables},
    {"read-dimensions", "A size is asked of the input that it comes from: shape(f(x))[0] becomes shape(x)[0]; zeros_like(f(x)) becomes zeros of that size that are there, a convolution of zeros the sum of more of them.", ReadDimensions},
    {"simplify-arithmetic", "-a + b becomes b - a, also where -a is multiplied; maximum(x, 0) becomes relu, and so with squares of differences, inverse roots and negated comparisons.", SimplifyArithmetic},
    {"reassociate", "Two constants that are added or multiplied one after the other become one.", Reassociate},
    {"fuse-normalization", "x divided by its norm along the last axis becomes l2_normalization, exp(x) divided by its sum softmax.", FuseNormalization},
    {"fuse-hard-swish", "x * relu6(x + 3) / 6 becomes hard_swish.", FuseHardSwish},
    {"merge-slices", "Slices that are the equal parts of a tensor along one axis become one split.", MergeSlices},
    {"merge-steps", "All rows of a tensor, gathered one by one, become one unpack; a tensor into which all rows are put one by one, a pack.", MergeSteps},
    {"matrix-vector", "batch_matmul of a constant matrix and vectors becomes fully_connected.", MatrixVector},
    {"merge-broadcasts", "Comparisons, logic, powers and divisions over five and more dimensions get neighbours merged that broadcast alike: LiteRT takes four.", MergeBroadcasts},
    {"merge-reshapes", "reshape(reshape(x)) becomes one reshape or none, also where something is computed element by element between them; a reshape of outer dimensions before or behind fully_connected goes; what is reshaped alike is added or multiplied before it is.", MergeReshapes},
    {"merge-transposes", "transpose(transpose(x)) becomes one transpose or none; one of the last two dimensions goes into batch_matmul.", MergeTransposes},
    {"move-transposes", "Regions of element-wise operators, reductions, concatenations and pads work on permuted tensors where that saves transposes.", MoveTransposes},
    {"reshape-transposes", "A transpose goes through a reshape that keeps its dimensions together, and into the weights behind a flattened image.", ReshapeTransposes},
    {"lift-elementwise", "Activations and per-channel arithmetic go before the reshape behind a convolution, where they fold into it.", LiftElementwise},
    {"fuse-dilation", "A convolution between space_to_batch_nd and batch_to_space_nd becomes a dilated convolution.", FuseDilation},
    {"fold-inputs", "Multiplies and adds per-channel constants into the weights and bias of the layer behind them.", FoldInputs},
    {"fold-affine", "Multiplies and adds per-channel constants (batch norms) into the weights and bias before them.", FoldAffine},
    {"fold-scale", "A number that a batch_matmul is multiplied with goes into the weights of the dense layer before it.", FoldScale},
    {"fuse-padding", "A zero pad before a VALID convolution becomes SAME where that pads the same cells.", FusePadding},
    {"fuse-activation", "relu, relu6 and relu_n1_to_1 become the fused activation of their producer.", FuseActivation},
    {"lower-quantized", "dequantize, a float operator and quantize become the integer operator; constants get the integers back that they came from.", LowerQuantized},
    {"reshape-ones", "Where nothing else is left to do, a transpose that only moves dimensions of 1 becomes a reshape.", ReshapeOnes},
};
// The last one only then: a transpose that has become a reshape meets no other transpose any more.
constexpr size_t kRepeated = std::size(kPipeline) - 1;
constexpr int kMaxRounds = 100;  // Each round removes a node; far more than any model needs is a bug.

Result<int> RunOnEach(const Pass& pass, graph::Model& model) {
  int rewrites = 0;
  for (graph::Graph& g : model.subgraphs) {
    OCTET_ASSIGN(const int n, pass.run(g));
    rewrites += n;
    if (n > 0) g.RemoveDead();
  }
  return rewrites;
}

// How often it applied.
Result<int> Run(const Pass& pass, graph::Model& model) {
  OCTET_ASSIGN(const int rewrites, pass.run_model ? pass.run_model(model) : RunOnEach(pass, model));
  if (rewrites > 0) OCTET_TRY(graph::Verify(model));
  return rewrites;
}

}  // namespace

std::span<const Pass> Pipeline() { return kPipeline; }

Status Optimize(graph::Model& model) {
  OCTET_TRY(graph::Verify(model));  // As the importer made it.
  for (int round = 0; round < kMaxRounds; ++round) {
    int rewrites = 0;
    for (const Pass& pass : std::span(kPipeline).first(kRepeated)) {
      OCTET_ASSIGN(const int here, Run(pass, model));
      rewrites += here;
    }
    if (rewrites > 0) continue;
    OCTET_ASSIGN(const int last, Run(kPipeline[kRepeated], model));
    if (last > 0) continue;
    for (graph::Graph& g : model.subgraphs) DropGrids(g);
    return {};
  }
  return Error(Code::kInvalidModel, "the optimizer does not settle after %d rounds", kMaxRounds);
}

}  // namespace octet::passes
