// SPDX-License-Identifier: Apache-2.0
// Operators that only move elements.
#include <algorithm>

#include "delegates/coreml/lowering.h"

namespace octet::coreml {
namespace {

using Longs = std::vector<int64_t>;

// Where an axis of the file lies in a form.
int64_t AxisIn(Form form, int64_t axis) {
  const int64_t image[] = {0, 2, 3, 1};
  return form == Form::kImage ? image[axis] : axis;
}
int64_t Positive(int64_t axis, size_t rank) { return axis < 0 ? axis + static_cast<int64_t>(rank) : axis; }

Var Cut(Lowering& l, const Var& x, const Longs& begin, const Longs& end, const Longs& stride) {
  Dims dims;
  for (size_t i = 0; i < begin.size(); ++i) dims.push_back((end[i] - begin[i] + stride[i] - 1) / stride[i]);
  if (dims == x.dims) return x;
  return l.p.Apply("slice_by_index", {{"x", {x}}, {"begin", {l.p.Ints(begin)}}, {"end", {l.p.Ints(end)}}, {"stride", {l.p.Ints(stride)}}}, x.type, dims);
}

Status Reshape(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  return l.Set(n, 0, l.Reshape(x, n.out_dims()));
}

Status Transpose(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  OCTET_ASSIGN(const Longs order, n.Constants(1));
  if (order.size() != x.dims.size()) return Refuse("its order of dimensions");
  Longs positive;
  for (const int64_t axis : order) positive.push_back(Positive(axis, order.size()));
  for (const int64_t axis : positive)
    if (axis < 0 || axis >= static_cast<int64_t>(order.size())) return Refuse("its order of dimensions");
  return l.Set(n, 0, l.Transpose(x, positive));
}

Status Concatenation(Lowering& l, const Node& n) {
  const Form form = l.FormOf(n);
  std::vector<Var> parts;
  for (int i = 0; i < n.num_inputs(); ++i) {
    OCTET_ASSIGN(Var x, l.In(n, i, form));
    parts.push_back(std::move(x));
  }
  const Dims out = l.OutDims(n, form);
  const Type type = parts[0].type;
  const int64_t axis = AxisIn(form, Positive(n.Int("axis"), out.size()));
  return l.SetActivated(n, l.p.Apply("concat", {{"values", std::move(parts)}, {"axis", {l.p.Int(axis)}}, {"interleave", {l.p.Bool(false)}}}, type, out), form);
}

Status Pack(Lowering& l, const Node& n) {
  Dims one = n.out_dims();
  const int64_t axis = Positive(n.Int("axis"), one.size());
  one[static_cast<size_t>(axis)] = 1;
  std::vector<Var> parts;
  for (int i = 0; i < n.num_inputs(); ++i) {
    OCTET_ASSIGN(const Var x, l.In(n, i));
    parts.push_back(l.Reshape(x, one));
  }
  const Type type = parts[0].type;
  return l.Set(n, 0, l.p.Apply("concat", {{"values", std::move(parts)}, {"axis", {l.p.Int(axis)}}, {"interleave", {l.p.Bool(false)}}}, type, n.out_dims()));
}

// Pieces along an axis, one after the other; their sizes are the outputs'.
Status CutAlong(Lowering& l, const Node& n, int operand, int64_t axis, bool drop) {
  const Dims in = n.in_dims(operand);
  if (axis < 0 || axis >= static_cast<int64_t>(in.size())) return Refuse("its axis");
  const auto a = static_cast<size_t>(axis);
  OCTET_ASSIGN(const Var x, l.In(n, operand));
  Longs begin(in.size(), 0), end = in;
  end[a] = 0;
  for (int i = 0; i < n.num_outputs(); ++i) {
    begin[a] = end[a];
    end[a] += drop ? 1 : n.out_dims(i)[a];
    OCTET_TRY(l.Set(n, i, l.Reshape(Cut(l, x, begin, end, Longs(in.size(), 1)), n.out_dims(i))));
  }
  return {};
}
Status Unpack(Lowering& l, const Node& n) { return CutAlong(l, n, 0, Positive(n.Int("axis"), n.in_dims(0).size()), true); }
Status SplitBy(Lowering& l, const Node& n, int operand, int axis_operand) {
  OCTET_ASSIGN(const Longs axis, n.Constants(axis_operand));
  return CutAlong(l, n, operand, Positive(axis[0], n.in_dims(operand).size()), false);
}
Status Split(Lowering& l, const Node& n) { return SplitBy(l, n, 1, 0); }
Status SplitV(Lowering& l, const Node& n) { return SplitBy(l, n, 0, 2); }

Status Slice(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  OCTET_ASSIGN(const Longs begin, n.Constants(1));
  if (begin.size() != x.dims.size()) return Refuse("where it begins");
  Longs end = n.out_dims();
  for (size_t i = 0; i < end.size(); ++i) end[i] += begin[i];
  return l.Set(n, 0, Cut(l, x, begin, end, Longs(begin.size(), 1)));
}

// Python's slices; what is cut is reshaped to the output, which drops dimensions.
Status StridedSlice(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  OCTET_ASSIGN(Longs begin, n.Constants(1));
  OCTET_ASSIGN(Longs end, n.Constants(2));
  OCTET_ASSIGN(Longs stride, n.Constants(3));
  if (n.Int("ellipsis_mask") || n.Int("new_axis_mask")) return Refuse("an ellipsis or a new axis");
  if (begin.size() > x.dims.size() || end.size() != begin.size() || stride.size() != begin.size()) return Refuse("where it begins and ends");
  for (size_t i = 0; i < x.dims.size(); ++i) {
    const int64_t size = x.dims[i], bit = int64_t{1} << i;
    if (i >= begin.size()) begin.push_back(0), end.push_back(size), stride.push_back(1);
    if (stride[i] < 1) return Refuse("a negative stride");
    const auto place = [size](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size); };
    begin[i] = n.Int("begin_mask") & bit ? 0 : place(begin[i]);
    end[i] = n.Int("shrink_axis_mask") & bit ? begin[i] + 1 : n.Int("end_mask") & bit ? size : n.Int("offset") ? place(begin[i] + end[i]) : place(end[i]);
    if (begin[i] >= end[i] || end[i] > size) return Refuse("an empty slice");
  }
  const Var cut = Cut(l, x, begin, end, stride);
  if (CountOf(cut.dims) != CountOf(n.out_dims())) return Refuse("how much it cuts");
  return l.Set(n, 0, l.Reshape(cut, n.out_dims()));
}

Status PadWith(Lowering& l, const Node& n, std::string_view mode, float value) {
  const Form form = n.input(0).rank == 4 ? (mode == "reflect" ? Form::kImage : l.FormOf(n)) : Form::kFile;
  OCTET_ASSIGN(const Var x, l.In(n, 0, form));
  if (x.type == Type::kI32 || x.type == Type::kBool) return Refuse("it pads floats only");
  OCTET_ASSIGN(const Longs file, n.Constants(1));
  if (file.size() != 2 * x.dims.size()) return Refuse("how it pads");
  Longs pad(file.size());
  for (size_t i = 0; i < x.dims.size(); ++i) {
    const auto to = static_cast<size_t>(AxisIn(form, static_cast<int64_t>(i)));
    pad[2 * to] = file[2 * i];
    pad[2 * to + 1] = file[2 * i + 1];
  }
  if (mode == "reflect") {
    const size_t outer = pad.size() - std::min<size_t>(pad.size(), 4);  // Only the last two dimensions.
    if (std::any_of(pad.begin(), pad.begin() + static_cast<ptrdiff_t>(outer), [](int64_t v) { return v != 0; })) return Refuse("a mirror beyond images");
    pad.erase(pad.begin(), pad.begin() + static_cast<ptrdiff_t>(outer));
  }
  return l.Set(
      n, 0,
      l.p.Apply("pad", {{"x", {x}}, {"pad", {l.p.Ints(pad)}}, {"mode", {l.p.Text(mode)}}, {"constant_val", {l.Number(x, value)}}}, x.type, l.OutDims(n, form)),
      form);
}
Status Pad(Lowering& l, const Node& n) { return PadWith(l, n, "constant", 0); }
Status Padv2(Lowering& l, const Node& n) {
  const OctetDelegateTensor& v = n.input(2);
  if (!v.data || (v.type != kF32 && !(IsQuantized(v.type) && v.num_scales == 1))) return Refuse("the value it pads with");
  if (v.type == kF32) return PadWith(l, n, "constant", *static_cast<const float*>(v.data));
  const int step = v.type == kI8 ? *static_cast<const int8_t*>(v.data) : *static_cast<const uint8_t*>(v.data);
  return PadWith(l, n, "constant", v.scales[0] * static_cast<float>(step - (v.zero_points ? v.zero_points[0] : 0)));
}
Status MirrorPad(Lowering& l, const Node& n) { return n.Int("mode") == 0 ? PadWith(l, n, "reflect", 0) : Refuse("a mirror that repeats the edge"); }

Status Gather(Lowering& l, const Node& n, int table, int indices, int64_t axis) {
  OCTET_ASSIGN(const Var x, l.In(n, table));
  OCTET_ASSIGN(const Var at, l.In(n, indices));
  if (x.type == Type::kBool || at.type != Type::kI32) return Refuse("the type of its indices");
  return l.Set(n, 0, l.p.Apply("gather", {{"x", {x}}, {"indices", {at}}, {"axis", {l.p.Int(axis)}}, {"batch_dims", {l.p.Int(n.Int("batch_dims"))}}, {"validate_indices", {l.p.Bool(false)}}}, x.type, n.out_dims()));
}
Status GatherAxis(Lowering& l, const Node& n) { return Gather(l, n, 0, 1, Positive(n.Int("axis"), n.in_dims(0).size())); }
Status EmbeddingLookup(Lowering& l, const Node& n) { return Gather(l, n, 1, 0, 0); }

Status TileTo(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var file, l.In(n, 0));
  const Dims out = n.out_dims();
  if (file.dims.size() > out.size()) return Refuse("fewer dimensions than its operand");
  Dims in(out.size() - file.dims.size(), 1);
  in.insert(in.end(), file.dims.begin(), file.dims.end());
  Longs times;
  for (size_t i = 0; i < out.size(); ++i) times.push_back(out[i] / in[i]);
  return l.Set(n, 0, l.p.Apply("tile", {{"x", {l.Reshape(file, in)}}, {"reps", {l.p.Ints(times)}}}, file.type, out));
}

