// SPDX-License-Identifier: Apache-2.0
// keras.ops.image that look at images from elsewhere: affine and perspective transformations, any coordinates, scales and shifts.
#include <algorithm>
#include <array>
#include <cmath>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/elimination.h"
#include "importers/lowerings/resampling.h"
#include "importers/lowerings/warp.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::keras {
namespace {

std::string Upper(std::string s) {
  std::ranges::transform(s, s.begin(), [](unsigned char l) { return static_cast<char>(std::toupper(l)); });
  return s;
}

// -------------------------------------------------------------------------- projective transformations

// Of one image or a batch, channels last.
Status Warped(LayerContext& c, Value images, Value transforms, const std::string& outside) {
  const DType own = c.type(images).dtype;
  const bool single = c.rank(images) == 3;
  if (c.Text("data_format", "channels_last") != "channels_last" || (c.rank(images) != 4 && !single))
    return c.Fail("images, channels last", c.shape(images).text(), "transpose them before");
  if (single) {
    OCTET_ASSIGN(images, c.Make("expand_dims", {images, c.Vector({0})}));
  }
  OCTET_ASSIGN(transforms, c.Make("reshape", {transforms, c.Vector({c.rank(transforms) == 1 ? 1 : c.shape(transforms)[0], 8})}));
  const Shape s = c.shape(images);
  const WarpMode mode{Upper(c.Text("interpolation", "bilinear")), outside};
  const Value fill = c.Scalar(static_cast<float>(c.Number("fill_value", 0)));
  OCTET_ASSIGN(Value y, Warp(c, images, transforms, s[1], s[2], mode, fill));
  if (single) {
    OCTET_ASSIGN(y, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{0}}}));
  }
  return Set(c, Narrowed(c, y, own));
}

Status ConvertAffine(LayerContext& c) {
  OCTET_ASSIGN(const Value images, Operand(c, 0, {"images"}));
  OCTET_ASSIGN(Value transforms, Operand(c, 1, {"transform"}));
  OCTET_ASSIGN(transforms, c.Cast(transforms, DType::kF32));
  if (c.rank(transforms) < 1 || c.rank(transforms) > 2 || c.shape(transforms).back() != 8)
    return c.Fail("eight numbers for each transformation", c.shape(transforms).text(), "");
  return Warped(c, images, transforms, Upper(c.Text("fill_mode", "constant")));
}

// Four corners (x, y).
constexpr int kCorners = 4, kUnknowns = 8;
using Corners = std::array<double, 2 * kCorners>;

// The transformation that takes the corners of one to those of the other: each pair gives two equations of its eight numbers.
Result<std::array<double, kUnknowns>> Homography(LayerContext& c, const Corners& from, const Corners& to) {
  double m[kUnknowns][kUnknowns + 1] = {};
  for (size_t i = 0; i < kCorners; ++i) {
    const double x = to[2 * i], y = to[2 * i + 1];
    for (size_t side = 0; side < 2; ++side) {
      double* row = m[2 * i + side];
      row[3 * side] = x, row[3 * side + 1] = y, row[3 * side + 2] = 1;
      row[kUnknowns] = from[2 * i + side];
      row[6] = -row[kUnknowns] * x, row[7] = -row[kUnknowns] * y;
    }
  }
  for (int k = 0; k < kUnknowns; ++k) {
    int largest = k;
    for (int i = k; i < kUnknowns; ++i)
      if (std::fabs(m[i][k]) > std::fabs(m[largest][k])) largest = i;
    if (!(std::fabs(m[largest][k]) > 0)) return c.Fail("four corners of which no three lie on a line", "others", "");
    std::swap(m[k], m[largest]);
    for (int i = 0; i < kUnknowns; ++i) {
      const double share = m[i][k] / m[k][k];
      for (int j = k; i != k && j <= kUnknowns; ++j) m[i][j] -= share * m[k][j];
    }
  }
  std::array<double, kUnknowns> solution{};
  for (size_t k = 0; k < kUnknowns; ++k) solution[k] = m[k][kUnknowns] / m[k][k];
  return solution;
}

