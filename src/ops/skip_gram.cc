// SPDX-License-Identifier: Apache-2.0
// Skip gram: the sequences of up to ngram_size words of a sentence in which at most max_skip_size words are left out
// between neighbours, words joined by one space. How many there are is data: infer counts them once the sentence is known.
#include <cstring>

#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::skip_gram {
namespace {

struct Attrs {
  int32_t ngram_size = 0, max_skip_size = 0;
  bool include_all_ngrams = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::ngram_size>("ngram_size", 0), Attr<&Attrs::max_skip_size>("max_skip_size", 1),
                             Attr<&Attrs::include_all_ngrams>("include_all_ngrams", 2)};
constexpr Operand kInputs[] = {{.name = "sentence"}};
constexpr Operand kOutputs[] = {{.name = "ngrams"}};
constexpr TypeRow kTypes[] = {{"T=str"}};
constexpr int64_t kMostGrams = 1 << 24;

Status Check(const OpView& op) {
  const auto& a = op.attrs<Attrs>();
  if (a.ngram_size < 1 || a.max_skip_size < 0) return op.Fail(Code::kInvalidModel, "ngram_size %d, max_skip_size %d", a.ngram_size, a.max_skip_size);
  if (op.in(0)->shape.known() && op.in(0)->shape.elements() < 1) return op.Fail(Code::kInvalidModel, "there is no sentence");
  return {};
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// As the reference splits: the first character never ends a word.
std::vector<std::string_view> Split(std::string_view s) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  for (size_t i = 1; i < s.size(); ++i) {
    if (!IsSpace(s[i])) continue;
    if (i > begin && !IsSpace(s[begin])) words.push_back(s.substr(begin, i - begin));
    begin = i + 1;
  }
  if (s.size() > begin) words.push_back(s.substr(begin));
  return words;
}

// Calls found(word numbers) for each n-gram, longer ones before their beginnings. False when there are too many.
template <class F> bool ForEachGram(const Attrs& a, size_t words, const F& found) {
  if (words < static_cast<size_t>(a.ngram_size)) return true;
  std::vector<size_t> stack(1);
  int64_t grams = 0;
  for (size_t first = 0; first < words; ++first) {
    stack.assign(1, first);
    size_t next = first + 1;  // The word that may follow the last of the stack.
    while (!stack.empty()) {
      const bool room = stack.size() < static_cast<size_t>(a.ngram_size);
      if (room && next < words && next - stack.back() <= static_cast<size_t>(a.max_skip_size) + 1) {
        stack.push_back(next++);
        continue;
      }
      if (a.include_all_ngrams || !room) {
        if (++grams > kMostGrams) return false;
        found(std::span<const size_t>(stack));
      }
      next = stack.back() + 1;
      stack.pop_back();
    }
  }
  return true;
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = DType::kString;
  out[0].dynamic = !op.has_const(0);
  if (out[0].dynamic) return {};
  int64_t count = 0;
  if (!ForEachGram(op.attrs<Attrs>(), Split(op.const_of<StringRef>(0)[0].view()).size(), [&](std::span<const size_t>) { ++count; }))
    return op.Fail(Code::kOutOfMemory, "more than %lld n-grams", static_cast<long long>(kMostGrams));
  out[0].shape = {static_cast<int32_t>(count)};
  return {};
}

struct Params {
  Attrs attrs;
  int64_t room;
};

Status Make(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const std::vector<std::string_view> words = Split(run.input<StringRef>(0)->view());
  Status status;
  int64_t count = 0;
  ForEachGram(p.attrs, words.size(), [&](std::span<const size_t> gram) {
    if (count >= p.room || !status.ok()) return;
    size_t bytes = gram.size() - 1;
    for (size_t w : gram) bytes += words[w].size();
    Result<char*> room = run.host->Characters(bytes);
    if (!room.ok()) {
      status = std::move(room).status();
      return;
    }
    char* to = *room;
    for (size_t i = 0; i < gram.size(); ++i) {
      if (i > 0) *to++ = ' ';
      std::memcpy(to, words[gram[i]].data(), words[gram[i]].size());
      to += words[gram[i]].size();
    }
    run.output<StringRef>(0)[count++] = {*room, bytes};
  });
  return status;
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {p.op.attrs<Attrs>(), p.op.out(0)->shape[0]};
  p.SetRun(Make, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "skip_gram", .code = BuiltinCode::kSkipGram, .attrs = Layout<Attrs>(OptionsTable::kSkipGram, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::skip_gram
