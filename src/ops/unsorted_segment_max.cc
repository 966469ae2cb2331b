// SPDX-License-Identifier: Apache-2.0
// Unsorted segment max: the largest of the rows with one id; the type's lowest value for ids without rows.
#include "ops/import.h"
#include "ops/segment_util.h"

namespace octet::ops::unsorted_segment_max {
namespace {

struct Apply {
  template <class T> static constexpr T Start() { return std::numeric_limits<T>::lowest(); }
  float operator()(float a, float b) const { return std::max(a, b); }
  int32_t operator()(int32_t a, int32_t b) const { return std::max(a, b); }
};
Status PrepareReference(Prepare& p) { return PrepareSegments<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unsorted_segment_max", .code = BuiltinCode::kUnsortedSegmentMax,
    .attrs = Layout<NoAttrs>(OptionsTable::kUnsortedSegmentMax, {}),
    .inputs = kUnsortedSegmentInputs, .outputs = kSegmentOutputs, .types = kUnsortedSegmentTypes,
    .check = CheckUnsortedSegment, .infer = InferUnsortedSegment};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::unsorted_segment_max
