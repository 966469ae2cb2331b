// SPDX-License-Identifier: Apache-2.0
// Counting, picking and placing by numbers that are data.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// How many of the boundaries, which rise, are not above x: int32.
Result<Value> Bucketize(Lowering& c, Value x, const std::vector<float>& boundaries);
// The dimensions of x as an int32 vector: a constant where they are known.
Result<Value> DimensionsOf(Lowering& c, Value x);
// 0, 1, … below n, which the running model knows (`known`: what the importer does); along an axis of a tensor.
Result<Value> CountUp(Lowering& c, Value n, int32_t known);
Result<Value> Positions(Lowering& c, Value v, int axis);

// Turned around along axes from 0 up, none twice.
Result<Value> Reversed(Lowering& c, Value x, std::vector<int32_t> axes);
// The first lengths[b] of entry b along an axis, the last of them first.
Result<Value> ReverseSequences(Lowering& c, Value x, Value lengths, int64_t axis, int64_t batch_axis);

// tensor with updates [..., rest] at indices [..., depth]: put in, added or subtracted.
enum class Scatter : uint8_t { kUpdate, kAdd, kSub };
Result<Value> ScatterInto(Lowering& c, Value tensor, Value indices, Value updates, Scatter how);

}  // namespace octet::importers
