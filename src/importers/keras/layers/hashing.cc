// SPDX-License-Identifier: Apache-2.0
// Hashing and HashedCrossing.
#include "importers/keras/layers/hashing.h"

#include "base/strings.h"
#include "importers/keras/builder.h"
#include "importers/keras/layers/categories.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/tensorflow_op.h"

namespace octet::importers::keras {
namespace {

Value Number(LayerContext& c, int64_t v) { return c.Constant<int64_t>(Shape{}, std::span<const int64_t>(&v, 1)); }

Value TextOf(LayerContext& c, const std::string& text) {
  const StringRef ref{text.data(), text.size()};
  return c.Constant({DType::kString, Shape{}, {}}, WriteStrings(std::span(&ref, 1)));
}

// Where x is the layer's mask_value.
Result<Value> Masked(LayerContext& c, Value x) {
  const Json& mask = c.Get("mask_value");
  if (c.type(x).dtype == DType::kString) return c.Make("equal", {x, TextOf(c, mask.text())});
  return c.Make("equal", {x, Number(c, mask.integer())});
}

// In the layer's own output mode.
Status SetHashed(LayerContext& c, Value ids, int64_t bins) {
  const std::string mode = c.Text("output_mode", "int");
  if (mode != "int") {
    OCTET_ASSIGN(ids, Encode(c, mode, ids, static_cast<int32_t>(bins)));
  }
  c.SetOutput(0, ids);
  return {};
}

Result<int64_t> BinsOf(LayerContext& c) {
  const int64_t bins = c.Int("num_bins", 0);
  if (bins < 1 || bins > INT32_MAX) return c.Fail("num_bins", std::to_string(bins), "");
  if (c.Bool("sparse", false)) return c.Fail("dense outputs", "sparse=True", "build the layer with sparse=False");
  return bins;
}

Status ConvertHashing(LayerContext& c) {
  OCTET_ASSIGN(const int64_t bins, BinsOf(c));
  Value x = c.Input(0);
  if (c.type(x).dtype != DType::kString) {
    OCTET_ASSIGN(x, c.Cast(x, DType::kI64));
  }
  const bool masks = c.Has("mask_value") && bins > 1;  // The first bin is then the mask's.
  OCTET_ASSIGN(const Value text, Digits(c, x));
  OCTET_ASSIGN(Value hash, HashTexts(c, text, bins - masks));
  if (masks) {
    OCTET_ASSIGN(hash, c.Make("add", {hash, Number(c, 1)}));
    OCTET_ASSIGN(const Value masked, Masked(c, x));
    OCTET_ASSIGN(hash, c.Make("select_v2", {masked, Number(c, 0), hash}));
  }
  return SetHashed(c, hash, bins);
}

// Combinations of one value of each input, [batch] or [batch, 1].
Status ConvertCrossing(LayerContext& c) {
  OCTET_ASSIGN(const int64_t bins, BinsOf(c));
  if (c.num_inputs() < 2) return c.Fail("two inputs or more", std::to_string(c.num_inputs()), "");
  const int rank = c.rank(c.Input(0));
  std::vector<Value> columns;
  std::vector<DType> types;
  bool numbers = false;
  for (int i = 0; i < c.num_inputs(); ++i) {
    Value x = c.Input(i);
    if (rank < 1 || rank > 2 || c.rank(x) != rank || (rank == 2 && c.shape(x)[1] != 1)) return c.Fail("inputs [batch] or [batch, 1]", c.shape(x).text(), "");
    if (c.type(x).dtype != DType::kString) {
      OCTET_ASSIGN(x, c.Cast(x, DType::kI64));
    }
    if (rank == 1) {
      OCTET_ASSIGN(x, c.Make("expand_dims", {x, c.Vector({-1})}));
    }
    columns.push_back(x);
    types.push_back(c.type(x).dtype);
    numbers |= types.back() != DType::kString;
  }
  constexpr int64_t kKey = 0xDECAFCAFFE;  // TensorFlow's default.
  OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "SparseCross", columns, {DType::kI64, DType::kI64, DType::kI64},
                                                            {IntAttr("N", 0), BoolAttr("hashed_output", true), IntAttr("num_buckets", bins),
                                                             IntAttr("hash_key", kKey), TypesAttr("sparse_types", {}),
                                                             TypesAttr("dense_types", types), TypeAttr("out_type", DType::kI64),
                                                             TypeAttr("internal_type", numbers ? DType::kI64 : DType::kString)}));
  Value ids = y[1];
  if (rank == 2) {
    OCTET_ASSIGN(ids, c.Make("reshape", {ids, c.Vector({-1, 1})}, {{"new_shape", std::vector<int32_t>{-1, 1}}}));
  }
  return SetHashed(c, ids, bins);
}

constexpr LayerRule kRules[] = {{"Hashing", ConvertHashing}, {"HashedCrossing", ConvertCrossing}};

}  // namespace

const std::span<const LayerRule> kHashingRules = kRules;

Result<Value> Digits(LayerContext& c, Value x) {
  if (c.type(x).dtype == DType::kString) return x;
  OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "AsString", {x}, {DType::kString},
                                                            {TypeAttr("T", c.type(x).dtype), IntAttr("precision", -1), BoolAttr("scientific", false),
                                                             BoolAttr("shortest", false), IntAttr("width", -1), TextAttr("fill", "")}));
  return y[0];
}

Result<Value> HashTexts(LayerContext& c, Value x, int64_t buckets) {
  std::vector<int64_t> salt = c.Has("salt") ? c.Ints("salt", {}) : std::vector<int64_t>();
  if (salt.size() == 1) salt.push_back(salt[0]);
  std::vector<Value> y;
  if (salt.empty()) {
    OCTET_ASSIGN(y, MakeTensorFlowOp(c, "StringToHashBucketFast", {x}, {DType::kI64}, {IntAttr("num_buckets", buckets)}));
  } else if (salt.size() == 2) {
    OCTET_ASSIGN(y, MakeTensorFlowOp(c, "StringToHashBucketStrong", {x}, {DType::kI64}, {IntAttr("num_buckets", buckets), IntsAttr("key", salt)}));
  } else {
    return c.Fail("a salt of one or two numbers", std::to_string(salt.size()), "");
  }
  return y[0];
}

}  // namespace octet::importers::keras
