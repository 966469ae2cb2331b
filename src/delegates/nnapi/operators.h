// SPDX-License-Identifier: Apache-2.0
// octet's nodes as NNAPI's operations.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "delegates/nnapi/api.h"
#include "octet/delegate.h"

namespace octet::delegates::nnapi {

// Why NNAPI has no such operation, or null.
const char* WhyNot(const OctetDelegateGraph& graph, const OctetDelegateNode& node);

// An NNAPI model in the making.
class Builder {
 public:
  Builder(const Api& api, const OctetDelegateGraph& graph, ANeuralNetworksModel* model) : api_(api), graph_(graph), model_(model) {}
  Status AddNode(const OctetDelegateNode& node);
  Status Identify(const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs);

 private:
  Result<uint32_t> Tensor(int32_t index);
  Result<uint32_t> Value(int32_t type, const void* value, size_t bytes);
  Result<uint32_t> Int(int64_t value);
  Result<uint32_t> ZeroBias(const OctetDelegateNode& node);
  Result<uint32_t> Add(const ANeuralNetworksOperandType& type);
  Status AddAll(const OctetDelegateNode& node, std::vector<uint32_t>* in);

  const Api& api_;
  const OctetDelegateGraph& graph_;
  ANeuralNetworksModel* const model_;
  std::map<int32_t, uint32_t> operand_of_;
  uint32_t count_ = 0;
  std::deque<std::vector<char>> values_;  // NNAPI keeps pointers to large ones.
};

}  // namespace octet::delegates::nnapi
