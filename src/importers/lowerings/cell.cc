// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/cell.h"

namespace octet::importers {
namespace {

Result<Value> Dense(Lowering& c, Value x, Value kernel, Value bias) {
  return c.Make("fully_connected", {x, kernel, bias}, {{"keep_num_dims", c.rank(x) > 2}});
}

Value Zeros(Lowering& c, int32_t n) {
  const std::vector<float> zeros(static_cast<size_t>(n), 0.0f);
  return c.Constant<float>(Shape{n}, zeros);
}

Value LastAxis(Lowering& c) {
  const int32_t last = 1;
  return c.Constant<int32_t>(Shape{}, std::span(&last, 1));
}

// sum + hU; before the first step the state is zero.
Result<Value> AddState(Lowering& c, Value sum, Value h, Value recurrent, int32_t units) {
  if (!h) return sum;
  OCTET_ASSIGN(const Value hu, Dense(c, h, recurrent, Zeros(c, units)));
  return c.Make("add", {sum, hu});
}

class SimpleCell : public Cell {
 public:
  explicit SimpleCell(SimpleWeights w) : w_(std::move(w)) {}
  int num_states() const override { return 1; }
  int32_t units() const override { return w_.units; }
  Result<std::vector<Value>> Project(Lowering& c, Value x) override {
    OCTET_ASSIGN(const Value y, Dense(c, x, w_.kernel, w_.bias));
    return std::vector<Value>{y};
  }
  Status Step(Lowering& c, std::span<const Value> projected, std::vector<Value>* states) override {
    OCTET_ASSIGN(const Value sum, AddState(c, projected[0], (*states)[0], w_.recurrent, units()));
    OCTET_ASSIGN((*states)[0], w_.activation(sum));
    return {};
  }
  std::vector<Value*> Weights() override { return {&w_.kernel, &w_.recurrent, &w_.bias}; }

 private:
  SimpleWeights w_;
};

class LstmCell : public Cell {
 public:
  explicit LstmCell(LstmWeights w) : w_(std::move(w)) {}
  int num_states() const override { return 2; }
  int32_t units() const override { return w_.units; }
  Result<std::vector<Value>> Project(Lowering& c, Value x) override {
    OCTET_ASSIGN(const Value y, Dense(c, x, w_.kernel, w_.bias));
    return std::vector<Value>{y};
  }
  Status Step(Lowering& c, std::span<const Value> projected, std::vector<Value>* states) override {
    OCTET_ASSIGN(const Value sum, AddState(c, projected[0], (*states)[0], w_.recurrent, 4 * units()));
    if (w_.peep_input) return StepWithPeepholes(c, sum, states);
    OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split_v", {sum, c.Vector({3 * units(), units()}), LastAxis(c)}, {{"num_splits", 2}}, 2));
    OCTET_ASSIGN(const Value gates, w_.gate(parts[0]));
    OCTET_ASSIGN(const std::vector<Value> ifo, c.MakeMany("split", {LastAxis(c), gates}, {{"num_splits", 3}}, 3));
    OCTET_ASSIGN(const Value g, w_.candidate(parts[1]));
    OCTET_ASSIGN((*states)[1], NewCell(c, ifo[0], ifo[1], g, (*states)[1]));
    OCTET_ASSIGN(const Value shown, w_.shown((*states)[1]));
    OCTET_ASSIGN((*states)[0], c.Make("mul", {ifo[2], shown}));
    return {};
  }
  std::vector<Value*> Weights() override {
    return {&w_.kernel, &w_.recurrent, &w_.bias, &w_.peep_input, &w_.peep_forget, &w_.peep_output};
  }

