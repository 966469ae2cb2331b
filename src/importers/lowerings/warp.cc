// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/warp.h"

#include "importers/limits.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/scalars.h"

namespace octet::importers {
namespace {

class Warper {
 public:
  Warper(Lowering& c, int32_t height, int32_t width, const WarpMode& mode, Value fill)
      : c_(c), height_(height), width_(width), nearest_(mode.interpolation == "NEAREST"), mode_(mode.outside), fill_(fill) {}

  Result<Value> Convert(Value images, Value transforms) {
    OCTET_TRY(Read(images, transforms));
    OCTET_ASSIGN(std::vector<Value> t, c_.MakeMany("split", {ScalarInt(c_, 1), transforms}, {{"num_splits", 8}}, 8));
    OCTET_ASSIGN(Value k, Plane(t[6], t[7], Value()));
    OCTET_ASSIGN(const Value known, c_.Make("not_equal", {k, c_.Scalar(0)}));
    OCTET_ASSIGN(Value x, Plane(t[0], t[1], t[2]));
    OCTET_ASSIGN(Value y, Plane(t[3], t[4], t[5]));
    OCTET_ASSIGN(x, Coordinate(x, k, in_[2]));
    OCTET_ASSIGN(y, Coordinate(y, k, in_[1]));
    OCTET_ASSIGN(Value result, nearest_ ? Nearest(y, x) : Linear(y, x));
    OCTET_ASSIGN(const Value seen, Deep(known));
    OCTET_ASSIGN(result, c_.Make("select_v2", {seen, result, fill_}));
    return c_.Make("reshape", {result, c_.Vector({-1, height_, width_, in_[3]})});
  }

 private:
  Status Read(Value images, Value transforms) {
    in_ = c_.shape(images);
    if (in_.rank() != 4 || in_[1] < 1 || in_[2] < 1 || in_[3] < 1 || static_cast<int64_t>(in_[1]) * in_[2] >= kFloatIntegers)
      return c_.Fail("images of known size", in_.text(), "give the input's shape");
    const Shape t = c_.shape(transforms);
    if (t.rank() != 2 || t[1] != 8) return c_.Fail("eight numbers per transformation", t.text(), "");
    shared_ = t[0] == 1;
    OCTET_ASSIGN(const Value pixels, c_.Cast(images, DType::kF32));
    OCTET_ASSIGN(pixels_, c_.Make("reshape", {pixels, c_.Vector({-1, in_[1] * in_[2], in_[3]})}));
    return {};
  }

  // a x + b y + c over the pixels of the result, [transformations, pixels]; without c: + 1.
  Result<Value> Plane(Value a, Value b, Value rest) {
    std::vector<float> xs, ys;
    for (int32_t y = 0; y < height_; ++y)
      for (int32_t x = 0; x < width_; ++x) xs.push_back(static_cast<float>(x)), ys.push_back(static_cast<float>(y));
    const Shape row{1, height_ * width_};
    OCTET_ASSIGN(a, c_.Make("mul", {a, c_.Constant<float>(row, xs)}));
    OCTET_ASSIGN(b, c_.Make("mul", {b, c_.Constant<float>(row, ys)}));
    OCTET_ASSIGN(a, c_.Make("add", {a, b}));
    return c_.Make("add", {a, rest ? rest : c_.Scalar(1)});
  }

  // Divided, and brought back into the image as the mode says.
  Result<Value> Coordinate(Value v, Value k, int32_t size) {
    OCTET_ASSIGN(v, c_.Make("div", {v, k}));
    if (mode_ == "CONSTANT") return v;
    const auto n = static_cast<float>(size);
    if (mode_ == "REFLECT") {  // | v + 1/2 - 2n round((v + 1/2) / 2n) | - 1/2, a triangle wave.
      OCTET_ASSIGN(v, Plus(c_, v, 0.5f));
      OCTET_ASSIGN(v, Remainder(v, 2 * n, 0.5f));
      OCTET_ASSIGN(v, c_.Make("abs", {v}));
      OCTET_ASSIGN(v, Plus(c_, v, -0.5f));
    } else if (mode_ == "WRAP") {
      OCTET_ASSIGN(v, Wrapped(v, size));
    }
    OCTET_ASSIGN(v, c_.Make("maximum", {v, c_.Scalar(0)}));
    return c_.Make("minimum", {v, c_.Scalar(n - 1)});
  }

  // v - period * floor(v / period + shift)
  Result<Value> Remainder(Value v, float period, float shift) {
    OCTET_ASSIGN(Value turns, Times(c_, v, 1 / period));
    if (shift != 0) {
      OCTET_ASSIGN(turns, Plus(c_, turns, shift));
    }
    OCTET_ASSIGN(turns, c_.Make("floor", {turns}));
    OCTET_ASSIGN(turns, Times(c_, turns, period));
    return c_.Make("sub", {v, turns});
  }

  // As TensorFlow counts turns: of n pixels, but as many as n - 1 go into the way. One pixel: it is the only place.
  Result<Value> Wrapped(Value v, int32_t size) {
    if (size == 1) return Times(c_, v, 0);
    const auto n = static_cast<float>(size);
    const auto turned = [&](Value distance, float more, float sign) -> Result<Value> {
      OCTET_ASSIGN(Value turns, Times(c_, distance, 1 / (n - 1)));
      OCTET_ASSIGN(turns, c_.Make("floor", {turns}));
      if (more != 0) {
        OCTET_ASSIGN(turns, Plus(c_, turns, more));
      }
      OCTET_ASSIGN(turns, Times(c_, turns, sign * n));
      return c_.Make("add", {v, turns});
    };
    OCTET_ASSIGN(const Value negative, c_.Make("neg", {v}));
    OCTET_ASSIGN(const Value before, turned(negative, 1, 1));
    OCTET_ASSIGN(const Value behind, turned(v, 0, -1));
    OCTET_ASSIGN(const Value below, c_.Make("less", {v, c_.Scalar(0)}));
    OCTET_ASSIGN(const Value above, c_.Make("greater", {v, c_.Scalar(n - 1)}));
    OCTET_ASSIGN(v, c_.Make("select_v2", {above, behind, v}));
    return c_.Make("select_v2", {below, before, v});
  }

