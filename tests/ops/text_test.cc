// SPDX-License-Identifier: Apache-2.0
// Regular expressions, and hashes by their published values. What TensorFlow answers for whole operators: vectors/Flex*.
#include <gtest/gtest.h>

#include <vector>

#include "ops/hash_util.h"
#include "ops/regex_util.h"

namespace octet::ops {
namespace {

bool Matches(std::string_view pattern, std::string_view text) {
  const Result<Regex> regex = Regex::Compile(pattern);
  EXPECT_TRUE(regex.ok()) << pattern;
  if (!regex.ok()) return false;
  std::vector<uint64_t> scratch(regex->scratch_bytes() / 8 + 1);
  return regex->MatchesAll(text, reinterpret_cast<std::byte*>(scratch.data()));
}

std::string Replaced(std::string_view pattern, std::string_view text, std::string_view rewrite) {
  const Result<Regex> regex = Regex::Compile(pattern);
  EXPECT_TRUE(regex.ok()) << pattern;
  if (!regex.ok()) return "";
  std::vector<uint64_t> scratch(regex->scratch_bytes() / 8 + 1);
  auto* const bytes = reinterpret_cast<std::byte*>(scratch.data());
  const Rewriter rewriter(*regex, rewrite, true);
  std::string replaced(rewriter.Bytes(text, bytes), '?');
  rewriter.Write(text, bytes, replaced.data());
  return replaced;
}

TEST(Regex, MatchesTheWholeText) {
  EXPECT_TRUE(Matches("a|ab", "ab"));
  EXPECT_TRUE(Matches("(a+)(b{2,3})?", "aabbb"));
  EXPECT_FALSE(Matches("(a+)(b{2,3})?", "aab"));
  EXPECT_TRUE(Matches("x{,2}", "x{,2}"));  // No repetition.
  EXPECT_TRUE(Matches("[^a-c]\\W\\d", "ß 7"));
  EXPECT_FALSE(Matches(".", "\n"));
  EXPECT_FALSE(Matches(".", "\xff"));  // Malformed text is no character.
  EXPECT_TRUE(Matches("[[:alpha:]]+(?i:ABC)", "xabC"));
  EXPECT_TRUE(Matches("", ""));
  EXPECT_FALSE(Matches("(?i:x(?:y))|z", "Z"));  // Flags end with their group.
}

TEST(Regex, TakesTheLeftmostAndThenThePreferredMatch) {
  EXPECT_EQ(Replaced("a|ab", "abab", "<\\0>"), "<a>b<a>b");
  EXPECT_EQ(Replaced("a*?b", "aab ab", "<\\0>"), "<aab> <ab>");
  EXPECT_EQ(Replaced("(\\w+) (\\w+)", "one two", "\\2 \\1 \\\\"), "two one \\");
  EXPECT_EQ(Replaced("x*", "axb", "-"), "-a-b-");
  EXPECT_EQ(Replaced("\\b", "ab c", "|"), "|ab| |c|");
  EXPECT_EQ(Replaced("(a)|(b)", "ab", "[\\1\\2]"), "[a][b]");
}

// Patterns that take exponential time where ways are tried one by one.
TEST(Regex, TakesLinearTime) {
  EXPECT_FALSE(Matches("(a*)*b", std::string(5000, 'a')));
  EXPECT_FALSE(Matches("(x+x+)+y", std::string(5000, 'x')));
}

TEST(Regex, RefusesWhatItDoesNotKnow) {
  for (const std::string_view pattern :
       {"(", ")", "[a", "a**", "*", "\\", "\\pL", "(?=a)", "(?<!a)", "a{3,2}", "[z-a]", "\\8", "(?i)é", "\xff", "(?P<>a)", "x{1001}"})
    EXPECT_FALSE(Regex::Compile(pattern).ok()) << pattern;
  EXPECT_FALSE(Regex::Compile("((a{100}){100}){100}").ok());
  EXPECT_FALSE(Regex::Compile(std::string(100000, '(')).ok());
  EXPECT_FALSE(Regex::Compile("(((((a{0}){1000}){1000}){1000}){1000}){1000}").ok());
  EXPECT_TRUE(CheckRewrite("a\\1\\\\", 1));
  for (const std::string_view rewrite : {"\\2", "\\", "\\x"}) EXPECT_FALSE(CheckRewrite(rewrite, 1)) << rewrite;
}

// Appendix A of the paper: the key 00 01 ... 0f, the text 00 01 ... 0e.
TEST(Hash, SipHashOfItsPaper) {
  std::string text;
  for (char c = 0; c < 15; ++c) text += c;
  EXPECT_EQ(SipHash(0x0706050403020100, 0x0f0e0d0c0b0a0908, text), 0xa129ca6149be45e5u);
}

}  // namespace
}  // namespace octet::ops
