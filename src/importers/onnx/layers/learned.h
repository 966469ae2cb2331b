// SPDX-License-Identifier: Apache-2.0
// What the rules of ai.onnx.ml share.
#pragma once
#include <string_view>
#include <vector>

#include "importers/onnx/context.h"

namespace octet::importers::onnx {

std::vector<float> FloatsAt(NodeContext& c, std::string_view key);
// However many: of each node of all trees one.
std::vector<int64_t> IntsAt(NodeContext& c, std::string_view key);
Value Row(NodeContext& c, const std::vector<float>& v);
// The first input as floats [N, columns].
Result<Value> Rows(NodeContext& c);
// post_transform of scores [N, outputs].
Result<Value> Transformed(NodeContext& c, Value scores);

// The names of classes, whole numbers or text.
struct Labels {
  Value names;
  int32_t count = 0;
};
Result<Labels> ReadLabels(NodeContext& c);
// The first output: the names of these classes.
Status SetLabel(NodeContext& c, const Labels& labels, Value number);
// The class with the highest score.
Status Classify(NodeContext& c, const Labels& labels, Value scores);
// One of two classes by one number [N, 1]: the probability of the second, or a margin that is above 0 for it. Scores of margins are transformed.
Status ClassifyByProbability(NodeContext& c, const Labels& labels, Value probability);
Status ClassifyByMargin(NodeContext& c, const Labels& labels, Value margin);

}  // namespace octet::importers::onnx
