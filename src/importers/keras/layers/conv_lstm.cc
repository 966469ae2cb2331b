// SPDX-License-Identifier: Apache-2.0
// ConvLSTM1D, 2D and 3D, as a loop, or step by step where other recurrent layers are: an LSTM whose products are convolutions. Sequences of
// vectors are images of height 1.
//   i,f,o = sigma(W*x + U*h + b), g = phi(...);  c' = f*c + i*g;  h' = o * phi(c')
#include <algorithm>
#include <numeric>

#include "importers/keras/builder.h"
#include "importers/keras/layers/cell.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/loop.h"
#include "importers/lowerings/recurrence.h"
#include "importers/lowerings/scalars.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::keras {
namespace {

struct Window {
  int32_t stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};  // Of depth (in volumes), height and width.
  bool valid = false;
};

class ConvLstm {
 public:
  ConvLstm(LayerContext& c, int rank) : c_(c), rank_(rank) {}

  Status Convert() {
    OCTET_TRY(Load());
    OCTET_ASSIGN(const Value x, MoveChannels(c_.Input(0), 2, true));
    const Shape in = c_.shape(x);
    std::vector<int32_t> flat = {-1};
    if (rank_ == 1) flat.push_back(1);
    for (int i = 2; i < in.rank(); ++i) flat.push_back(in[i]);
    if (in.rank() != rank_ + 3 || in[1] == 0)
      return c_.Fail(Format("[batch, time, %s channels]", rank_ == 1 ? "length," : rank_ == 2 ? "height, width," : "depth, height, width,"), in.text(),
                     "give the input's shape");
    OCTET_TRY(TakeStates());
    const bool known = in[1] != kUnknown && std::count(flat.begin() + 1, flat.end(), kUnknown) == 0;
    if (!known || !IsWrittenOut(in[1], 1, c_.Bool("unroll", false) || c_.builder().unroll())) return ConvertInLoop(x);
    steps_ = in[1];
    OCTET_ASSIGN(const Value images, c_.Make("reshape", {x, c_.Vector(flat)}));
    OCTET_ASSIGN(const Value all, Convolve(images, kernel_, bias_, window_));
    const Shape out = c_.shape(all);
    std::vector<int32_t> unfolded(out.dims().begin(), out.dims().end());
    unfolded[0] = -1;
    unfolded.insert(unfolded.begin() + 1, steps_);
    OCTET_ASSIGN(const Value apart, c_.Make("reshape", {all, c_.Vector(unfolded)}));
    OCTET_ASSIGN(const std::vector<Value> inputs, c_.MakeMany("unpack", {apart}, {{"num", steps_}, {"axis", 1}}, steps_));
    std::vector<Value> outputs;
    for (int32_t i = 0; i < steps_; ++i) {
      OCTET_TRY(Step(inputs[static_cast<size_t>(backwards_ ? steps_ - 1 - i : i)]));
      outputs.push_back(h_);
    }
    Value sequence;
    if (sequences_) {
      OCTET_ASSIGN(sequence, c_.Make("pack", outputs, {{"values_count", steps_}, {"axis", 1}}));
    }
    return Finish(sequence);
  }

