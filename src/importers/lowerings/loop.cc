// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/loop.h"

namespace octet::importers {
namespace {

Carried Open(Lowering& c, const std::vector<TensorType>& types, const std::string& name) {
  Construction& k = c.construction();
  k.OpenSubgraph(name);
  Carried in;
  for (const TensorType& t : types) {
    in.push_back({k.graph().AddTensor(k.UniqueName(name + "/value"), t)});
    k.graph().inputs.push_back(in.back().id);
  }
  return in;
}

}  // namespace

Result<Carried> Loop(Lowering& c, const Carried& start, const std::function<Result<Value>(const Carried&)>& more,
                     const std::function<Result<Carried>(const Carried&)>& step) {
  std::vector<TensorType> types;
  for (const Value v : start) types.push_back({c.type(v).dtype, c.shape(v), {}});
  Construction& k = c.construction();
  const Carried asked = Open(c, types, c.place() + "/condition");
  OCTET_ASSIGN(const Value go, more(asked));
  k.graph().outputs = {go.id};
  const int32_t test = k.CloseSubgraph();
  const Carried now = Open(c, types, c.place() + "/step");
  OCTET_ASSIGN(const Carried next, step(now));
  for (const Value v : next) k.graph().outputs.push_back(v.id);
  const int32_t both[] = {test, k.CloseSubgraph()};
  return k.CallSubgraphs("while", both, start, types, c.place());
}

}  // namespace octet::importers
