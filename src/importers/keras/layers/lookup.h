// SPDX-License-Identifier: Apache-2.0
// A layer's vocabulary, and words as indices into it. With M = 1 where there is a mask token and the result is an index, else 0,
// and O the number of places for unknown words: the mask token is 0, unknown words are M to M + O - 1, word i is M + O + i.
#pragma once
#include <string>
#include <vector>

#include "importers/keras/context.h"

namespace octet::importers::keras {

struct Vocabulary {
  std::vector<std::string> words;  // As the file has them, numbers in digits.
  std::string mask, unknown;
  bool has_mask = false;
  int64_t places = 1;              // For unknown words.
  bool indices = true;             // The result is an index.
  int64_t first_unknown() const { return has_mask && indices; }
  int64_t first_word() const { return first_unknown() + places; }
  int64_t size() const { return first_word() + static_cast<int64_t>(words.size()); }
};

// The words into `v`, which has all else.
Status ReadWords(LayerContext& c, Vocabulary* v);
// Of texts.
Result<Value> IndicesOf(LayerContext& c, const Vocabulary& v, Value x);

// Categories for indices in rows of different lengths: the row of each (int64 [n]), and how many rows there are (int64 [1]).
struct Rows {
  Value of_each, count;
};
// Sets the layer's output: indices, or categories by its output mode, weighted where asked for.
Status Finish(LayerContext& c, const Vocabulary& v, Value index, const Rows* rows = nullptr);

}  // namespace octet::importers::keras
