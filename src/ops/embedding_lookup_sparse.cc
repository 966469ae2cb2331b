// SPDX-License-Identifier: Apache-2.0
// EmbeddingLookupSparse: weighted sums of a table's rows. Entry i of a sparse tensor (its place in
// `indices`, its weight) names row ids[i]; the entries that differ in the last index only are summed, or
// averaged by weight or by the root of the squared weights. Where they go is data: checked when it runs.
#include <cmath>
#include <cstring>

#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::embedding_lookup_sparse {
namespace {

struct Attrs {
  int8_t combiner = 0;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::combiner>("combiner", 0)};
enum Combiner : int8_t { kSum, kMean, kSqrtN };

enum Input { kIds, kIndices, kDenseShape, kWeights, kTable };
constexpr Operand kInputs[] = {{.name = "ids", .type = 'I', .role = Role::kIndex},
                               {.name = "indices", .type = 'I', .role = Role::kIndex},
                               {.name = "dense_shape", .type = 'I', .role = Role::kShape},
                               {.name = "weights"},
                               {.name = "value", .role = Role::kWeights}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"I=i32 T=f32"}};

Status Check(const OpView& op) {
  const Shape &ids = op.in(kIds)->shape, &indices = op.in(kIndices)->shape, &dense = op.in(kDenseShape)->shape, &weights = op.in(kWeights)->shape,
              &table = op.in(kTable)->shape;
  const int8_t combiner = op.attrs<Attrs>().combiner;
  if (combiner < kSum || combiner > kSqrtN) return op.Fail(Code::kInvalidModel, "there is no combiner %d", combiner);
  if (ids.rank() == 1 && indices.rank() == 2 && indices[0] == ids[0] && weights == ids && table.rank() >= 2 && dense.rank() == 1 && dense[0] == indices[1] &&
      indices[1] >= 1)
    return {};
  return op.Fail(Code::kInvalidModel, "ids %s, indices %s, shape %s, weights %s and table %s do not fit", ids.text().c_str(), indices.text().c_str(),
                 dense.text().c_str(), weights.text().c_str(), table.text().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = DType::kF32;
  IntList dense;
  if (!ReadInts(op, kDenseShape, &dense)) {
    out[0].dynamic = true;
    return {};
  }
  const Shape& table = op.in(kTable)->shape;
  if (dense.count - 1 + table.rank() - 1 > kMaxRank) return op.Fail(Code::kUnsupported, "the output has more than %d dimensions", kMaxRank);
  for (int64_t i = 0; i + 1 < dense.count; ++i) {
    const int64_t d = dense.v[static_cast<size_t>(i)];
    if (!FitsDimension(d)) return op.Fail(Code::kInvalidModel, "dimension %lld is out of range", static_cast<long long>(d));
    out[0].shape.push_back(static_cast<int32_t>(d));
  }
  for (int i = 1; i < table.rank(); ++i) out[0].shape.push_back(table[i]);
  return {};
}

struct Params {
  int64_t entries, rank, rows, row, buckets;
  int8_t combiner;
  const int64_t* stride;  // Of the leading dimensions, in buckets.
};

struct Weights {
  int64_t count = 0;
  float sum = 0, squares = 0;
};

void Finish(const Params& p, const Weights& w, float* out) {
  if (p.combiner == kSum || w.count == 0) return;
  const float divisor = p.combiner == kMean ? w.sum : std::sqrt(w.squares);
  for (int64_t k = 0; k < p.row; ++k) out[k] /= divisor;
}

// Entries of one bucket follow each other; a bucket that comes again goes on where it was.
Status RunLookup(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  float* out = run.output<float>(0);
  if (p.buckets * p.row > 0) std::memset(out, 0, static_cast<size_t>(p.buckets * p.row) * sizeof(float));
  int64_t current = 0;
  Weights weights;
  for (int64_t i = 0; i < p.entries; ++i) {
    const int64_t id = run.input<int32_t>(kIds)[i];
    int64_t bucket = 0;
    for (int64_t k = 0; k + 1 < p.rank; ++k) bucket += run.input<int32_t>(kIndices)[i * p.rank + k] * p.stride[k];
    if (id < 0 || id >= p.rows || bucket < 0 || bucket >= p.buckets)
      return Error(Code::kInvalidArgument, "embedding_lookup_sparse: entry %lld (row %lld of %lld, result %lld of %lld) is outside", static_cast<long long>(i),
                   static_cast<long long>(id), static_cast<long long>(p.rows), static_cast<long long>(bucket), static_cast<long long>(p.buckets));
    if (bucket != current) {
      Finish(p, weights, out + current * p.row);
      weights = {};
      current = bucket;
    }
    const float w = run.input<float>(kWeights)[i];
    weights = {weights.count + 1, weights.sum + w, weights.squares + w * w};
    for (int64_t k = 0; k < p.row; ++k) out[current * p.row + k] += run.input<float>(kTable)[id * p.row + k] * w;
  }
  if (current < p.buckets) Finish(p, weights, out + current * p.row);
  return {};
}

Status PrepareLookup(Prepare& prepare) {
  const OpView& op = prepare.op;
  const Shape &table = op.in(kTable)->shape, &indices = op.in(kIndices)->shape, &y = op.out(0)->shape;
  auto* p = prepare.Params<Params>();
  const int leading = y.rank() - (table.rank() - 1);
  auto* stride = prepare.Array<int64_t>(static_cast<size_t>(leading) + 1);
  for (int i = 0; i < leading; ++i) stride[i] = y.elements(i + 1, leading);
  *p = {indices[0], indices[1], table[0], table.elements(1, table.rank()), y.elements(0, leading), op.attrs<Attrs>().combiner, stride};
  prepare.SetRun(RunLookup, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareLookup}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "embedding_lookup_sparse",
    .code = BuiltinCode::kEmbeddingLookupSparse,
    .attrs = Layout<Attrs>(OptionsTable::kEmbeddingLookupSparse, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::embedding_lookup_sparse
