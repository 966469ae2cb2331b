// SPDX-License-Identifier: Apache-2.0
// What the operators on texts share. They are TensorFlow's, in .tflite files custom operators "Flex..." whose options are a
// NodeDef; octet has kernels of its own for these.
#pragma once
#include <algorithm>
#include <string>

#include "ops/import.h"
#include "ops/node_def_util.h"

namespace octet::ops {

inline constexpr Operand kTextInput[] = {{.name = "input", .type = 'S'}};
inline constexpr Operand kTextOutput[] = {{.name = "output", .type = 'O'}};
inline constexpr TypeRow kTextToText[] = {{"S=str O=str"}};
inline constexpr TypeRow kTextToLong[] = {{"S=str O=i64"}};

// The node's attributes, or an error.
Result<NodeDef> ReadNode(const OpView& op);
Status CheckNode(const OpView& op);
// CheckNode for operators on letters, of which octet knows ASCII's.
Status CheckAsciiLetters(const OpView& op);
// CheckNode for operators that hash into num_buckets places: at least one.
Status CheckBuckets(const OpView& op);

class Regex;
// The pattern's regular expression, as long as the node's parameters; the node gets the workspace that its searches need.
Result<const Regex*> KeepRegex(Prepare& p, std::string_view pattern);
// One output, an element for each of input 0.
Status InferText(const OpView& op, std::span<OutputType> out);
Status InferLong(const OpView& op, std::span<OutputType> out);

// A text of this run.
Result<StringRef> Keep(const Run& run, std::string_view text);

// n texts with a separator between them, as a text of this run.
template <class F> Result<StringRef> KeepJoined(const Run& run, int64_t n, std::string_view separator, const F& part) {
  uint64_t size = n > 1 ? static_cast<uint64_t>(n - 1) * separator.size() : 0;
  for (int64_t i = 0; i < n; ++i) size += part(i).size();
  OCTET_ASSIGN(char* const room, run.host->Characters(size));
  char* to = room;
  for (int64_t i = 0; i < n; ++i) {
    if (i > 0) to = std::ranges::copy(separator, to).out;
    to = std::ranges::copy(part(i), to).out;
  }
  return StringRef{room, size};
}

inline bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct TextCount {
  int64_t count;
};

// Prepares a kernel that makes of each text another one of as many bytes: F writes them.
template <void (*F)(std::string_view, char*)> Status PrepareTextMap(Prepare& p) {
  auto* params = p.Params<TextCount>();
  *params = {p.op.in(0)->shape.elements()};
  p.SetRun(
      [](const void* q, const Run& run) -> Status {
        for (int64_t i = 0; i < static_cast<const TextCount*>(q)->count; ++i) {
          const std::string_view text = run.input<StringRef>(0)[i].view();
          OCTET_ASSIGN(char* const room, run.host->Characters(text.size()));
          F(text, room);
          run.output<StringRef>(0)[i] = {room, text.size()};
        }
        return {};
      },
      params);
  return {};
}

}  // namespace octet::ops
