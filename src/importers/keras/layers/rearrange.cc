// SPDX-License-Identifier: Apache-2.0
// keras.ops rearrange: axes taken apart, put in another order and joined, as a pattern says: "b (h p) c -> (b p) h c".
#include <algorithm>
#include <map>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/dims.h"

namespace octet::importers::keras {
namespace {

using Group = std::vector<std::string>;  // The axes that one dimension is made of.

// One side of a pattern.
bool ParseSide(std::string_view text, std::vector<Group>* side) {
  bool open = false;
  for (size_t i = 0; i < text.size();) {
    const char l = text[i];
    if (l == '(' || l == ')') {
      if (open == (l == '(')) return false;
      open = l == '(';
      if (open) side->emplace_back();
      ++i;
    } else if (std::isspace(static_cast<unsigned char>(l))) {
      ++i;
    } else {
      const size_t end = std::min(text.find_first_of(" \t()", i), text.size());
      if (!open) side->emplace_back();
      side->back().emplace_back(text.substr(i, end - i));
      i = end;
    }
  }
  return !open;
}

// The axes one by one; false where a name stands twice.
bool Flat(const std::vector<Group>& side, std::vector<std::string>* names) {
  for (const Group& g : side) names->insert(names->end(), g.begin(), g.end());
  std::vector<std::string> sorted = *names;
  std::ranges::sort(sorted);
  return std::ranges::adjacent_find(sorted) == sorted.end() && names->size() <= kMaxRank;
}

Status ConvertRearrange(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"tensor"}));
  const std::string pattern = LiteralOf(c, 1, {"pattern"}).text();
  const size_t arrow = pattern.find("->");
  std::vector<Group> in, out;
  std::vector<std::string> from, to;
  const bool good = arrow != std::string::npos && ParseSide(std::string_view(pattern).substr(0, arrow), &in) &&
                    ParseSide(std::string_view(pattern).substr(arrow + 2), &out) && Flat(in, &from) && Flat(out, &to) && std::ranges::is_permutation(from, to);
  if (!good || static_cast<int>(in.size()) != c.rank(x)) return c.Fail("a pattern with the same axes on both sides, one for each of the tensor", pattern, "");
  std::map<std::string, Dim> sizes;
  for (size_t i = 0; i < in.size(); ++i) {
    int64_t rest = c.shape(x)[static_cast<int>(i)];
    const std::string* open = nullptr;
    for (const std::string& name : in[i]) {
      const Json& given = LiteralOf(c, -1, {name});
      const int64_t size = given.is_number() ? given.integer() : 0;
      if (given.is_number() && (size < 1 || (rest != kUnknown && rest % size != 0))) return c.Fail("lengths that divide the dimension", pattern, "");
      if (given.is_number() && rest != kUnknown) rest /= size;
      if (given.is_number()) sizes[name].size = static_cast<int32_t>(size);
      else if (open) return c.Fail("the lengths of all axes of a dimension but one", pattern, "");
      else open = &name;
    }
    if (!open) continue;
    sizes[*open] = in[i].size() == 1 ? DimOf(c, x, static_cast<int>(i)) : Dim{static_cast<int32_t>(rest), {}, 0};
  }
  std::vector<Dim> apart, joined;
  for (const std::string& name : from) apart.push_back(sizes[name]);
  if (from.size() != in.size()) {
    OCTET_ASSIGN(x, importers::Reshape(c, x, apart));
  }
  std::vector<int32_t> order;
  for (const std::string& name : to) order.push_back(static_cast<int32_t>(std::ranges::find(from, name) - from.begin()));
  if (!std::ranges::is_sorted(order)) {
    OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector(order)}));
  }
  if (to.size() == out.size()) return Set(c, x);
  int axis = 0;
  for (const Group& g : out) {
    Dim d = g.size() == 1 ? DimOf(c, x, axis) : Dim{1, {}, 0};
    for (size_t i = 0; g.size() != 1 && i < g.size(); ++i) {
      const int32_t size = c.shape(x)[axis + static_cast<int>(i)];
      d.size = d.size == kUnknown || size == kUnknown ? kUnknown : d.size * size;
    }
    axis += static_cast<int>(g.size());
    joined.push_back(d);
  }
  return Set(c, importers::Reshape(c, x, joined));
}

constexpr LayerRule kRules[] = {{"ops.Rearrange", ConvertRearrange}};

}  // namespace

const std::span<const LayerRule> kRearrangeRules = kRules;

}  // namespace octet::importers::keras
