// SPDX-License-Identifier: Apache-2.0
// Regular expressions as TensorFlow's operators have them (RE2's syntax and meaning: github.com/google/re2/wiki/Syntax), matched
// in time linear in the text: no pattern makes a file hang. Left out are Unicode's classes (\p), flags other than i, s and m,
// and other letters than ASCII's where case does not count; such patterns are refused.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace octet::ops {

class Regex {
 public:
  static constexpr int kGroups = 10;  // The whole match is group 0.
  // Begin and end of each group's characters, in bytes; -1 where it took no part.
  using Match = std::array<int64_t, 2 * kGroups>;

  static Result<Regex> Compile(std::string_view pattern);
  // What a search needs while it runs: so many bytes, aligned to 8.
  size_t scratch_bytes() const;
  bool MatchesAll(std::string_view text, std::byte* scratch) const;
  // The leftmost match that begins at `from` or later.
  bool Find(std::string_view text, int64_t from, std::byte* scratch, Match* match) const;
  int groups() const { return groups_; }

 private:
  friend class RegexParser;
  friend class RegexRun;
  enum class Op : uint8_t { kRune, kSplit, kJump, kSave, kAssert, kMatch };
  enum class Where : uint8_t { kBeginText, kEndText, kBeginLine, kEndLine, kWord, kNotWord };
  struct Range {
    int32_t low, high;
  };
  struct Step {
    Op op;
    Where where = {};
    int32_t first = 0, second = 0;  // kRune: ranges [first, second). kSplit: where to go, the better way first. kSave: the slot.
  };

  void FindStarts();

  std::vector<Step> steps_;
  std::vector<Range> ranges_;
  int groups_ = 0;
  bool may_be_empty_ = false;
  std::array<bool, 256> starts_{};  // Bytes that a match may begin with, unless it may be empty.
};

// What TensorFlow's rewrite patterns stand for: \0 to \9 are groups, \\ is a backslash. False: malformed, or a group too many.
bool CheckRewrite(std::string_view rewrite, int groups);
// Matches rewritten, the first one or all.
class Rewriter {
 public:
  Rewriter(const Regex& regex, std::string_view rewrite, bool all) : regex_(regex), rewrite_(rewrite), all_(all) {}
  // Of the text rewritten.
  uint64_t Bytes(std::string_view text, std::byte* scratch) const;
  void Write(std::string_view text, std::byte* scratch, char* to) const;

 private:
  template <class F> void ForEachPart(std::string_view text, std::byte* scratch, const F& found) const;
  template <class F> void ForEachRewritten(std::string_view text, const Regex::Match& match, const F& found) const;
  const Regex& regex_;
  const std::string_view rewrite_;
  const bool all_;
};

}  // namespace octet::ops
