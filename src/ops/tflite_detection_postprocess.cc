// SPDX-License-Identifier: Apache-2.0
// TFLite_Detection_PostProcess (custom): boxes from their encodings relative to anchors, then non-maximum suppression:
// fast (each box by its best class) or regular (class by class, the best of all are kept).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/flexbuffer_util.h"
#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::tflite_detection_postprocess {
namespace {

constexpr Operand kInputs[] = {{.name = "boxes"}, {.name = "scores"}, {.name = "anchors"}};
constexpr Operand kOutputs[] = {{.name = "boxes", .type = 'O'}, {.name = "classes", .type = 'O'}, {.name = "scores", .type = 'O'},
                                {.name = "count", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"T=f32|u8 O=f32"}};
constexpr int64_t kMostDetections = 1 << 20;

struct Options {
  int64_t detections, classes_per_detection, detections_per_class, classes;
  bool regular;
  float score_limit, overlap_limit, y, x, h, w;
};

Options OptionsOf(const OpView& op) {
  const FlexMap map(op.custom_options);
  const auto real = [&](std::string_view key) { return static_cast<float>(map.Number(key, 0)); };
  return {map.Int("max_detections", 0), map.Int("max_classes_per_detection", 0), map.Int("detections_per_class", 100), map.Int("num_classes", 0),
          map.Int("use_regular_nms", 0) != 0, real("nms_score_threshold"), real("nms_iou_threshold"),
          real("y_scale"), real("x_scale"), real("h_scale"), real("w_scale")};
}

Status Check(const OpView& op) {
  const Options o = OptionsOf(op);
  const Shape &boxes = op.in(0)->shape, &scores = op.in(1)->shape, &anchors = op.in(2)->shape;
  if (o.detections < 0 || o.classes_per_detection < 1 || o.detections_per_class < 1 || o.detections > kMostDetections ||
      o.classes_per_detection > kMostDetections || o.detections * o.classes_per_detection > kMostDetections)
    return op.Fail(Code::kInvalidModel, "%lld detections of %lld classes", static_cast<long long>(o.detections),
                   static_cast<long long>(o.classes_per_detection));
  if (!(o.overlap_limit > 0 && o.overlap_limit <= 1)) return op.Fail(Code::kInvalidModel, "nms_iou_threshold is %g", static_cast<double>(o.overlap_limit));
  if (boxes.rank() != 3 || scores.rank() != 3 || anchors.rank() != 2)
    return op.Fail(Code::kInvalidModel, "expected boxes [1,n,4], scores [1,n,classes], anchors [n,4], found %s, %s and %s",
                   boxes.text().c_str(), scores.text().c_str(), anchors.text().c_str());
  if (!boxes.known() || !scores.known() || !anchors.known()) return {};
  if (boxes[0] != 1 || scores[0] != 1 || boxes[2] < 4 || anchors[1] != 4 || scores[1] != boxes[1] || anchors[0] != boxes[1] || o.classes < 1 ||
      scores[2] < o.classes || scores[2] > o.classes + 1)
    return op.Fail(Code::kInvalidModel, "boxes %s, scores %s, anchors %s for %lld classes", boxes.text().c_str(), scores.text().c_str(), anchors.text().c_str(),
                   static_cast<long long>(o.classes));
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Options o = OptionsOf(op);
  const auto n = static_cast<int32_t>(o.detections * o.classes_per_detection);
  out[0] = {DType::kF32, {1, n, 4}};
  out[1] = {DType::kF32, {1, n}};
  out[2] = {DType::kF32, {1, n}};
  out[3] = {DType::kF32, {1}};
  return {};
}

struct Box {
  float y0, x0, y1, x1;
};
struct Kept {  // In the list of the regular way.
  float score;
  int32_t box, label;
};
struct Scaled {
  float scale, zero;
};
struct Params {
  Options o;
  int64_t boxes, encoding, columns, first;  // first: 1 where column 0 is the background.
  bool quantized;
  Scaled quant[3];
};
// Parts of the workspace.
struct Work {
  Box* boxes;
  float* scores;
  float* values;
  int32_t* order;
  int32_t* labels;
  uint8_t* active;
  int32_t* chosen;
  Kept* kept;
};

template <class T> T* Cut(uintptr_t* at, int64_t n) {
  T* part = reinterpret_cast<T*>(*at);
  *at += (static_cast<size_t>(n) * sizeof(T) + 15) / 16 * 16;
  return part;
}

Work Divide(const Params& p, std::byte* base, size_t* bytes) {
  auto at = reinterpret_cast<uintptr_t>(base);  // An integer: prepare divides nothing, to know the size.
  Work w{};
  w.boxes = Cut<Box>(&at, p.boxes);
  w.scores = Cut<float>(&at, p.boxes * p.columns);
  w.values = Cut<float>(&at, p.boxes);
  w.order = Cut<int32_t>(&at, p.boxes);
  w.labels = Cut<int32_t>(&at, p.boxes * p.o.classes);
  w.active = Cut<uint8_t>(&at, p.boxes);
  w.chosen = Cut<int32_t>(&at, p.boxes);
  w.kept = Cut<Kept>(&at, p.o.detections);
  if (bytes) *bytes = at - reinterpret_cast<uintptr_t>(base);
  return w;
}

float Value(const Params& p, const Run& run, int input, int64_t i) {
  if (!p.quantized) return run.input<float>(input)[i];
  return (static_cast<float>(run.input<uint8_t>(input)[i]) - p.quant[input].zero) * p.quant[input].scale;
}

bool Decode(const Params& p, const Run& run, Box* boxes) {
  bool valid = true;
  for (int64_t i = 0; i < p.boxes; ++i) {
    double code[4], anchor[4];
    for (int64_t k = 0; k < 4; ++k) {
      code[k] = static_cast<double>(Value(p, run, 0, i * p.encoding + k));
      anchor[k] = static_cast<double>(Value(p, run, 2, i * 4 + k));
    }
    const auto y = static_cast<float>(code[0] / static_cast<double>(p.o.y) * anchor[2] + anchor[0]);
    const auto x = static_cast<float>(code[1] / static_cast<double>(p.o.x) * anchor[3] + anchor[1]);
    const auto h = static_cast<float>(0.5 * std::exp(code[2] / static_cast<double>(p.o.h)) * anchor[2]);
    const auto w = static_cast<float>(0.5 * std::exp(code[3] / static_cast<double>(p.o.w)) * anchor[3]);
    boxes[i] = {y - h, x - w, y + h, x + w};
    valid = valid && !(boxes[i].y0 > boxes[i].y1) && !(boxes[i].x0 > boxes[i].x1);
  }
  return valid;
}

float Overlap(const Box& a, const Box& b) {
  const float area_a = (a.y1 - a.y0) * (a.x1 - a.x0), area_b = (b.y1 - b.y0) * (b.x1 - b.x0);
  if (area_a <= 0 || area_b <= 0) return 0;
  const float height = std::max(std::min(a.y1, b.y1) - std::max(a.y0, b.y0), 0.0f), width = std::max(std::min(a.x1, b.x1) - std::max(a.x0, b.x0), 0.0f);
  return height * width / (area_a + area_b - height * width);
}

// The boxes in order of their value, without those that overlap a better one. Writes to w.chosen.
int64_t Suppress(const Params& p, const Work& w, int64_t most) {
  int64_t n = 0, chosen = 0;
  for (int64_t i = 0; i < p.boxes; ++i)
    if (w.values[i] >= p.o.score_limit) w.order[n++] = static_cast<int32_t>(i);
  // Of equal ones the first comes first.
  std::sort(w.order, w.order + n, [&](int32_t a, int32_t b) { return w.values[a] != w.values[b] ? w.values[a] > w.values[b] : a < b; });
  std::fill_n(w.active, n, uint8_t{1});
  for (int64_t i = 0; i < n && chosen < most; ++i) {
    if (!w.active[i]) continue;
    w.chosen[chosen++] = w.order[i];
    for (int64_t j = i + 1; j < n; ++j)
      if (w.active[j] && Overlap(w.boxes[w.order[i]], w.boxes[w.order[j]]) > p.o.overlap_limit) w.active[j] = 0;
  }
  return chosen;
}

void Put(const Run& run, int64_t at, const Box& box, float label, float score) {
  std::memcpy(run.output<float>(0) + 4 * at, &box, sizeof box);
  run.output<float>(1)[at] = label;
  run.output<float>(2)[at] = score;
}

int64_t Fast(const Params& p, const Work& w, const Run& run) {
  const int64_t per_box = std::min(p.o.classes_per_detection, p.o.classes);
  for (int64_t i = 0; i < p.boxes; ++i) {
    const float* scores = w.scores + i * p.columns + p.first;
    int32_t* labels = w.labels + i * p.o.classes;
    for (int64_t c = 0; c < p.o.classes; ++c) labels[c] = static_cast<int32_t>(c);
    // Of one class the first of equal ones; of several the standard library's order, as in LiteRT.
    if (per_box == 1) labels[0] = static_cast<int32_t>(std::max_element(scores, scores + p.o.classes) - scores);
    else std::partial_sort(labels, labels + per_box, labels + p.o.classes, [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
    w.values[i] = scores[labels[0]];
  }
  const int64_t chosen = Suppress(p, w, p.o.detections);
  for (int64_t i = 0; i < chosen; ++i) {
    const int32_t box = w.chosen[i];
    for (int64_t c = 0; c < per_box; ++c) {
      const int32_t label = w.labels[box * p.o.classes + c];
      Put(run, i * p.o.classes_per_detection + c, w.boxes[box], static_cast<float>(label), w.scores[box * p.columns + p.first + label]);
    }
  }
  return chosen;
}

int64_t Regular(const Params& p, const Work& w, const Run& run) {
  int64_t kept = 0;
  for (int64_t c = 0; c < p.o.classes; ++c) {
    for (int64_t i = 0; i < p.boxes; ++i) w.values[i] = w.scores[i * p.columns + p.first + c];
    const int64_t chosen = Suppress(p, w, p.o.detections_per_class);
    for (int64_t i = 0; i < chosen; ++i) {  // Sorted by score; of equal ones the earlier class comes first.
      const Kept next = {w.values[w.chosen[i]], w.chosen[i], static_cast<int32_t>(c)};
      Kept* at = std::upper_bound(w.kept, w.kept + kept, next, [](const Kept& a, const Kept& b) { return a.score > b.score; });
      if (at == w.kept + p.o.detections) break;  // The rest of this class is worse still.
      kept = std::min(kept + 1, p.o.detections);
      std::move_backward(at, w.kept + kept - 1, w.kept + kept);
      *at = next;
    }
  }
  for (int64_t i = 0; i < kept; ++i) Put(run, i, w.boxes[w.kept[i].box], static_cast<float>(w.kept[i].label), w.kept[i].score);
  return kept;
}

Status Process(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Work w = Divide(p, run.workspace, nullptr);
  if (!Decode(p, run, w.boxes)) return Error(Code::kInvalidArgument, "tflite_detection_postprocess: a box ends before it begins");
  for (int64_t i = 0; i < p.boxes * p.columns; ++i) w.scores[i] = Value(p, run, 1, i);
  const int64_t rows = p.o.detections * p.o.classes_per_detection;
  for (int64_t i = 0; i < rows; ++i) Put(run, i, {}, 0, 0);
  *run.output<float>(3) = static_cast<float>(p.o.regular ? Regular(p, w, run) : Fast(p, w, run));
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  const Shape &boxes = p.op.in(0)->shape, &scores = p.op.in(1)->shape;
  const Options o = OptionsOf(p.op);
  *params = {o, boxes[1], boxes[2], scores[2], scores[2] - o.classes, p.op.in(0)->dtype == DType::kU8, {}};
  for (int i = 0; i < 3; ++i) params->quant[i] = {p.op.in(i)->quant.scale0(), static_cast<float>(p.op.in(i)->quant.zero0())};
  size_t bytes = 0;
  Divide(*params, nullptr, &bytes);
  p.Workspace(bytes);
  p.SetRun(Process, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "tflite_detection_postprocess", .code = BuiltinCode::kCustom, .custom_name = "TFLite_Detection_PostProcess",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::tflite_detection_postprocess
