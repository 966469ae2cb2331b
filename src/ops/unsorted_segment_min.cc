// SPDX-License-Identifier: Apache-2.0
// Unsorted segment min: the smallest of the rows with one id; the type's highest value for ids without rows.
#include "ops/import.h"
#include "ops/segment_util.h"

namespace octet::ops::unsorted_segment_min {
namespace {

struct Apply {
  template <class T> static constexpr T Start() { return std::numeric_limits<T>::max(); }
  float operator()(float a, float b) const { return std::min(a, b); }
  int32_t operator()(int32_t a, int32_t b) const { return std::min(a, b); }
};
Status PrepareReference(Prepare& p) { return PrepareSegments<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unsorted_segment_min", .code = BuiltinCode::kUnsortedSegmentMin,
    .attrs = Layout<NoAttrs>(OptionsTable::kUnsortedSegmentMin, {}),
    .inputs = kUnsortedSegmentInputs, .outputs = kSegmentOutputs, .types = kUnsortedSegmentTypes,
    .check = CheckUnsortedSegment, .infer = InferUnsortedSegment};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::unsorted_segment_min
