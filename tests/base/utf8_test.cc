// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

TEST(Utf8, BothWays) {
  for (int32_t rune : {0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff}) {
    std::string text(4, '\0');
    text.resize(EncodeUtf8(rune, text.data()));
    size_t length = 0;
    EXPECT_EQ(DecodeUtf8(text, &length), rune);
    EXPECT_EQ(length, text.size());
    if (text.size() < 2) continue;
    EXPECT_EQ(DecodeUtf8(std::string_view(text).substr(0, text.size() - 1), &length), -1);
    EXPECT_EQ(MalformedLength(std::string_view(text).substr(0, text.size() - 1)), text.size() - 1);
  }
}

TEST(Utf8, WhatIsShownCommandsNoTerminal) {
  EXPECT_EQ(Printable("a\tb\nc é 日本 \U0001f600"), "a\tb\nc é 日本 \U0001f600");
  EXPECT_EQ(Printable("\x1b[31m\x07\x7f\r"), "?[31m???");
  EXPECT_EQ(Printable("\xc2\x9b" "31m"), "?31m");                // One character that begins a command, too.
  EXPECT_EQ(Printable("\xff\xed\xa0\x80|\xe6\x97"), "????|??");  // Half of a pair of UTF-16; a character that is cut off.
  EXPECT_EQ(OneLine("a\tb\nc\x1b"), "a?b?c?");
}

TEST(Utf8, JsonIsUtf8WhateverTheTextIs) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    AppendJsonText(text, &out);
    return out;
  };
  EXPECT_EQ(quoted("\"\\\n\x1b"), R"("\"\\\u000a\u001b")");
  EXPECT_EQ(quoted("\x7f\xc2\x9b"), R"("\u007f\u009b")");
  EXPECT_EQ(quoted("日\xff\xc3("), R"("日\ufffd\ufffd(")");
  EXPECT_EQ(quoted("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");
}

}  // namespace
}  // namespace octet