 private:
  static Result<Value> NewCell(Lowering& c, Value i, Value f, Value g, Value before) {
    OCTET_ASSIGN(const Value added, c.Make("mul", {i, g}));
    if (!before) return added;
    OCTET_ASSIGN(const Value kept, c.Make("mul", {f, before}));
    return c.Make("add", {kept, added});
  }
  static Result<Value> Peep(Lowering& c, Value sum, Value weight, Value cell) {
    if (!cell || !weight) return sum;
    OCTET_ASSIGN(const Value seen, c.Make("mul", {cell, weight}));
    return c.Make("add", {sum, seen});
  }
  Status StepWithPeepholes(Lowering& c, Value sum, std::vector<Value>* states) {
    OCTET_ASSIGN(std::vector<Value> ifog, c.MakeMany("split", {LastAxis(c), sum}, {{"num_splits", 4}}, 4));
    OCTET_ASSIGN(ifog[0], Peep(c, ifog[0], w_.peep_input, (*states)[1]));
    OCTET_ASSIGN(ifog[1], Peep(c, ifog[1], w_.peep_forget, (*states)[1]));
    OCTET_ASSIGN(const Value i, w_.gate(ifog[0]));
    OCTET_ASSIGN(const Value f, w_.gate(ifog[1]));
    OCTET_ASSIGN(const Value g, w_.candidate(ifog[3]));
    OCTET_ASSIGN((*states)[1], NewCell(c, i, f, g, (*states)[1]));
    OCTET_ASSIGN(ifog[2], Peep(c, ifog[2], w_.peep_output, (*states)[1]));
    OCTET_ASSIGN(const Value o, w_.gate(ifog[2]));
    OCTET_ASSIGN(const Value shown, w_.shown((*states)[1]));
    OCTET_ASSIGN((*states)[0], c.Make("mul", {o, shown}));
    return {};
  }
  LstmWeights w_;
};

class GruCell : public Cell {
 public:
  explicit GruCell(GruWeights w) : w_(std::move(w)) {}
  int num_states() const override { return 1; }
  int32_t units() const override { return w_.units; }
  Result<std::vector<Value>> Project(Lowering& c, Value x) override {
    OCTET_ASSIGN(const Value gates, Dense(c, x, w_.gates_kernel, w_.gates_bias));
    OCTET_ASSIGN(const Value candidate, Dense(c, x, w_.kernel, w_.bias));
    return std::vector<Value>{gates, candidate};
  }
  Status Step(Lowering& c, std::span<const Value> projected, std::vector<Value>* states) override {
    const Value h = (*states)[0];
    OCTET_ASSIGN(Value gates, AddState(c, projected[0], h, w_.gates_recurrent, 2 * units()));
    OCTET_ASSIGN(gates, w_.gate(gates));
    OCTET_ASSIGN(const std::vector<Value> zr, c.MakeMany("split", {LastAxis(c), gates}, {{"num_splits", 2}}, 2));
    OCTET_ASSIGN(const Value candidate, Candidate(c, projected[1], h, zr[1]));
    OCTET_ASSIGN(const Value n, w_.candidate(candidate));
    if (!h) {  // n - z*n
      OCTET_ASSIGN(const Value part, c.Make("mul", {zr[0], n}));
      OCTET_ASSIGN((*states)[0], c.Make("sub", {n, part}));
      return {};
    }
    OCTET_ASSIGN(const Value way, c.Make("sub", {h, n}));
    OCTET_ASSIGN(const Value part, c.Make("mul", {zr[0], way}));
    OCTET_ASSIGN((*states)[0], c.Make("add", {n, part}));
    return {};
  }
  std::vector<Value*> Weights() override {
    return {&w_.gates_kernel, &w_.gates_recurrent, &w_.gates_bias, &w_.kernel, &w_.recurrent, &w_.bias, &w_.recurrent_bias};
  }

 private:
  Result<Value> Candidate(Lowering& c, Value projected, Value h, Value r) {
    if (w_.reset_after) {
      if (!h && w_.candidate_bias_is_zero) return projected;
      Value hu = w_.recurrent_bias;
      if (h) {
        OCTET_ASSIGN(hu, Dense(c, h, w_.recurrent, w_.recurrent_bias));
      }
      OCTET_ASSIGN(const Value reset, c.Make("mul", {r, hu}));
      return c.Make("add", {projected, reset});
    }
    if (!h) return w_.candidate_bias_is_zero ? Result<Value>(projected) : c.Make("add", {projected, w_.recurrent_bias});
    OCTET_ASSIGN(const Value reset, c.Make("mul", {r, h}));
    OCTET_ASSIGN(const Value hu, Dense(c, reset, w_.recurrent, w_.recurrent_bias));
    return c.Make("add", {projected, hu});
  }
  GruWeights w_;
};

}  // namespace

std::unique_ptr<Cell> MakeSimpleCell(SimpleWeights w) { return std::make_unique<SimpleCell>(std::move(w)); }
std::unique_ptr<Cell> MakeLstmCell(LstmWeights w) { return std::make_unique<LstmCell>(std::move(w)); }
std::unique_ptr<Cell> MakeGruCell(GruWeights w) { return std::make_unique<GruCell>(std::move(w)); }

}  // namespace octet::importers
