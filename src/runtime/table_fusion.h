// SPDX-License-Identifier: Apache-2.0
// Connected point-wise operators that depend on one 8-bit tensor are one function of 256 values: a table,
// filled by running their reference kernels on all of them, so that it is exact by construction.
#pragma once
#include <map>

#include "ops/unary_util.h"
#include "runtime/step.h"

namespace octet::runtime {

class TableFusion {
 public:
  // `nodes`: of one segment, in order. Nothing is fused that others than these nodes read in between.
  TableFusion(const tflite::SubgraphInfo& graph, std::span<const TensorState> tensors, std::span<const int> nodes);

  // The tensor that the node's table reads; -1 where the node stays as it is.
  int32_t source(int node) const { return source_[node]; }
  // Whether nobody reads the node's results any more.
  bool gone(int node) const { return gone_[node]; }

  // table[bits of the source's element] = bits of the node's.
  void Fill(int node, std::span<uint8_t, 256> table) const;

 private:
  bool PointWise(int node, int32_t* origin) const;
  void Trace();
  void Choose();
  bool SavesSomething(int node) const;
  using Values = std::vector<std::byte>;
  Result<Values> Evaluate(int32_t tensor, int32_t source) const;
  bool Tabulate(int node, int32_t source);

  const tflite::SubgraphInfo& graph_;
  std::span<const TensorState> tensors_;
  std::span<const int> nodes_;
  std::vector<int32_t> origin_, depth_;  // Per tensor: what it is a function of, through how many operators.
  std::vector<int> producer_;            // Per tensor: the node of this segment, or -1.
  std::vector<bool> kept_for_others_;    // Per tensor: read outside of this segment.
  std::vector<int32_t> source_;
  std::vector<bool> gone_;
  std::map<int, Values> tables_;         // By node.
};

}  // namespace octet::runtime
