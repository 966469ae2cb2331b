// SPDX-License-Identifier: Apache-2.0
// StringToHashBucketFast (TensorFlow's): FarmHash Fingerprint64 of each text, modulo the number of buckets.
#include "ops/hash_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_string_to_hash_bucket_fast {
namespace {

struct Params {
  int64_t count;
  uint64_t buckets;
};

Status Hash(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; ++i) run.output<int64_t>(0)[i] = static_cast<int64_t>(Fingerprint64(run.input<StringRef>(0)[i].view()) % p.buckets);
  return {};
}

Status PrepareHash(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements(), static_cast<uint64_t>(node.Int("num_buckets", 1))};
  p.SetRun(Hash, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareHash}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_to_hash_bucket_fast", .code = BuiltinCode::kCustom, .custom_name = "FlexStringToHashBucketFast",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTextToLong, .check = CheckBuckets, .infer = InferLong};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_to_hash_bucket_fast
