// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/einsum.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "importers/lowerings/dims.h"

namespace octet::importers {
namespace {

bool In(const std::string& s, char l) { return s.find(l) != std::string::npos; }

std::string Without(std::string labels, const std::string& others) {
  std::erase_if(labels, [&](char l) { return In(others, l); });
  return labels;
}

bool Distinct(const std::string& labels) {
  std::string sorted = labels;
  std::ranges::sort(sorted);
  return std::ranges::adjacent_find(sorted) == sorted.end();
}

// Replaces "..." by letters that the equation does not use.
void SpellOut(std::string* labels, int count) {
  const size_t at = labels->find("...");
  if (at == std::string::npos) return;
  std::string letters;
  for (int i = 0; i < count; ++i) letters += static_cast<char>('\x01' + i);
  labels->replace(at, 3, letters);
}

Result<Value> Ordered(Lowering& c, Value v, const std::string& labels, const std::string& wanted) {
  if (labels == wanted) return v;
  std::vector<int32_t> order;
  for (const char l : wanted) order.push_back(static_cast<int32_t>(labels.find(l)));
  return c.Make("transpose", {v, c.Vector(order)});
}

// The dimensions of labels of either operand.
struct Sizes {
  const Lowering& c;
  Value of[2];
  const std::string* labels[2];
  Dim operator()(char l) const {
    for (int i = 0; i < 2; ++i)
      if (In(*labels[i], l)) return DimOf(c, of[i], static_cast<int>(labels[i]->find(l)));
    return {};
  }
};

// Of several labels as one axis.
Dim Merged(const Sizes& sizes, const std::string& labels) {
  if (labels.size() == 1) return sizes(labels[0]);
  int64_t product = 1;
  for (const char l : labels) {
    const int32_t size = sizes(l).size;
    if (size == kUnknown || product * size > INT32_MAX) return {};
    product *= size;
  }
  return {static_cast<int32_t>(product), {}, 0};
}

Result<Value> Reshaped(Lowering& c, Value v, const std::vector<Dim>& dims) {
  if (std::ranges::equal(c.shape(v).dims(), dims, {}, {}, &Dim::size)) return v;
  return Reshape(c, v, dims);
}

struct Plan {
  std::string x, y, z;                     // Labels of the operands and the result.
  std::string batch, summed, left, right;  // In the order of x (right: of y).
};

// A constant right side without batch: fully connected over the merged contraction.
Result<Value> Product(Lowering& c, const Plan& p, const Sizes& sizes, Value a, Value b) {
  std::vector<Dim> dims;
  for (const char l : p.batch + p.left + p.right) dims.push_back(sizes(l));
  const Dim k = Merged(sizes, p.summed), n = Merged(sizes, p.right);
  if (p.batch.empty() && c.data(b) && !c.data(a) && k.size > 0 && n.size > 0) {
    OCTET_ASSIGN(b, Ordered(c, b, p.y, p.right + p.summed));
    OCTET_ASSIGN(b, Reshaped(c, b, {n, k}));
    OCTET_ASSIGN(a, Ordered(c, a, p.x, p.left + p.summed));
    if (p.summed.size() != 1) {
      std::vector<Dim> flat;
      for (const char l : p.left) flat.push_back(sizes(l));
      flat.push_back(k);
      OCTET_ASSIGN(a, Reshaped(c, a, flat));
    }
    const std::vector<float> zeros(static_cast<size_t>(n.size), 0.0f);
    const Value bias = c.Constant<float>(Shape{n.size}, zeros);
    OCTET_ASSIGN(const Value y, c.Make("fully_connected", {a, b, bias}, {{"keep_num_dims", int64_t{p.left.size() > 1}}}));
    return Reshaped(c, y, dims);
  }
  const bool adjoint = p.right.size() == 1 && p.summed.size() == 1 && p.y == p.batch + p.right + p.summed;
  OCTET_ASSIGN(a, Ordered(c, a, p.x, p.batch + p.left + p.summed));
  OCTET_ASSIGN(b, Ordered(c, b, p.y, adjoint ? p.y : p.batch + p.summed + p.right));
  const bool plain = p.left.size() == 1 && p.right.size() == 1 && p.summed.size() == 1;
  if (!plain) {
    std::vector<Dim> outer;
    for (const char l : p.batch) outer.push_back(sizes(l));
    std::vector<Dim> wide = outer, tall = outer;
    wide.insert(wide.end(), {Merged(sizes, p.left), k});
    tall.insert(tall.end(), {adjoint ? n : k, adjoint ? k : n});
    OCTET_ASSIGN(a, Reshaped(c, a, wide));
    OCTET_ASSIGN(b, Reshaped(c, b, tall));
  }
  OCTET_ASSIGN(const Value y, c.Make("batch_matmul", {a, b}, {{"adj_y", int64_t{adjoint}}}));
  return plain ? Result<Value>(y) : Reshaped(c, y, dims);
}

// A label that occurs twice stands for the diagonal: both axes become one, of elements i*(n + 1).
Result<Value> Diagonals(Lowering& c, Value v, std::string* labels) {
  for (size_t i = 0; i < labels->size(); ++i) {
    const size_t j = labels->find((*labels)[i], i + 1);
    if (j == std::string::npos) continue;
    std::string order = *labels;
    const char label = order[i];
    order.erase(j, 1), order.erase(i, 1);
    const Shape s = c.shape(v);
    std::vector<int32_t> axes, dims, at;
    for (size_t k = 0; k < labels->size(); ++k)
      if (k != i && k != j) axes.push_back(static_cast<int32_t>(k)), dims.push_back(s[static_cast<int>(k)]);
    axes.insert(axes.end(), {static_cast<int32_t>(i), static_cast<int32_t>(j)});
    const int32_t n = s[static_cast<int>(i)];
    if (n < 1 || n > (1 << 14) || s[static_cast<int>(j)] != n || std::ranges::count(dims, kUnknown) > 1)
      return c.Fail("a diagonal of known size", s.text(), "fix the input's shape");
    dims.push_back(n * n);
    for (int32_t k = 0; k < n; ++k) at.push_back(k * (n + 1));
    OCTET_ASSIGN(v, c.Make("transpose", {v, c.Vector(axes)}));
    OCTET_ASSIGN(v, c.Make("reshape", {v, c.Vector(dims)}));
    OCTET_ASSIGN(v, c.Make("gather", {v, c.Vector(at)}, {{"axis", static_cast<int64_t>(dims.size()) - 1}}));
    *labels = order + label;
    i = static_cast<size_t>(-1);  // From the start: other labels may occur twice, too.
  }
  return v;
}

Result<Value> SumOut(Lowering& c, Value v, std::string* labels, const std::string& kept) {
  std::vector<int32_t> axes;
  std::string rest;
  for (size_t i = 0; i < labels->size(); ++i) {
    if (In(kept, (*labels)[i])) rest += (*labels)[i];
    else axes.push_back(static_cast<int32_t>(i));
  }
  *labels = rest;
  if (axes.empty()) return v;
  return c.Make("sum", {v, c.Vector(axes)}, {{"keep_dims", 0}});
}

// Without an arrow the result has the labels that occur once, in the order of the alphabet.
void SpellResult(std::string* equation) {
  if (equation->find("->") != std::string::npos) return;
  std::string once;
  for (const char l : *equation)
    if (l != ',' && l != '.' && std::ranges::count(*equation, l) == 1) once += l;
  std::ranges::sort(once);
  const bool dots = equation->find("...") != std::string::npos;
  *equation += "->" + std::string(dots ? "..." : "") + once;
}

// More than two: the first two become one that keeps the labels somebody still needs.
Result<Value> EinsumOfMany(Lowering& c, const std::string& equation, std::span<const Value> inputs) {
  const size_t second = equation.find(',') + 1, third = equation.find(',', second) + 1;
  if (second == 0 || third == 0) return c.Fail("an operand for each input", "\"" + equation + "\"", "");
  const std::string pair = equation.substr(0, third - 1), rest = equation.substr(third);
  std::string kept;
  if (pair.find("...") != std::string::npos) kept = "...";
  for (const char l : pair)
    if (l != ',' && l != '.' && In(rest, l) && !In(kept, l)) kept += l;
  OCTET_ASSIGN(const Value product, Einsum(c, pair + "->" + kept, inputs.first(2)));
  std::vector<Value> left = {product};
  left.insert(left.end(), inputs.begin() + 2, inputs.end());
  return Einsum(c, kept + "," + rest, left);
}

}  // namespace

Result<Value> Einsum(Lowering& c, std::string equation, std::span<const Value> inputs) {
  std::erase(equation, ' ');
  SpellResult(&equation);
  if (inputs.size() > 2) return EinsumOfMany(c, equation, inputs);
  const size_t comma = equation.find(','), arrow = equation.find("->");
  const auto fail = [&] { return c.Fail("an einsum whose labels fit its tensors", "\"" + equation + "\"", "use matmul and transpose"); };
  if (arrow == std::string::npos || inputs.empty() || inputs.size() > 2 || (inputs.size() == 2) != (comma != std::string::npos)) return fail();
  Plan p{equation.substr(0, std::min(comma, arrow)), inputs.size() == 2 ? equation.substr(comma + 1, arrow - comma - 1) : "", equation.substr(arrow + 2), "", "", "", ""};
  const int open = std::max(c.rank(inputs[0]) - static_cast<int>(p.x.size()) + 3, 0);
  for (std::string* labels : {&p.x, &p.y, &p.z}) SpellOut(labels, open);
  if (!Distinct(p.z) || static_cast<int>(p.x.size()) != c.rank(inputs[0])) return fail();
  OCTET_ASSIGN(const Value first, Diagonals(c, inputs[0], &p.x));
  if (inputs.size() == 1) {
    OCTET_ASSIGN(const Value v, SumOut(c, first, &p.x, p.z));
    if (p.x.size() != p.z.size()) return fail();
    return Ordered(c, v, p.x, p.z);
  }
  if (static_cast<int>(p.y.size()) != c.rank(inputs[1])) return fail();
  OCTET_ASSIGN(const Value second, Diagonals(c, inputs[1], &p.y));
  OCTET_ASSIGN(Value a, SumOut(c, first, &p.x, p.y + p.z));
  OCTET_ASSIGN(Value b, SumOut(c, second, &p.y, p.x + p.z));
  if (c.data(a) && !c.data(b) && p.z == Without(p.y, p.x) + Without(p.x, p.y)) {  // Weights on the left of a dense layer.
    std::swap(a, b);
    std::swap(p.x, p.y);
  }
  for (const char l : p.x) (In(p.y, l) ? (In(p.z, l) ? p.batch : p.summed) : p.left) += l;
  for (const char l : p.y)
    if (!In(p.x, l)) p.right += l;
  if (p.z.size() != p.batch.size() + p.left.size() + p.right.size()) return fail();
  const Sizes sizes{c, {a, b}, {&p.x, &p.y}};
  OCTET_ASSIGN(const Value product, Product(c, p, sizes, a, b));
  return Ordered(c, product, p.batch + p.left + p.right, p.z);
}

}  // namespace octet::importers
