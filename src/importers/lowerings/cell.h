// SPDX-License-Identifier: Apache-2.0
// One step of a recurrent layer as operators. Weights are in fully_connected's layout, [out, in].
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "importers/lowering.h"

namespace octet::importers {

using Function = std::function<Result<Value>(Value)>;

// The state before the first step is zero where a Value is empty: what is multiplied by it is left out.
class Cell {
 public:
  virtual ~Cell() = default;
  virtual int num_states() const = 0;
  virtual int32_t units() const = 0;
  // The part of the step that does not depend on the state, for all steps at once: x is [batch, time, k] or
  // [time, batch, k]; the results have n in the place of k. A step takes them with the time axis gone.
  virtual Result<std::vector<Value>> Project(Lowering& c, Value x) = 0;
  // `states` become the new ones; states[0] is the output.
  virtual Status Step(Lowering& c, std::span<const Value> projected, std::vector<Value>* states) = 0;
  // Its weights, to put others in their place: those of a loop's body.
  virtual std::vector<Value*> Weights() = 0;
};

// h' = f(xW + hU + b)
struct SimpleWeights {
  int32_t units = 0;
  Value kernel, recurrent, bias;
  Function activation;
};
std::unique_ptr<Cell> MakeSimpleCell(SimpleWeights w);

// Gates i, f, o, g one after the other; i, f, o = gate(.), g = candidate(.) of xW + hU + b; c' = f*c + i*g;
// h' = o * shown(c'). Peepholes add p*c to i and f, p*c' to o.
struct LstmWeights {
  int32_t units = 0;
  Value kernel, recurrent, bias;
  Value peep_input, peep_forget, peep_output;  // Empty: none.
  Function gate, candidate, shown;
};
std::unique_ptr<Cell> MakeLstmCell(LstmWeights w);

// Gates z, r one after the other, then n: z, r = gate(xW + hU + b); n = candidate(xWn + bn + r*(hUn + dn)) where the
// reset comes after the product, else candidate(xWn + bn + (r*h)Un + dn); h' = n + z*(h - n).
struct GruWeights {
  int32_t units = 0;
  bool reset_after = false;
  bool candidate_bias_is_zero = false;  // dn; lets the first step leave more out.
  Value gates_kernel, gates_recurrent, gates_bias;
  Value kernel, recurrent, bias, recurrent_bias;
  Function gate, candidate;
};
std::unique_ptr<Cell> MakeGruCell(GruWeights w);

}  // namespace octet::importers