  Result<Value> Deep(Value v) { return c_.Make("expand_dims", {v, ScalarInt(c_, 2)}); }

  // The pixels at whole coordinates; outside the image the fill value.
  Result<Value> Pick(Value y, Value x) {
    const auto near = [&](Value v, int32_t size) -> Result<Value> {
      OCTET_ASSIGN(v, c_.Make("maximum", {v, c_.Scalar(0)}));
      return c_.Make("minimum", {v, c_.Scalar(static_cast<float>(size - 1))});
    };
    OCTET_ASSIGN(const Value row, near(y, in_[1]));
    OCTET_ASSIGN(const Value column, near(x, in_[2]));
    OCTET_ASSIGN(Value at, Times(c_, row, static_cast<float>(in_[2])));
    OCTET_ASSIGN(at, c_.Make("add", {at, column}));
    OCTET_ASSIGN(at, c_.Cast(at, DType::kI32));
    if (shared_) {
      OCTET_ASSIGN(at, c_.Make("reshape", {at, c_.Vector({-1})}));
    }
    OCTET_ASSIGN(const Value v, c_.Make("gather", {pixels_, at}, {{"axis", 1}, {"batch_dims", shared_ ? 0 : 1}}));
    if (mode_ != "CONSTANT") return v;
    OCTET_ASSIGN(Value inside, c_.Make("equal", {row, y}));
    OCTET_ASSIGN(const Value across, c_.Make("equal", {column, x}));
    OCTET_ASSIGN(inside, c_.Make("logical_and", {inside, across}));
    OCTET_ASSIGN(inside, Deep(inside));
    return c_.Make("select_v2", {inside, v, fill_});
  }

  // Halves away from zero.
  Result<Value> Nearest(Value y, Value x) {
    for (Value* v : {&y, &x}) {
      OCTET_ASSIGN(const Value sign, c_.Make("sign", {*v}));
      OCTET_ASSIGN(Value size, c_.Make("abs", {*v}));
      OCTET_ASSIGN(size, Plus(c_, size, 0.5f));
      OCTET_ASSIGN(size, c_.Make("floor", {size}));
      OCTET_ASSIGN(*v, c_.Make("mul", {size, sign}));
    }
    return Pick(y, x);
  }

  Result<Value> Linear(Value y, Value x) {
    OCTET_ASSIGN(const Value top, c_.Make("floor", {y}));
    OCTET_ASSIGN(const Value left, c_.Make("floor", {x}));
    OCTET_ASSIGN(const Value bottom, Plus(c_, top, 1));
    OCTET_ASSIGN(const Value right, Plus(c_, left, 1));
    OCTET_ASSIGN(const Shares down, SharesOf(top, y, bottom));
    OCTET_ASSIGN(const Shares across, SharesOf(left, x, right));
    const auto row = [&](Value at) -> Result<Value> {
      OCTET_ASSIGN(const Value a, Pick(at, left));
      OCTET_ASSIGN(const Value b, Pick(at, right));
      return Between(a, b, across);
    };
    OCTET_ASSIGN(const Value above, row(top));
    OCTET_ASSIGN(const Value below, row(bottom));
    return Between(above, below, down);
  }

  // What the whole coordinate before counts, and the one behind.
  struct Shares {
    Value before, behind;
  };
  Result<Shares> SharesOf(Value before, Value at, Value behind) {
    Shares s;
    OCTET_ASSIGN(s.before, c_.Make("sub", {behind, at}));
    OCTET_ASSIGN(s.behind, c_.Make("sub", {at, before}));
    OCTET_ASSIGN(s.before, Deep(s.before));
    OCTET_ASSIGN(s.behind, Deep(s.behind));
    return s;
  }

  // Rounded as TensorFlow rounds it: whole numbers lose what is behind the point, a bit less than a whole is one less.
  Result<Value> Between(Value a, Value b, const Shares& s) {
    OCTET_ASSIGN(a, c_.Make("mul", {s.before, a}));
    OCTET_ASSIGN(b, c_.Make("mul", {s.behind, b}));
    return c_.Make("add", {a, b});
  }

  Lowering& c_;
  const int32_t height_, width_;
  const bool nearest_;
  const std::string mode_;
  const Value fill_;
  Shape in_;
  bool shared_ = false;  // One transformation for all images.
  Value pixels_;
};

}  // namespace

Result<Value> Warp(Lowering& c, Value images, Value transforms, int32_t height, int32_t width, const WarpMode& mode, Value fill) {
  if (mode.interpolation != "NEAREST" && mode.interpolation != "BILINEAR") return c.Fail("interpolation NEAREST or BILINEAR", mode.interpolation, "");
  if (mode.outside != "CONSTANT" && mode.outside != "REFLECT" && mode.outside != "WRAP" && mode.outside != "NEAREST")
    return c.Fail("fill_mode CONSTANT, REFLECT, WRAP or NEAREST", mode.outside, "");
  if (height < 1 || width < 1 || height > kMostWarped || width > kMostWarped)
    return c.Fail(Format("1 to %d rows and columns", kMostWarped), Format("%d x %d", height, width), "resize the images before");
  return Warper(c, height, width, mode, fill).Convert(images, transforms);
}

}  // namespace octet::importers
