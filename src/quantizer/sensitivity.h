// SPDX-License-Identifier: Apache-2.0
// Which tensors cost the most when they alone are quantized, and which operators to leave in float for it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "quantizer/calibrate.h"

namespace octet::quantizer {

// Tensors that are rounded to one scale while everything else stays float.
struct Injection {
  std::vector<std::string> tensors;
  Quant quant;
  DType type = DType::kI8;  // Or kI16.
};

struct InjectedNoise {
  double signal = 0;          // Power of the float outputs.
  std::vector<double> noise;  // Power of the error that each injection alone adds to them.
};

// Runs the float model, from the first tensor that is rounded on, once per injection and sample.
Result<InjectedNoise> MeasureNoise(std::shared_ptr<const runtime::Model> model, const std::vector<Injection>& injections, const data::Dataset& data,
                                   SampleRange samples, const Progress& progress);

// On the model's outputs: power of the float signal, and of the error when one tensor alone is quantized.
struct Sensitivity {
  double signal = 0;
  std::map<std::string, double> noise;  // By the float tensor's name.
};

// `scales`: what the quantized form, of that type, gives every tensor. One injection per tensor.
Result<Sensitivity> MeasureSensitivity(std::shared_ptr<const runtime::Model> model, const std::map<std::string, Quant>& scales, DType type,
                                       const data::Dataset& data, SampleRange samples, const Progress& progress);

// What an operator takes longer outside of int8, predicted from its counts; a change of type takes a step of its own.
double FloatNanoseconds(const graph::Graph& g, graph::NodeId id);
inline constexpr double kStep_ns = 1000;

struct FloatBudget {
  int operators = 0;
  int64_t bytes = 0;  // That the file may grow by.
  double below_db = 0;  // Signal to noise of the compared outputs under which it may be used.
  DType instead = DType::kF32;  // kI16: only what has a form of 16x8.
};

// Outputs below are of no use, and what saves them may take more operators: a LayerNorm over values of unlike size is one of
// seven, which lose as long as one of them is quantized. Weights among them may be a large part of a small file.
inline constexpr double kBadDb = 13;
inline constexpr int kSavingOperators = 12;
constexpr int64_t SavingBytes(int64_t file_bytes) { return file_bytes / 4; }

// 4 operators and 5 % of the file; 8 and 25 % where channels are gated by their own mean (squeeze-excite),
// whose two factors cannot share one range. Nets that gate or attend (multiply what they computed) may use it
// below 25 dB; the others, which users expect to be all integer, only below 13 dB, where int8 loses points.
FloatBudget BudgetOf(const graph::Graph& g, int64_t file_bytes);

// Operators to leave in float, in steps from the most worthwhile on; each step completes a tensor that then
// need not be quantized, because everything that makes or reads it computes in float. Named by first outputs, as what is
// `in_float` anyway.
std::vector<std::vector<std::string>> PlanFloat(const graph::Graph& g, const Sensitivity& sensitivity, FloatBudget budget,
                                                const std::map<std::string, std::string>& in_float);

}  // namespace octet::quantizer
