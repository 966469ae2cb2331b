// SPDX-License-Identifier: Apache-2.0
// Unsorted segment prod: the product of the rows with one id; 1 for ids without rows.
#include "ops/import.h"
#include "ops/segment_util.h"

namespace octet::ops::unsorted_segment_prod {
namespace {

struct Apply {
  template <class T> static constexpr T Start() { return T{1}; }
  float operator()(float a, float b) const { return a * b; }
  int32_t operator()(int32_t a, int32_t b) const { return static_cast<int32_t>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b)); }
};
Status PrepareReference(Prepare& p) { return PrepareSegments<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unsorted_segment_prod", .code = BuiltinCode::kUnsortedSegmentProd,
    .attrs = Layout<NoAttrs>(OptionsTable::kUnsortedSegmentProd, {}),
    .inputs = kUnsortedSegmentInputs, .outputs = kSegmentOutputs, .types = kUnsortedSegmentTypes,
    .check = CheckUnsortedSegment, .infer = InferUnsortedSegment};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::unsorted_segment_prod
