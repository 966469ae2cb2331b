// SPDX-License-Identifier: Apache-2.0
#include "ops/text_util.h"

#include <cstring>

#include "ops/regex_util.h"

namespace octet::ops {

Result<NodeDef> ReadNode(const OpView& op) {
  NodeDef node;
  if (!ReadNodeDef(op.custom_options, &node)) return op.Fail(Code::kInvalidModel, "its options hold no NodeDef of TensorFlow");
  return node;
}

Status CheckNode(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  (void)node;
  return {};
}

Status InferText(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kString, op.in(0)->shape};
  return {};
}

Status InferLong(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kI64, op.in(0)->shape};
  return {};
}

Result<StringRef> Keep(const Run& run, std::string_view text) {
  OCTET_ASSIGN(char* const room, run.host->Characters(text.size()));
  if (!text.empty()) std::memcpy(room, text.data(), text.size());
  return StringRef{room, text.size()};
}

Status CheckAsciiLetters(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  if (!node.Text("encoding", "").empty())
    return op.Fail(Code::kUnsupported, "letters beyond ASCII (encoding 'utf-8') have no tables here; leave the encoding out");
  return {};
}

Status CheckBuckets(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  if (node.Int("num_buckets", 0) < 1)
    return op.Fail(Code::kInvalidModel, "expected num_buckets of 1 or more, found %lld", static_cast<long long>(node.Int("num_buckets", 0)));
  return {};
}

Result<const Regex*> KeepRegex(Prepare& p, std::string_view pattern) {
  OCTET_ASSIGN(Regex regex, Regex::Compile(pattern));
  auto* const kept = new Regex(std::move(regex));
  p.Keep(kept, [](void* r) { delete static_cast<Regex*>(r); });
  p.Workspace(kept->scratch_bytes());
  return kept;
}

}  // namespace octet::ops