Status Reverse(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  OCTET_ASSIGN(const Longs axes, n.Constants(1));
  return l.Set(n, 0, l.p.Apply("reverse", {{"x", {x}}, {"axes", {l.p.Ints(axes)}}}, x.type, x.dims));
}

Status Blocks(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0, Form::kImage));
  if (x.type == Type::kI32 || x.type == Type::kBool) return Refuse("it moves floats only");
  return l.Set(n, 0, l.p.Apply(n.op(), {{"x", {x}}, {"block_size", {l.p.Int(n.Int("block_size"))}}}, x.type, l.OutDims(n, Form::kImage)), Form::kImage);
}

Status ResizeBilinear(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0, Form::kImage));
  const Dims out = l.OutDims(n, Form::kImage);
  const bool corners = n.Int("align_corners") != 0, centers = n.Int("half_pixel_centers") != 0;
  if (corners && centers) return Refuse("how it samples");
  const char* const mode = corners ? "STRICT_ALIGN_CORNERS" : centers ? "UNALIGN_CORNERS" : "DEFAULT";
  return l.Set(n, 0,
               l.p.Apply("resize_bilinear",
                         {{"x", {x}}, {"target_size_height", {l.p.Int(out[2])}}, {"target_size_width", {l.p.Int(out[3])}}, {"sampling_mode", {l.p.Text(mode)}}},
                         x.type, out),
               Form::kImage);
}