// The same of corners [n, 4, 2] that are data: [n, 8].
Result<Value> ComputedHomography(LayerContext& c, Value from, Value to) {
  const int32_t n = c.shape(from)[0];
  OCTET_ASSIGN(const Value target, c.Make("reshape", {from, c.Vector({n, kUnknowns, 1})}));  // x1, y1, x2, …
  OCTET_ASSIGN(const Value one, c.Make("reshape", {to, c.Vector({n, kCorners, 1, 2})}));
  const float both[] = {1, 1}, turns[] = {-1};
  OCTET_ASSIGN(Value places, c.Make("mul", {one, c.Constant<float>(Shape{2, 1}, both)}));
  OCTET_ASSIGN(places, c.Make("reshape", {places, c.Vector({n, kUnknowns, 2})}));  // Each corner twice.
  std::vector<float> first, second, ones;
  for (int i = 0; i < kUnknowns; ++i) {
    const float even = i % 2 == 0 ? 1.0f : 0.0f;
    first.push_back(even), second.push_back(1 - even);
    ones.insert(ones.end(), {even, 1 - even});
  }
  const Shape column{kUnknowns, 1};
  const Value even = c.Constant<float>(column, first), odd = c.Constant<float>(column, second);
  OCTET_ASSIGN(const Value left, c.Make("mul", {places, even}));
  OCTET_ASSIGN(const Value right, c.Make("mul", {places, odd}));
  OCTET_ASSIGN(Value last, c.Make("mul", {places, target}));
  OCTET_ASSIGN(last, c.Make("mul", {last, c.Constant<float>(Shape{1}, turns)}));
  OCTET_ASSIGN(Value shift, Times(c, left, 0));  // Of the batch's size.
  OCTET_ASSIGN(shift, c.Make("add", {shift, c.Constant<float>(Shape{kUnknowns, 2}, ones)}));
  OCTET_ASSIGN(const std::vector<Value> shifts, c.MakeMany("split", {Int(c, 2), shift}, {{"num_splits", 2}}, 2));
  const Value columns[] = {left, shifts[0], right, shifts[1], last};
  OCTET_ASSIGN(const Value equations, c.Make("concatenation", columns, {{"axis", 2}}));
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, equations, target));
  return c.Make("reshape", {e.solution, c.Vector({n, kUnknowns})});
}

Status ConvertPerspective(LayerContext& c) {
  OCTET_ASSIGN(const Value images, Operand(c, 0, {"images"}));
  Value corners[2];
  OCTET_ASSIGN(corners[0], Operand(c, 1, {"start_points"}));
  OCTET_ASSIGN(corners[1], Operand(c, 2, {"end_points"}));
  for (Value& v : corners) {
    OCTET_ASSIGN(v, c.Cast(v, DType::kF32));
    const Shape s = c.shape(v);
    if (s.rank() < 2 || s.rank() > 3 || s.back(2) != kCorners || s.back() != 2) return c.Fail("four corners (x, y)", s.text(), "");
    if (s.rank() == 2) {
      OCTET_ASSIGN(v, c.Make("reshape", {v, c.Vector({1, kCorners, 2})}));
    }
  }
  const std::span<const float> from = c.data_as<float>(corners[0]), to = c.data_as<float>(corners[1]);
  if (from.empty() || from.size() != to.size()) {
    OCTET_ASSIGN(const Value transforms, ComputedHomography(c, corners[0], corners[1]));
    return Warped(c, images, transforms, "CONSTANT");
  }
  std::vector<float> transforms;
  for (size_t at = 0; at < from.size(); at += 2 * kCorners) {
    Corners a, b;
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(at), a.size(), a.begin());
    std::copy_n(to.begin() + static_cast<std::ptrdiff_t>(at), b.size(), b.begin());
    OCTET_ASSIGN(const auto t, Homography(c, a, b));
    transforms.insert(transforms.end(), t.begin(), t.end());
  }
  return Warped(c, images, c.Constant<float>(Shape{static_cast<int32_t>(transforms.size() / kUnknowns), kUnknowns}, transforms), "CONSTANT");
}

// ------------------------------------------------------------------------------------ any coordinates

class Coordinates {
 public:
  explicit Coordinates(LayerContext& c) : c_(c), mode_(c.Text("fill_mode", "constant")) {}

