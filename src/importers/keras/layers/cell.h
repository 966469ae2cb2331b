// SPDX-License-Identifier: Apache-2.0
// One step of a recurrent layer as operators.
#pragma once
#include <memory>
#include <vector>

#include "importers/keras/context.h"
#include "importers/lowerings/cell.h"

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

// A cell of Keras by class: LSTM(Cell), GRU(Cell), SimpleRNN(Cell).
Result<std::unique_ptr<Cell>> MakeCell(LayerContext& c, std::string_view class_name, const Json& config, const Variables& variables);

// The states that a recurrent layer is given; none: it begins with zeros.
std::vector<Value> InitialStates(LayerContext& c);

}  // namespace octet::importers::keras