// By whole factors every convention agrees, but for aligned corners.
Status ResizeNearest(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0, Form::kImage));
  const Dims out = l.OutDims(n, Form::kImage);
  if (n.Int("align_corners") || out[2] % x.dims[2] != 0 || out[3] % x.dims[3] != 0) return Refuse("how it samples: only whole factors");
  if (x.type == Type::kI32 || x.type == Type::kBool) return Refuse("it moves floats only");
  return l.Set(
      n, 0,
      l.p.Apply("upsample_nearest_neighbor",
                {{"x", {x}}, {"scale_factor_height", {l.p.Int(out[2] / x.dims[2])}}, {"scale_factor_width", {l.p.Int(out[3] / x.dims[3])}}}, x.type, out),
      Form::kImage);
}

constexpr Entry kEntries[] = {
    {"reshape", Reshape}, {"squeeze", Reshape}, {"expand_dims", Reshape}, {"transpose", Transpose}, {"concatenation", Concatenation}, {"pack", Pack},
    {"unpack", Unpack}, {"split", Split}, {"split_v", SplitV}, {"slice", Slice}, {"strided_slice", StridedSlice}, {"pad", Pad}, {"padv2", Padv2},
    {"mirror_pad", MirrorPad}, {"gather", GatherAxis}, {"embedding_lookup", EmbeddingLookup}, {"tile", TileTo}, {"broadcast_to", TileTo},
    {"reverse_v2", Reverse}, {"depth_to_space", Blocks}, {"space_to_depth", Blocks}, {"resize_bilinear", ResizeBilinear},
    {"resize_nearest_neighbor", ResizeNearest},
};

}  // namespace

std::span<const Entry> MoveEntries() { return kEntries; }

}  // namespace octet::coreml