 private:
  Status Load() {
    const Json& config = *c_.layer().config;
    if (config["stateful"].boolean()) return c_.Fail("stateful=False", "True", "");
    filters_ = static_cast<int32_t>(c_.Int("filters", 0));
    backwards_ = c_.Bool("go_backwards", false);
    sequences_ = c_.Bool("return_sequences", false);
    const std::string padding = c_.Text("padding", "valid");
    if (padding != "valid" && padding != "same") return c_.Fail("padding valid or same", padding, "");
    window_.valid = padding == "valid";
    const std::vector<int64_t> strides = c_.Ints("strides", {1}), dilations = c_.Ints("dilation_rate", {1});
    for (int i = 0; i < rank_; ++i) {
      const auto axis = static_cast<size_t>(3 - rank_ + i), at = static_cast<size_t>(i);
      window_.stride[axis] = static_cast<int32_t>(strides[std::min(at, strides.size() - 1)]);
      window_.dilation[axis] = static_cast<int32_t>(dilations[std::min(at, dilations.size() - 1)]);
    }
    Weights& weights = c_.builder().weights();
    OCTET_ASSIGN(const std::vector<std::string> paths, weights.Datasets(weights.Inside(c_.variables(), "cell", 0, 3)));
    const bool has_bias = c_.Bool("use_bias", true);
    if (paths.size() < 2u + has_bias) return Error(Code::kInvalidModel, "ConvLSTM '%s': variables are missing", c_.place().c_str());
    OCTET_ASSIGN(const Value kernel, c_.builder().FloatVariable(paths[0], "kernel", c_));
    OCTET_ASSIGN(const Value recurrent, c_.builder().FloatVariable(paths[1], "recurrent_kernel", c_));
    OCTET_ASSIGN(kernel_, Filter(kernel));
    OCTET_ASSIGN(recurrent_, Filter(recurrent));
    std::vector<float> bias(static_cast<size_t>(filters_) * 4, 0.0f);
    zero_ = c_.Constant<float>(Shape{4 * filters_}, bias);
    if (has_bias) {
      OCTET_ASSIGN(const Value stored, c_.builder().FloatVariable(paths[2], "bias", c_));
      const std::span<const float> from = c_.data_as<float>(stored);
      if (from.size() != bias.size()) return Error(Code::kInvalidModel, "ConvLSTM '%s': its bias does not fit", c_.place().c_str());
      for (size_t i = 0; i < bias.size(); ++i) bias[i] = from[static_cast<size_t>(Stored(static_cast<int64_t>(i)))];
    }
    bias_ = c_.Constant<float>(Shape{4 * filters_}, bias);
    return {};
  }

  // Keras stores i, f, g, o; here the three gates lie side by side: i, f, o, g.
  int64_t Stored(int64_t output) const {
    const int64_t gate = output / filters_, order[] = {0, 1, 3, 2};
    return order[gate] * filters_ + output % filters_;
  }