  Status Convert() {
    OCTET_ASSIGN(const Value x, Operand(c_, 0, {"inputs"}));
    OCTET_ASSIGN(Value at, Operand(c_, 1, {"coordinates"}));
    const Shape s = c_.shape(x);
    const int64_t order = c_.Int("order", 1);
    constexpr int kMostAxes = 4;  // Linear: 2^4 numbers each.
    if (s.rank() < 1 || s.rank() > kMostAxes) return c_.Fail(Format("1 to %d axes", kMostAxes), s.text(), "");
    if (c_.rank(at) < 2 || c_.shape(at)[0] != s.rank()) return c_.Fail("a coordinate for each axis", c_.shape(at).text(), "");
    if (order != 0 && order != 1) return c_.Fail("order 0 or 1", std::to_string(order), "");
    const auto modes = {"constant", "nearest", "wrap", "mirror", "reflect"};
    if (std::ranges::find(modes, mode_) == modes.end()) return c_.Fail("fill_mode constant, nearest, wrap, mirror or reflect", mode_, "");
    const DType own = c_.type(x).dtype;
    OCTET_ASSIGN(at, c_.Cast(at, DType::kF32));
    OCTET_ASSIGN(numbers_, c_.Cast(x, DType::kF32));
    OCTET_ASSIGN(numbers_, c_.Make("reshape", {numbers_, c_.Vector({-1})}));
    OCTET_ASSIGN(const std::vector<Value> axes, c_.MakeMany("unpack", {at}, {{"num", s.rank()}, {"axis", 0}}, s.rank()));
    std::vector<Node> nodes = {Node{}};
    for (int i = 0; i < s.rank(); ++i) {
      OCTET_ASSIGN(const Value size, ops::DimensionOf(c_, x, i));
      OCTET_ASSIGN(const std::vector<Node> near, NodesOf(axes[static_cast<size_t>(i)], size, order == 1));
      std::vector<Node> more;
      for (const Node& n : nodes) {
        for (const Node& next : near) {
          OCTET_ASSIGN(more.emplace_back(), Joined(n, next, size));
        }
      }
      nodes = std::move(more);
    }
    const double fill = c_.Number("fill_value", 0);  // Of the tensor's type.
    OCTET_ASSIGN(Value y, Sum(nodes, c_.Scalar(static_cast<float>(IsFloat(own) ? fill : std::trunc(fill)))));
    OCTET_ASSIGN(y, IsFloat(own) ? Result<Value>(y) : c_.Make("round", {y}));
    return Set(c_, Narrowed(c_, y, own));
  }

 private:
  // A place in the flattened tensor, whether it lies inside (empty: it does), and how much it counts (empty: 1).
  struct Node {
    Value place, inside, weight;
  };

  // The whole coordinate that is nearest, or those below and above.
  Result<std::vector<Node>> NodesOf(Value at, Value size, bool linear) {
    if (!linear) {
      OCTET_ASSIGN(const Value whole, c_.Make("round", {at}));
      OCTET_ASSIGN(const Node n, NodeAt(whole, {}, size));
      return std::vector<Node>{n};
    }
    OCTET_ASSIGN(const Value below, c_.Make("floor", {at}));
    OCTET_ASSIGN(const Value above, Plus(c_, below, 1));
    OCTET_ASSIGN(const Value share, c_.Make("sub", {at, below}));
    OCTET_ASSIGN(const Value rest, c_.Make("sub", {c_.Scalar(1), share}));
    std::vector<Node> nodes(2);
    OCTET_ASSIGN(nodes[0], NodeAt(below, rest, size));
    OCTET_ASSIGN(nodes[1], NodeAt(above, share, size));
    return nodes;
  }

  // A whole coordinate, brought inside as the mode says.
  Result<Node> NodeAt(Value at, Value weight, Value size) {
    OCTET_ASSIGN(const Value n, c_.Cast(size, DType::kF32));
    OCTET_ASSIGN(const Value twice, Times(c_, n, 2));
    Value inside;
    if (mode_ == "constant") {
      OCTET_ASSIGN(const Value first, c_.Make("greater_equal", {at, c_.Scalar(0)}));
      OCTET_ASSIGN(const Value last, c_.Make("less", {at, n}));
      OCTET_ASSIGN(inside, c_.Make("logical_and", {first, last}));
    } else if (mode_ == "wrap") {
      OCTET_ASSIGN(at, c_.Make("floor_mod", {at, n}));
    } else if (mode_ != "nearest") {  // There and back again; reflect: the edge twice.
      OCTET_ASSIGN(at, c_.Make("abs", {at}));
      OCTET_ASSIGN(at, c_.Make("floor_mod", {at, twice}));
      OCTET_ASSIGN(const Value there, c_.Make("less", {at, n}));
      OCTET_ASSIGN(Value back, Plus(c_, twice, mode_ == "reflect" ? -1 : 0));
      OCTET_ASSIGN(back, c_.Make("sub", {back, at}));
      OCTET_ASSIGN(at, c_.Make("select_v2", {there, at, back}));
    }
    OCTET_ASSIGN(at, c_.Make("maximum", {at, c_.Scalar(0)}));
    OCTET_ASSIGN(const Value last, Plus(c_, n, -1));
    OCTET_ASSIGN(at, c_.Make("minimum", {at, last}));
    OCTET_ASSIGN(at, c_.Cast(at, DType::kI32));
    return Node{at, inside, weight};
  }

  Result<Node> Joined(const Node& outer, const Node& inner, Value size) {
    if (!outer.place) return inner;
    Node n;
    OCTET_ASSIGN(n.place, c_.Make("mul", {outer.place, size}));
    OCTET_ASSIGN(n.place, c_.Make("add", {n.place, inner.place}));
    if (outer.inside) {
      OCTET_ASSIGN(n.inside, c_.Make("logical_and", {outer.inside, inner.inside}));
    }
    if (outer.weight) {
      OCTET_ASSIGN(n.weight, c_.Make("mul", {outer.weight, inner.weight}));
    }
    return n;
  }

