// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/broadcast.h"

#include <algorithm>
#include <limits>

namespace octet::importers {
namespace {

constexpr int kMost = 4;
constexpr std::string_view kLimited[] = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
                                         "floor_div", "floor_mod", "pow", "atan2", "bitwise_xor", "right_shift"};

// The product; -1 where one of them is open. False: too large.
bool Times(int32_t* n, int32_t by) {
  const int64_t product = *n < 0 || by < 0 ? -1 : int64_t{*n} * by;
  *n = static_cast<int32_t>(product);
  return product <= std::numeric_limits<int32_t>::max();
}

bool OneOpen(const std::vector<int32_t>& dims) { return std::ranges::count(dims, -1) <= 1; }

}  // namespace

bool MergeForBroadcast(std::string_view op, const Shape& a, const Shape& b, Merged* merged) {
  const int rank = std::max(a.rank(), b.rank());
  if (rank <= kMost || a == b || std::ranges::find(kLimited, op) == std::end(kLimited)) return false;
  enum class Kind { kBothOne, kFirstOne, kSecondOne, kSame };
  Kind last = Kind::kBothOne;
  const auto dim = [&](const Shape& s, int i) { return i < rank - s.rank() ? 1 : s[i - (rank - s.rank())]; };
  for (int i = 0; i < rank; ++i) {
    const int32_t p = dim(a, i), q = dim(b, i);
    if (p != q && p != 1 && q != 1) return false;  // One of them is open: perhaps 1.
    merged->out.push_back(p == 1 ? q : p);
    const Kind kind = p == 1 && q == 1 ? Kind::kBothOne : p == 1 ? Kind::kFirstOne : q == 1 ? Kind::kSecondOne : Kind::kSame;
    if (kind == Kind::kBothOne && !merged->a.empty()) continue;
    if (merged->a.empty() || (last != kind && last != Kind::kBothOne)) {
      merged->a.push_back(p);
      merged->b.push_back(q);
    } else if (!Times(&merged->a.back(), p) || !Times(&merged->b.back(), q)) {
      return false;
    }
    last = kind;
  }
  merged->spread = static_cast<int>(merged->a.size()) > kMost;
  if (merged->spread) return std::ranges::count(merged->out, -1) == 0;
  return OneOpen(merged->a) && OneOpen(merged->b) && OneOpen(merged->out);
}

}  // namespace octet::importers