  // [h, w, in, 4 filters] (without h for rank 1) -> [4 filters, h, w, in]; of volumes [d, h, w, in, 4 filters] as it is.
  Result<Value> Filter(Value v) {
    const Shape s = c_.shape(v);
    const std::span<const float> from = c_.data_as<float>(v);
    const int64_t outputs = 4 * int64_t{filters_};
    if (s.rank() != rank_ + 2 || filters_ < 1 || s.back() != outputs || from.empty())
      return Error(Code::kInvalidModel, "ConvLSTM '%s': its kernel %s does not fit", c_.place().c_str(), s.text().c_str());
    const auto taps = static_cast<int64_t>(from.size()) / outputs;
    std::vector<float> to;
    to.reserve(from.size());
    if (rank_ == 3) {
      for (int64_t t = 0; t < taps; ++t)
        for (int64_t o = 0; o < outputs; ++o) to.push_back(from[static_cast<size_t>(t * outputs + Stored(o))]);
      return c_.Constant<float>(s, to);
    }
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t t = 0; t < taps; ++t) to.push_back(from[static_cast<size_t>(t * outputs + Stored(o))]);
    return c_.Constant<float>(Shape{4 * filters_, rank_ == 1 ? 1 : s[0], s[rank_ - 1], s[rank_]}, to);
  }

  Result<Value> Convolve(Value x, Value filter, Value bias, const Window& w) {
    const auto padding = static_cast<int64_t>(w.valid ? ops::Padding::kValid : ops::Padding::kSame);
    if (rank_ == 3) {
      return c_.Make("conv_3d", {x, filter, bias},
                     {{"padding", padding}, {"stride_d", w.stride[0]}, {"stride_h", w.stride[1]}, {"stride_w", w.stride[2]},
                      {"dilation_d_factor", w.dilation[0]}, {"dilation_h_factor", w.dilation[1]}, {"dilation_w_factor", w.dilation[2]}});
    }
    return c_.Make("conv_2d", {x, filter, bias},
                   {{"padding", padding}, {"stride_h", w.stride[1]}, {"stride_w", w.stride[2]},
                    {"dilation_h_factor", w.dilation[1]}, {"dilation_w_factor", w.dilation[2]}});
  }

  Status Step(Value gates) {
    const Json& config = *c_.layer().config;
    if (h_) {
      OCTET_ASSIGN(const Value product, Convolve(h_, recurrent_, zero_, Window{}));
      OCTET_ASSIGN(gates, c_.Make("add", {gates, product}));
    }
    const int32_t last = rank_ == 3 ? 4 : 3;
    const Value axis = c_.Constant<int32_t>(Shape{}, std::span(&last, 1));
    OCTET_ASSIGN(const std::vector<Value> parts, c_.MakeMany("split_v", {gates, c_.Vector({3 * filters_, filters_}), axis}, {{"num_splits", 2}}, 2));
    OCTET_ASSIGN(const Value opened, c_.ApplyActivation(parts[0], config["recurrent_activation"]));
    OCTET_ASSIGN(const std::vector<Value> ifo, c_.MakeMany("split", {axis, opened}, {{"num_splits", 3}}, 3));
    OCTET_ASSIGN(const Value g, c_.ApplyActivation(parts[1], config["activation"]));
    OCTET_ASSIGN(Value cell, c_.Make("mul", {ifo[0], g}));
    if (cell_) {
      OCTET_ASSIGN(const Value kept, c_.Make("mul", {ifo[1], cell_}));
      OCTET_ASSIGN(cell, c_.Make("add", {kept, cell}));
    }
    cell_ = cell;
    OCTET_ASSIGN(const Value shown, c_.ApplyActivation(cell, config["activation"]));
    OCTET_ASSIGN(h_, c_.Make("mul", {ifo[2], shown}));
    return {};
  }

  Status TakeStates() {
    std::vector<Value> states = InitialStates(c_);
    if (states.empty()) return {};
    if (states.size() != 2) return c_.Fail("two initial states", std::to_string(states.size()), "give the output's and the cell's");
    for (Value& v : states) {
      if (!v || c_.rank(v) != rank_ + 2) return c_.Fail(Format("initial states of rank %d", rank_ + 2), v ? c_.shape(v).text() : "no tensor", "");
      OCTET_ASSIGN(v, MoveChannels(v, 1, true));
      if (rank_ > 1) continue;
      OCTET_ASSIGN(v, c_.Make("expand_dims", {v, ScalarInt(c_, 1)}));
    }
    h_ = states[0], cell_ = states[1];
    return {};
  }

  // What the gates of a step get from its image.
  Result<Value> Projected(Value x, Value step) {
    if (backwards_) {
      OCTET_ASSIGN(const Value count, ops::DimensionOf(c_, x, 1));
      OCTET_ASSIGN(step, c_.Make("sub", {count, step}));
      OCTET_ASSIGN(step, c_.Make("sub", {step, ScalarInt(c_, 1)}));
    }
    OCTET_ASSIGN(Value image, c_.Make("gather", {x, step}, {{"axis", 1}}));
    if (rank_ == 1) {
      OCTET_ASSIGN(image, c_.Make("expand_dims", {image, ScalarInt(c_, 1)}));
    }
    return Convolve(image, kernel_, bias_, window_);
  }

  // The output so far at all steps.
  Result<Value> EmptySequence(Value x) {
    OCTET_ASSIGN(const Value count, ops::DimensionOf(c_, x, 1));
    std::vector<Value> times(static_cast<size_t>(c_.rank(h_)) + 1, ScalarInt(c_, 1));
    times[1] = count;
    OCTET_ASSIGN(const Value multiples, c_.Make("pack", times, {{"values_count", static_cast<int64_t>(times.size())}, {"axis", 0}}));
    OCTET_ASSIGN(const Value one, c_.Make("expand_dims", {h_, ScalarInt(c_, 1)}));
    OCTET_ASSIGN(const Value all, c_.Make("tile", {one, multiples}));
    Shape shape{c_.shape(h_)[0], c_.shape(x)[1]};
    for (int i = 1; i < c_.rank(h_); ++i) shape.push_back(c_.shape(h_)[i]);
    c_.construction().Refine(all, {DType::kF32, shape, {}});  // Its rank is no operator's to tell.
    return all;
  }

  // The weights belong to the loop's body from here on.
  void MoveWeights() {
    Construction& k = c_.construction();
    for (Value* w : {&kernel_, &recurrent_, &bias_, &zero_}) {
      const graph::Tensor& t = k.around().tensor(w->id);
      *w = {k.graph().AddConstant(k.UniqueName(t.name), t.type, t.constant)};
    }
  }

  // Over what is carried: the step's number, all images, the states, the sequence so far. A step without states before it is made before the loop.
  Status ConvertInLoop(Value x) {
    const bool begun = static_cast<bool>(h_);
    if (!begun) {
      OCTET_ASSIGN(const Value first, Projected(x, ScalarInt(c_, 0)));
      OCTET_TRY(Step(first));
    }
    Carried start = {ScalarInt(c_, begun ? 0 : 1), x, h_, cell_};
    if (sequences_) {
      OCTET_ASSIGN(const Value sequence, EmptySequence(x));
      start.push_back(sequence);
    }
    const auto more = [&](const Carried& v) -> Result<Value> {
      OCTET_ASSIGN(const Value count, ops::DimensionOf(c_, v[1], 1));
      return c_.Make("less", {v[0], count});
    };
    const auto step = [&](const Carried& v) -> Result<Carried> {
      MoveWeights();
      h_ = v[2], cell_ = v[3];
      OCTET_ASSIGN(const Value gates, Projected(v[1], v[0]));
      OCTET_TRY(Step(gates));
      OCTET_ASSIGN(const Value next, c_.Make("add", {v[0], ScalarInt(c_, 1)}));
      Carried out = {next, v[1], h_, cell_};
      if (!sequences_) return out;
      std::vector<Value> corner(static_cast<size_t>(c_.rank(v[4])), ScalarInt(c_, 0));
      corner[1] = v[0];
      OCTET_ASSIGN(const Value at, c_.Make("pack", corner, {{"values_count", static_cast<int64_t>(corner.size())}, {"axis", 0}}));
      OCTET_ASSIGN(const Value shown, c_.Make("expand_dims", {h_, ScalarInt(c_, 1)}));
      OCTET_ASSIGN(const Value sequence, c_.Make("dynamic_update_slice", {v[4], shown, at}));
      out.push_back(sequence);
      return out;
    };
    OCTET_ASSIGN(const Carried y, Loop(c_, start, more, step));
    h_ = y[2], cell_ = y[3];
    return Finish(sequences_ ? y[4] : Value{});
  }

  // Channels behind `before` axes to the last place, or back, where the layer has them there.
  Result<Value> MoveChannels(Value v, int before, bool to_last) {
    if (c_.Text("data_format", "channels_last") != "channels_first" || c_.rank(v) <= before) return v;
    std::vector<int32_t> order(static_cast<size_t>(c_.rank(v)));
    std::iota(order.begin(), order.end(), 0);
    if (to_last) std::rotate(order.begin() + before, order.begin() + before + 1, order.end());
    else std::rotate(order.begin() + before, order.end() - 1, order.end());
    return c_.Make("transpose", {v, c_.Vector(order)});
  }

  // Of rank 1 without the height.
  Result<Value> Shown(Value v, bool sequence) {
    const int before = sequence ? 2 : 1;
    if (rank_ == 1) {
      OCTET_ASSIGN(v, c_.Make("squeeze", {v}, {{"squeeze_dims", std::vector<int32_t>{before}}}));
    }
    return MoveChannels(v, before, false);
  }

  Status Finish(Value sequence) {
    OCTET_ASSIGN(const Value y, Shown(sequences_ ? sequence : h_, sequences_));
    c_.SetOutput(0, y);
    if (!c_.Bool("return_state", false)) return {};
    OCTET_ASSIGN(const Value h, Shown(h_, false));
    OCTET_ASSIGN(const Value cell, Shown(cell_, false));
    c_.SetOutput(1, h);
    c_.SetOutput(2, cell);
    return {};
  }

  LayerContext& c_;
  const int rank_;
  Window window_;
  bool backwards_ = false, sequences_ = false;
  int32_t filters_ = 0, steps_ = 0;
  Value kernel_, recurrent_, bias_, zero_, h_, cell_;
};

Status Convert(LayerContext& c, int rank) {
  OCTET_ASSIGN(const Value mask, c.Mask());
  if (mask) return c.Fail("no mask", "a mask", "remove the Masking layer");
  return ConvLstm(c, rank).Convert();
}
Status ConvertConvLstm1D(LayerContext& c) { return Convert(c, 1); }
Status ConvertConvLstm2D(LayerContext& c) { return Convert(c, 2); }
Status ConvertConvLstm3D(LayerContext& c) { return Convert(c, 3); }

constexpr LayerRule kRules[] = {{"ConvLSTM1D", ConvertConvLstm1D}, {"ConvLSTM2D", ConvertConvLstm2D}, {"ConvLSTM3D", ConvertConvLstm3D}};

}  // namespace

const std::span<const LayerRule> kConvLstmRules = kRules;

}  // namespace octet::importers::keras
