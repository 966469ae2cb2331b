// SPDX-License-Identifier: Apache-2.0
// Whether a converted file computes what its source says, layer by layer: the source's graph, before any rewrite, and the
// file run on the same inputs.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"
#include "graph/graph.h"

namespace octet::quantizer {

struct ParityRow {
  std::string layer;       // Of the source.
  std::string tensor, op;
  std::string shape;
  double largest = 0;      // The source's value of largest size.
  double difference = 0;   // The largest one.
  bool differs = false;    // By more than the tolerance, counted of the largest value.
};

struct Parity {
  std::vector<ParityRow> layers;      // That both have, in the source's order.
  std::vector<std::string> merged;    // Layers of the source without a tensor in the file: rewrites took them into others.
  int64_t samples = 0;
  double tolerance = 0;
  const ParityRow* first() const;     // That differs; null: none.
};

// Tensors are matched by name. `data` null: one sample of random numbers. `tolerance` 0: a thousandth, and a tenth for
// files with quantized tensors.
Result<Parity> CompareWithSource(const graph::Model& source, const std::string& model, const data::Dataset* data, int64_t samples, double tolerance);

}  // namespace octet::quantizer