  Result<Value> Sum(const std::vector<Node>& nodes, Value outside) {
    Value sum;
    for (const Node& n : nodes) {
      OCTET_ASSIGN(Value v, c_.Make("gather", {numbers_, n.place}, {{"axis", 0}}));
      if (n.inside) {
        OCTET_ASSIGN(v, c_.Make("select_v2", {n.inside, v, outside}));
      }
      OCTET_ASSIGN(v, n.weight ? c_.Make("mul", {v, n.weight}) : Result<Value>(v));
      OCTET_ASSIGN(sum, sum ? c_.Make("add", {sum, v}) : Result<Value>(v));
    }
    return sum;
  }

  LayerContext& c_;
  const std::string mode_;
  Value numbers_;
};
Status ConvertCoordinates(LayerContext& c) { return Coordinates(c).Convert(); }

// --------------------------------------------------------------------------------- scales and shifts

std::string KernelName(const std::string& method) {
  if (method == "linear" || method == "bilinear" || method == "trilinear") return "triangle";
  return method == "cubic" || method == "bicubic" || method == "tricubic" ? "keyscubic" : method;
}

// Of the height and the width: images with or without a batch, channels last.
Status ConvertScaleAndTranslate(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"images"}));
  const Shape in = c.shape(x);
  if (!IsFloat(c.type(x).dtype)) return c.Fail("floats", std::string(NumpyName(c.type(x).dtype)), "cast the images to float32 before");
  std::vector<int64_t> out, axes = c.Ints("spatial_dims", {});
  std::vector<double> scale, move;
  if (!IntsOf(LiteralOf(c, 1, {"output_shape"}), &out) || !NumbersOf(LiteralOf(c, 2, {"scale"}), &scale) || !NumbersOf(LiteralOf(c, 3, {"translation"}), &move))
    return c.Fail("a constant output_shape, scale and translation", "computed ones", "");
  const ResampleKernel* kernel = FindResampleKernel(KernelName(c.Text("method", "linear")));
  if (!kernel) return c.Fail("a method that octet knows", c.Text("method", ""), "");
  const int rank = in.rank();
  for (int64_t& a : axes) a += a < 0 ? rank : 0;
  if ((rank != 3 && rank != 4) || static_cast<int>(out.size()) != rank || axes != std::vector<int64_t>{rank - 3, rank - 2} || scale.size() != 2 ||
      move.size() != 2)
    return c.Fail("spatial_dims that are the height and the width of images, channels last", in.text(), "transpose them before");
  const int64_t height = out[out.size() - 3], width = out[out.size() - 2];
  if (in.back(3) < 1 || in.back(2) < 1 || in.back() < 1 || height < 1 || width < 1 || height * in.back(3) > (1 << 22) || width * in.back(2) > (1 << 22))
    return c.Fail("images of known size", in.text(), "give the input's shape");
  const auto rows = [&](size_t axis, int32_t from, int64_t to) {
    return KernelRows(from, static_cast<int32_t>(to), static_cast<float>(scale[axis]), static_cast<float>(move[axis]), c.Bool("antialias", true), *kernel);
  };
  OCTET_ASSIGN(const Value images, c.Make("reshape", {x, c.Vector({rank == 4 ? in[0] : 1, in.back(3), in.back(2), in.back()})}));
  OCTET_ASSIGN(Value y, c.Cast(images, DType::kF32));
  OCTET_ASSIGN(y, Resample(c, y, static_cast<int32_t>(height), static_cast<int32_t>(width), rows(0, in.back(3), height), rows(1, in.back(2), width)));
  if (rank == 3) {
    OCTET_ASSIGN(y, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{0}}}));
  }
  return Set(c, y);
}

// A part of augmentation: it draws where to every pixel goes.
Status RefuseElastic(LayerContext& c) {
  return c.Fail("what is the same in every run", "displacements that are drawn",
                "leave augmentation out of the model, or say the displacements: keras.ops.image.map_coordinates");
}

constexpr LayerRule kRules[] = {
    {"ops.AffineTransform", ConvertAffine}, {"ops.PerspectiveTransform", ConvertPerspective}, {"ops.MapCoordinates", ConvertCoordinates},
    {"ops.ScaleAndTranslate", ConvertScaleAndTranslate}, {"ops.ElasticTransform", RefuseElastic}};

}  // namespace

const std::span<const LayerRule> kWarpingRules = kRules;

}  // namespace octet::importers::keras
