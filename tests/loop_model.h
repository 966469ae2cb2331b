// SPDX-License-Identifier: Apache-2.0
// A small loop for tests.
#pragma once
#include "tests/model_builder.h"

namespace octet::test {

// Of an operator that calls two subgraphs.
inline graph::Attributes Calls(const ops::OpDef& def, int32_t first, int32_t second) {
  graph::Attributes attrs(def.attrs);
  *static_cast<ops::Subgraph*>(def.attrs.rows[0].at(attrs.get())) = ops::Subgraph{first};
  *static_cast<ops::Subgraph*>(def.attrs.rows[1].at(attrs.get())) = ops::Subgraph{second};
  return attrs;
}

inline const TensorType kCount{DType::kI32, Shape{}, {}}, kState{DType::kF32, Shape{1, 3}, {}};

// i = 0; while (i < limit) { i = i + 1; x = tanh(w x + b) }; the count is an input where it is not known.
inline graph::Model Loop(int32_t limit, bool known) {
  Builder main, cond, body;
  cond.g().name = "cond";
  body.g().name = "body";
  const TensorId ci = cond.Input("i", kCount);
  cond.Input("x", kState);
  cond.g().outputs = {cond.Node("less", "go", {ci, cond.Constant<int32_t>("limit", Shape{}, {limit})}, {DType::kBool, {}, {}})};
  const TensorId bi = body.Input("i", kCount), bx = body.Input("x", kState);
  const TensorId next = body.Node("add", "next", {bi, body.Constant<int32_t>("one", Shape{}, {1})}, kCount);
  const TensorId w = body.Constant<float>("w", Shape{3, 3}, RandomFloats(9, 3)), b = body.Constant<float>("b", Shape{3}, {0.1f, -0.2f, 0.3f});
  body.g().outputs = {next, body.Node("tanh", "step", {body.Node("fully_connected", "product", {bx, w, b})})};
  const TensorId x = main.Input("x", kState), i = known ? main.Constant<int32_t>("start", Shape{}, {0}) : main.Input("start", kCount);
  const TensorId oi = main.g().AddTensor("oi", kCount), ox = main.g().AddTensor("ox", kState);
  const ops::OpDef& def = *ops::Find("while");
  main.g().AddNode(def, Calls(def, 1, 2), {i, x}, {oi, ox}, "loop");
  main.g().outputs = {ox};
  main.model.subgraphs.push_back(std::move(cond.g()));
  main.model.subgraphs.push_back(std::move(body.g()));
  const Status inferred = graph::InferModel(main.model);
  EXPECT_TRUE(inferred.ok()) << (inferred.ok() ? "" : inferred.message());
  return std::move(main.model);
}

}  // namespace octet::test
