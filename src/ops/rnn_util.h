// SPDX-License-Identifier: Apache-2.0
// The simple recurrent cell over a sequence: h ← act(W·x + A·a + R·h + b), with an optional auxiliary
// input a; in float, or with 8-bit weights and each row of activations quantized (hybrid).
#pragma once
#include "ops/op_def.h"
#include "ops/recurrent_util.h"

namespace octet::ops {

struct RnnOperands {  // Positions; -1: none.
  int input = 0;
  int weights = 1;    // [units, inputs]
  int recurrent = 2;  // [units, units]
  int bias = 3;       // [units]
  int state = 4;      // [batch, units]
  int aux_input = -1;
  int aux_weights = -1;  // [units, auxiliary inputs]
};

// One pass over a sequence, and where its results go.
struct RnnPass {
  RnnOperands at;
  int64_t steps = 0, batch = 0, inputs = 0, aux_inputs = 0, units = 0;
  bool time_major = false, backward = false;
  recurrent::RowMode mode;
  Activation activation = Activation::kNone;
  float input_scale = 0, aux_scale = 0, recurrent_scale = 0;
  int output = 0;
  int64_t output_pitch = 0;  // Elements from one row of the output to the next.
  int64_t output_offset = 0;
};
// An input of rank 2 is one step of a batch.
RnnPass RnnPassOf(const OpView& op, const RnnOperands& at, bool time_major, Activation activation, bool asymmetric);

Status CheckRnn(const OpView& op, const RnnOperands& at, bool time_major, Activation activation);

Cost CostOfRnn(const OpView& op, const RnnPass& pass);
size_t RnnWorkspace(const RnnPass& pass);
void RunRnn(const RnnPass& pass, bool hybrid, const Run& run);
Status PrepareRnn(Prepare& p, const RnnPass& pass);  // The whole operator.

}  // namespace octet::ops
