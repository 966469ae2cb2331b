// SPDX-License-Identifier: Apache-2.0
// Unsorted segment sum: the sum of the rows with one id; 0 for ids without rows.
#include "ops/import.h"
#include "ops/segment_util.h"

namespace octet::ops::unsorted_segment_sum {
namespace {

Status PrepareReference(Prepare& p) { return PrepareSegments<SegmentAdd>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unsorted_segment_sum", .code = BuiltinCode::kUnsortedSegmentSum,
    .attrs = Layout<NoAttrs>(OptionsTable::kUnsortedSegmentSum, {}),
    .inputs = kUnsortedSegmentInputs, .outputs = kSegmentOutputs, .types = kUnsortedSegmentTypes,
    .check = CheckUnsortedSegment, .infer = InferUnsortedSegment};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::unsorted_segment_sum
