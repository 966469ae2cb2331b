// SPDX-License-Identifier: Apache-2.0
// One step of a recurrent layer as operators.
#pragma once
#include <memory>
#include <vector>

#include "importers/keras/context.h"

namespace octet::importers::keras {

// Variables of a cell, cut into gates and brought into fully_connected's layout [out, in].
class GateWeights {
 public:
  Status Load(LayerContext& c, const Json& config, const Variables& variables, int gates);
  int32_t units() const { return units_; }
  Value Kernel(LayerContext& c, std::initializer_list<int> gates) const { return Transposed(c, kernel_, gates); }
  Value Recurrent(LayerContext& c, std::initializer_list<int> gates) const { return Transposed(c, recurrent_, gates); }
  // Of the input side; `both` adds the recurrent side's.
  Value Bias(LayerContext& c, std::initializer_list<int> gates, bool both) const;
  Value RecurrentBias(LayerContext& c, std::initializer_list<int> gates) const;
  bool recurrent_bias_is_zero() const;

 private:
  std::vector<float> Pick(const std::vector<float>& from, std::initializer_list<int> gates) const;
  Value Transposed(LayerContext& c, Value v, std::initializer_list<int> gates) const;

  int32_t units_ = 0;
  int gates_ = 0;
  Value kernel_, recurrent_;
  std::vector<float> bias_, recurrent_bias_;
};

// The state before the first step is zero where a Value is empty: what is multiplied by it is left out.
class Cell {
 public:
  virtual ~Cell() = default;
  virtual int num_states() const = 0;
  virtual int32_t units() const = 0;
  // The part of the step that does not depend on the state, for all steps at once: x is [batch, time, k];
  // the results are [batch, time, n]. A step takes them with the time axis gone.
  virtual Result<std::vector<Value>> Project(LayerContext& c, Value x) = 0;
  // `states` become the new ones; states[0] is the output.
  virtual Status Step(LayerContext& c, std::span<const Value> projected, std::vector<Value>* states) = 0;
};

// A cell of Keras by class: LSTM(Cell), GRU(Cell), SimpleRNN(Cell).
Result<std::unique_ptr<Cell>> MakeCell(LayerContext& c, std::string_view class_name, const Json& config, const Variables& variables);

}  // namespace octet::importers::keras
