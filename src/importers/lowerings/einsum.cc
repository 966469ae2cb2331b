// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/einsum.h"

#include <algorithm>
#include <vector>

namespace octet::importers {
namespace {

bool In(const std::string& s, char l) { return s.find(l) != std::string::npos; }

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

// The sizes of some labels; at most one unknown among all that are put together.
struct Sizes {
  const Shape* shape[2];
  const std::string* labels[2];
  int32_t operator()(char l) const {
    for (int i = 0; i < 2; ++i)
      if (labels[i] && In(*labels[i], l)) return (*shape[i])[static_cast<int>(labels[i]->find(l))];
    return kUnknown;
  }
};

int32_t Merged(const Sizes& sizes, const std::string& labels) {
  int64_t product = 1;
  for (const char l : labels) {
    if (sizes(l) == kUnknown) return kUnknown;
    product *= sizes(l);
    if (product > INT32_MAX) return kUnknown;
  }
  return static_cast<int32_t>(product);
}

Result<Value> Reshaped(Lowering& c, Value v, const std::vector<int32_t>& dims) {
  if (std::ranges::equal(c.shape(v).dims(), dims)) return v;
  if (std::ranges::count(dims, kUnknown) > 1) return c.Fail("at most one open dimension", c.shape(v).text(), "fix the input's shape");
  return c.Make("reshape", {v, c.Vector(dims)});
}

struct Plan {
  std::string x, y, z;                     // Labels of the operands and the result.
  std::string batch, summed, left, right;  // In the order of x (right: of y).
};

// A constant right side without batch: fully connected over the merged contraction.
Result<Value> Product(Lowering& c, const Plan& p, const Sizes& sizes, Value a, Value b) {
  std::vector<int32_t> dims;
  for (const char l : p.batch + p.left + p.right) dims.push_back(sizes(l));
  const int32_t k = Merged(sizes, p.summed), n = Merged(sizes, p.right);
  if (p.batch.empty() && c.data(b) && !c.data(a) && k > 0 && n > 0) {
    OCTET_ASSIGN(b, Ordered(c, b, p.y, p.right + p.summed));
    OCTET_ASSIGN(b, Reshaped(c, b, {n, k}));
    OCTET_ASSIGN(a, Ordered(c, a, p.x, p.left + p.summed));
    if (p.summed.size() != 1) {
      std::vector<int32_t> flat;
      for (const char l : p.left) flat.push_back(sizes(l));
      flat.push_back(k);
      OCTET_ASSIGN(a, Reshaped(c, a, flat));
    }
    const std::vector<float> zeros(static_cast<size_t>(n), 0.0f);
    const Value bias = c.Constant<float>(Shape{n}, zeros);
    OCTET_ASSIGN(const Value y, c.Make("fully_connected", {a, b, bias}, {{"keep_num_dims", int64_t{p.left.size() > 1}}}));
    return Reshaped(c, y, dims);
  }
  const bool adjoint = p.right.size() == 1 && p.summed.size() == 1 && p.y == p.batch + p.right + p.summed;
  OCTET_ASSIGN(a, Ordered(c, a, p.x, p.batch + p.left + p.summed));
  OCTET_ASSIGN(b, Ordered(c, b, p.y, adjoint ? p.y : p.batch + p.summed + p.right));
  const bool plain = p.left.size() == 1 && p.right.size() == 1 && p.summed.size() == 1;
  if (!plain) {
    std::vector<int32_t> outer;
    for (const char l : p.batch) outer.push_back(sizes(l));
    std::vector<int32_t> wide = outer, tall = outer;
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
    if (n < 1 || n > (1 << 14) || s[static_cast<int>(j)] != n) return c.Fail("a diagonal of known size", s.text(), "fix the input's shape");
    dims.push_back(n * n);
    for (int32_t k = 0; k < n; ++k) at.push_back(k * (n + 1));
    OCTET_ASSIGN(v, c.Make("transpose", {v, c.Vector(axes)}));
    OCTET_ASSIGN(v, Reshaped(c, v, dims));
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

}  // namespace

Result<Value> Einsum(Lowering& c, std::string equation, std::span<const Value> inputs) {
  std::erase(equation, ' ');
  const size_t comma = equation.find(','), arrow = equation.find("->");
  const auto fail = [&] { return c.Fail("an einsum of one or two tensors", "\"" + equation + "\"", "use matmul and transpose"); };
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
  OCTET_ASSIGN(const Value a, SumOut(c, first, &p.x, p.y + p.z));
  OCTET_ASSIGN(const Value b, SumOut(c, second, &p.y, p.x + p.z));
  for (const char l : p.x) (In(p.y, l) ? (In(p.z, l) ? p.batch : p.summed) : p.left) += l;
  for (const char l : p.y)
    if (!In(p.x, l)) p.right += l;
  if (p.z.size() != p.batch.size() + p.left.size() + p.right.size()) return fail();
  const Shape sa = c.shape(a), sb = c.shape(b);
  const Sizes sizes{{&sa, &sb}, {&p.x, &p.y}};
  OCTET_ASSIGN(const Value product, Product(c, p, sizes, a, b));
  return Ordered(c, product, p.batch + p.left + p.right, p.z);
}

}  // namespace octet::importers
