// SPDX-License-Identifier: Apache-2.0
// SparseCross (TensorFlow's): all combinations of one feature of each column, hashed, as a sparse tensor [batch, combinations].
// Columns are dense: rows of texts or whole numbers.
#include "ops/hash_util.h"
#include "ops/operand_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_sparse_cross {
namespace {

constexpr Operand kInputs[] = {{.name = "dense_inputs", .type = 'X', .arity = Arity::kMany}};
constexpr Operand kOutputs[] = {{.name = "output_indices", .type = 'I'}, {.name = "output_values", .type = 'I'}, {.name = "output_shape", .type = 'I'}};
constexpr TypeRow kTypes[] = {{"I=i64"}};

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  if (node.Int("N", 0) != 0) return op.Fail(Code::kUnsupported, "%lld sparse columns; give dense ones", static_cast<long long>(node.Int("N", 0)));
  if (!node.Bool("hashed_output", false)) return op.Fail(Code::kUnsupported, "combinations that are not hashed (hashed_output false); hash them");
  if (node.Int("num_buckets", 0) < 0) return op.Fail(Code::kInvalidModel, "%lld buckets", static_cast<long long>(node.Int("num_buckets", 0)));
  if (op.num_inputs() < 1) return op.Fail(Code::kInvalidModel, "expected columns, found none");
  for (int i = 0; i < op.num_inputs(); ++i) {
    const TensorType& x = *op.in(i);
    if (x.dtype != DType::kString && x.dtype != DType::kI64) return op.Fail(Code::kInvalidModel, "column %d is neither text nor int64", i);
    if (x.shape.rank() != 2 || (x.shape.known() && op.in(0)->shape.known() && x.shape[0] != op.in(0)->shape[0]))
      return op.Fail(Code::kInvalidModel, "column %d is of %s, column 0 of %s", i, x.shape.text().c_str(), op.in(0)->shape.text().c_str());
  }
  return {};
}

// Features of all columns, multiplied; -1: not known, or too many.
int64_t Combinations(const OpView& op) {
  int64_t n = 1;
  for (int i = 0; i < op.num_inputs(); ++i) {
    const int32_t features = op.in(i)->shape[1];
    if (features < 0 || __builtin_mul_overflow(n, static_cast<int64_t>(features), &n) || n > INT32_MAX) return -1;
  }
  return n;
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const int64_t combinations = Combinations(op);
  const int32_t rows = op.in(0)->shape[0];
  int64_t count = kUnknown;
  if (combinations >= 0 && rows >= 0) count = combinations * rows;
  if (count > INT32_MAX) return op.Fail(Code::kOutOfMemory, "too many combinations");
  out[0] = {DType::kI64, {static_cast<int32_t>(count), 2}};
  out[1] = {DType::kI64, {static_cast<int32_t>(count)}};
  out[2] = {DType::kI64, {2}};
  return {};
}

struct Column {
  bool text;
  int64_t features;
};
struct Params {
  int64_t rows, combinations;
  int columns;
  const Column* column;
  uint64_t key, buckets;
};

// Two hashes as one. Source: TensorFlow's FingerprintCat64 (tsl/platform/fingerprint.h), after MurmurHash.
uint64_t Joined(uint64_t a, uint64_t b) {
  constexpr uint64_t kMul = 0xc6a4a7935bd1e995;
  const auto mix = [](uint64_t v) { return v ^ v >> 47; };
  uint64_t hash = a ^ kMul;
  hash ^= mix(b * kMul) * kMul;
  hash *= kMul;
  hash = mix(hash) * kMul;
  return mix(hash);
}

// The last column's features change fastest.
Status Cross(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  int64_t *place = run.output<int64_t>(0), *value = run.output<int64_t>(1);
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t n = 0; n < p.combinations; ++n) {
      uint64_t hash = p.key;
      int64_t rest = n, block = p.combinations;
      for (int i = 0; i < p.columns; ++i) {
        const Column& c = p.column[i];
        block /= c.features;
        const int64_t at = row * c.features + rest / block;
        rest %= block;
        hash = Joined(hash, c.text ? Fingerprint64(run.input<StringRef>(i)[at].view()) : static_cast<uint64_t>(run.input<int64_t>(i)[at]));
      }
      *place++ = row;
      *place++ = n;
      *value++ = static_cast<int64_t>(hash % p.buckets);
    }
  }
  run.output<int64_t>(2)[0] = p.rows;
  run.output<int64_t>(2)[1] = p.combinations;
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  auto* column = p.Array<Column>(static_cast<size_t>(p.op.num_inputs()));
  for (int i = 0; i < p.op.num_inputs(); ++i) column[i] = {p.op.in(i)->dtype == DType::kString, p.op.in(i)->shape[1]};
  const int64_t buckets = node.Int("num_buckets", 0);
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape[0], Combinations(p.op), p.op.num_inputs(), column, static_cast<uint64_t>(node.Int("hash_key", 0)),
             static_cast<uint64_t>(buckets > 0 ? buckets : INT64_MAX)};
  p.SetRun(Cross, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_sparse_cross", .code = BuiltinCode::kCustom, .custom_name = "FlexSparseCross",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_sparse_cross
