// SPDX-License-Identifier: Apache-2.0
// LSH projection: signs of weighted sums of hashes of the input's rows; one bit per seed. Dense: a bit per element;
// sparse: the bits of a row of seeds as one number, moved so that rows do not meet.
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"

namespace octet::ops::lsh_projection {
namespace {

enum Type : int8_t { kUnknownType = 0, kSparse = 1, kDense = 2 };
struct Attrs {
  int8_t type = kUnknownType;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::type>("type", 0)};
constexpr Operand kInputs[] = {{.name = "seeds", .type = 'H'}, {.name = "input"}, {.name = "weights", .type = 'W', .arity = Arity::kOptional}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"H=f32 T=f32|i32|i64|u8|i8|i16|bool W=f32 O=i32"}};

Status Check(const OpView& op) {
  const int8_t type = op.attrs<Attrs>().type;
  const Shape &seeds = op.in(0)->shape, &in = op.in(1)->shape;
  if (type != kSparse && type != kDense) return op.Fail(Code::kInvalidModel, "there is no projection of type %d", type);
  if (seeds.rank() != 2 || seeds[1] > 32) return op.Fail(Code::kInvalidModel, "expected seeds [n, up to 32], found %s", seeds.text().c_str());
  if (in.rank() < 1) return op.Fail(Code::kInvalidModel, "the input is a scalar");
  if (op.in(2) && (op.in(2)->shape.rank() != 1 || op.in(2)->shape[0] != in[0]))
    return op.Fail(Code::kInvalidModel, "weights %s for an input %s", op.in(2)->shape.text().c_str(), in.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& seeds = op.in(0)->shape;
  out[0].dtype = DType::kI32;
  const int64_t dense = int64_t{seeds[0]} * seeds[1];
  if (dense > INT32_MAX) return op.Fail(Code::kOutOfMemory, "too many seeds");
  out[0].shape = {op.attrs<Attrs>().type == kSparse || !seeds.known() ? seeds[0] : static_cast<int32_t>(dense)};
  return {};
}

// Farm Hash's 64-bit fingerprint (Geoff Pike), of little-endian bytes.
constexpr uint64_t k0 = 0xc3a5c85c97cb3127, k1 = 0xb492b66fbe98f273, k2 = 0x9ae16a3b2f90404f;
uint64_t Fetch64(const uint8_t* p) {
  uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}
uint64_t Fetch32(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}
uint64_t Rotate(uint64_t v, int by) { return v >> by | v << (64 - by); }
uint64_t ShiftMix(uint64_t v) { return v ^ v >> 47; }
uint64_t Mix(uint64_t u, uint64_t v, uint64_t mul) {
  uint64_t a = (u ^ v) * mul;
  a ^= a >> 47;
  uint64_t b = (v ^ a) * mul;
  b ^= b >> 47;
  return b * mul;
}

uint64_t HashTo16(const uint8_t* s, uint64_t n) {
  const uint64_t mul = k2 + n * 2;
  if (n >= 8) {
    const uint64_t a = Fetch64(s) + k2, b = Fetch64(s + n - 8);
    return Mix(Rotate(b, 37) * mul + a, (Rotate(a, 25) + b) * mul, mul);
  }
  if (n >= 4) return Mix(n + (Fetch32(s) << 3), Fetch32(s + n - 4), mul);
  if (n == 0) return k2;
  const uint32_t y = s[0] + (uint32_t{s[n >> 1]} << 8), z = static_cast<uint32_t>(n) + (uint32_t{s[n - 1]} << 2);
  return ShiftMix(y * k2 ^ z * k0) * k2;
}

uint64_t HashTo32(const uint8_t* s, uint64_t n) {
  const uint64_t mul = k2 + n * 2, a = Fetch64(s) * k1, b = Fetch64(s + 8), c = Fetch64(s + n - 8) * mul, d = Fetch64(s + n - 16) * k2;
  return Mix(Rotate(a + b, 43) + Rotate(c, 30) + d, a + Rotate(b + k2, 18) + c, mul);
}

uint64_t HashTo64(const uint8_t* s, uint64_t n) {
  const uint64_t mul = k2 + n * 2, a = Fetch64(s) * k2, b = Fetch64(s + 8), c = Fetch64(s + n - 8) * mul, d = Fetch64(s + n - 16) * k2;
  const uint64_t y = Rotate(a + b, 43) + Rotate(c, 30) + d, z = Mix(y, a + Rotate(b + k2, 18) + c, mul);
  const uint64_t e = Fetch64(s + 16) * mul, f = Fetch64(s + 24), g = (y + Fetch64(s + n - 32)) * mul, h = (z + Fetch64(s + n - 24)) * mul;
  return Mix(Rotate(e + f, 43) + Rotate(g, 30) + h, e + Rotate(f + a, 18) + g, mul);
}

struct Pair {
  uint64_t first, second;
};
Pair Weak32(const uint8_t* s, uint64_t a, uint64_t b) {
  const uint64_t w = Fetch64(s), x = Fetch64(s + 8), y = Fetch64(s + 16), z = Fetch64(s + 24);
  a += w;
  b = Rotate(b + a + z, 21);
  const uint64_t c = a;
  a += x + y;
  b += Rotate(a, 44);
  return {a + z, b + c};
}

uint64_t Fingerprint(const uint8_t* s, uint64_t n) {
  if (n <= 16) return HashTo16(s, n);
  if (n <= 32) return HashTo32(s, n);
  if (n <= 64) return HashTo64(s, n);
  constexpr uint64_t kSeed = 81;
  uint64_t x = kSeed, y = kSeed * k1 + 113, z = ShiftMix(y * k2 + 113) * k2;
  Pair v{0, 0}, w{0, 0};
  x = x * k2 + Fetch64(s);
  const uint8_t *end = s + (n - 1) / 64 * 64, *last64 = end + ((n - 1) & 63) - 63;
  do {
    x = Rotate(x + y + v.first + Fetch64(s + 8), 37) * k1;
    y = Rotate(y + v.second + Fetch64(s + 48), 42) * k1;
    x ^= w.second;
    y += v.first + Fetch64(s + 40);
    z = Rotate(z + w.first, 33) * k1;
    v = Weak32(s, v.second * k1, x + w.first);
    w = Weak32(s + 32, z + w.second, y + Fetch64(s + 16));
    std::swap(z, x);
    s += 64;
  } while (s != end);
  const uint64_t mul = k1 + ((z & 0xff) << 1);
  s = last64;
  w.first += (n - 1) & 63;
  v.first += w.first;
  w.first += v.first;
  x = Rotate(x + y + v.first + Fetch64(s + 8), 37) * mul;
  y = Rotate(y + v.second + Fetch64(s + 48), 42) * mul;
  x ^= w.second * 9;
  y += v.first * 9 + Fetch64(s + 40);
  z = Rotate(z + w.first, 33) * mul;
  v = Weak32(s, v.second * mul, x + w.first);
  w = Weak32(s + 32, z + w.second, y + Fetch64(s + 16));
  std::swap(z, x);
  return Mix(Mix(v.first, w.first, mul) + ShiftMix(y) * k0 + z, Mix(v.second, w.second, mul) + x, mul);
}

struct Params {
  bool sparse;
  int64_t hashes, bits, rows;
  size_t row_bytes;
};

// The sign of the weighted sum of the hashes of (seed, row).
bool SignBit(const Params& p, float seed, const Run& run) {
  const float* weights = run.input<float>(2);
  auto* key = reinterpret_cast<uint8_t*>(run.workspace);
  std::memcpy(key, &seed, sizeof seed);
  double sum = 0;
  for (int64_t i = 0; i < p.rows; ++i) {
    if (p.row_bytes > 0) std::memcpy(key + sizeof seed, run.in[1] + static_cast<size_t>(i) * p.row_bytes, p.row_bytes);
    const auto hash = static_cast<double>(static_cast<int64_t>(Fingerprint(key, sizeof seed + p.row_bytes)));
    sum += weights ? static_cast<double>(weights[i]) * hash : hash;
  }
  return sum > 0;
}

Status Project(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* seed = run.input<float>(0);
  auto* out = run.output<int32_t>(0);
  for (int64_t i = 0; i < p.hashes; ++i) {
    uint32_t signature = 0;
    for (int64_t j = 0; j < p.bits; ++j) {
      const bool bit = SignBit(p, *seed++, run);
      signature = signature << 1 | bit;
      if (!p.sparse) *out++ = bit;
    }
    if (p.sparse) *out++ = static_cast<int32_t>(signature + static_cast<uint32_t>(static_cast<uint64_t>(i) << p.bits));
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  const Shape &seeds = p.op.in(0)->shape, &in = p.op.in(1)->shape;
  auto* params = p.Params<Params>();
  *params = {p.op.attrs<Attrs>().type == kSparse, seeds[0], seeds[1], in[0], static_cast<size_t>(in.elements(1, in.rank()) * BytesOf(p.op.in(1)->dtype))};
  p.Workspace(sizeof(float) + params->row_bytes);
  p.SetRun(Project, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "lsh_projection", .code = BuiltinCode::kLshProjection, .attrs = Layout<Attrs>(OptionsTable::kLSHProjection, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::lsh_projection
