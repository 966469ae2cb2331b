// SPDX-License-Identifier: Apache-2.0
// StringToHashBucketStrong (TensorFlow's): SipHash of each text under a key of two numbers, modulo the number of buckets.
#include "ops/hash_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_string_to_hash_bucket_strong {
namespace {

struct Params {
  int64_t count;
  uint64_t buckets, key[2];
};

Status Check(const OpView& op) {
  OCTET_TRY(CheckBuckets(op));
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  if (node.Ints("key").size() != 2) return op.Fail(Code::kInvalidModel, "expected a key of 2 numbers, found %zu", node.Ints("key").size());
  return {};
}

Status Hash(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; ++i)
    run.output<int64_t>(0)[i] = static_cast<int64_t>(SipHash(p.key[0], p.key[1], run.input<StringRef>(0)[i].view()) % p.buckets);
  return {};
}

Status PrepareHash(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  const std::vector<int64_t> key = node.Ints("key");
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements(), static_cast<uint64_t>(node.Int("num_buckets", 1)), {static_cast<uint64_t>(key[0]), static_cast<uint64_t>(key[1])}};
  p.SetRun(Hash, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareHash}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_to_hash_bucket_strong", .code = BuiltinCode::kCustom, .custom_name = "FlexStringToHashBucketStrong",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTextToLong, .check = Check, .infer = InferLong};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_to_hash_bucket_strong
