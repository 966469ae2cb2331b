// SPDX-License-Identifier: Apache-2.0
#include "data/preprocess.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace octet::data {
namespace {

constexpr int32_t kMostPixels = 1 << 14;  // Per side.

Status Bad(std::string_view item) {
  return Error(Code::kInvalidArgument, "--preprocess: cannot read '%.*s'; expected scale=1/255,mean=0.5:0.5:0.5,std=0.2,resize=HxW,crop=HxW,color=gray|rgb",
               static_cast<int>(item.size()), item.data());
}

bool Number(std::string_view text, double* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(*value);
}

// "0.5", "1/255", several by ':'.
bool Numbers(std::string_view text, std::vector<double>* out) {
  while (!text.empty()) {
    const size_t colon = std::min(text.find(':'), text.size());
    const std::string_view one = text.substr(0, colon);
    const size_t slash = one.find('/');
    double a = 0, b = 1;
    if (!Number(one.substr(0, slash), &a) || (slash != std::string_view::npos && !Number(one.substr(slash + 1), &b)) || b == 0) return false;
    out->push_back(a / b);
    text.remove_prefix(std::min(colon + 1, text.size()));
  }
  return !out->empty();
}

bool Size(std::string_view text, int32_t* height, int32_t* width) {
  const size_t by = std::min(text.find('x'), text.size());
  double h = 0, w = 0;
  if (!Number(text.substr(0, by), &h) || !Number(by < text.size() ? text.substr(by + 1) : text, &w)) return false;
  *height = static_cast<int32_t>(std::clamp(h, 0.0, 1e9));
  *width = static_cast<int32_t>(std::clamp(w, 0.0, 1e9));
  return *height > 0 && *width > 0 && *height <= kMostPixels && *width <= kMostPixels;
}

std::string Joined(const std::vector<double>& values) {
  std::string text;
  for (double v : values) {
    char shortest[32];
    text += (text.empty() ? "" : ":") + std::string(shortest, std::to_chars(shortest, shortest + sizeof shortest, v).ptr);
  }
  return text;
}

// Where output position i reads from, and how much of the next one.
struct Tap {
  int32_t low, high;
  float share;
};
Tap TapAt(int32_t i, int32_t from, int32_t to) {
  const float at = (static_cast<float>(i) + 0.5f) * static_cast<float>(from) / static_cast<float>(to) - 0.5f, low = std::floor(at);
  const auto k = static_cast<int32_t>(low);
  return {std::clamp(k, 0, from - 1), std::clamp(k + 1, 0, from - 1), at - low};
}

void Resize(std::vector<float>* values, Shape* shape, int32_t height, int32_t width) {
  const int32_t h = (*shape)[0], w = (*shape)[1], c = (*shape)[2];
  if (h == height && w == width) return;
  std::vector<float> out(static_cast<size_t>(height) * static_cast<size_t>(width) * static_cast<size_t>(c));
  const auto at = [&](int32_t y, int32_t x, int32_t k) {
    return (*values)[(static_cast<size_t>(y) * static_cast<size_t>(w) + static_cast<size_t>(x)) * static_cast<size_t>(c) + static_cast<size_t>(k)];
  };
  size_t next = 0;
  for (int32_t y = 0; y < height; ++y) {
    const Tap v = TapAt(y, h, height);
    for (int32_t x = 0; x < width; ++x) {
      const Tap u = TapAt(x, w, width);
      for (int32_t k = 0; k < c; ++k) {
        const float top = at(v.low, u.low, k) + (at(v.low, u.high, k) - at(v.low, u.low, k)) * u.share;
        const float bottom = at(v.high, u.low, k) + (at(v.high, u.high, k) - at(v.high, u.low, k)) * u.share;
        out[next++] = top + (bottom - top) * v.share;
      }
    }
  }
  *values = std::move(out);
  *shape = Shape{height, width, c};
}

Status Crop(std::vector<float>* values, Shape* shape, int32_t height, int32_t width) {
  const int32_t h = (*shape)[0], w = (*shape)[1], c = (*shape)[2];
  if (height > h || width > w) return Error(Code::kInvalidArgument, "a crop of %dx%d out of %dx%d pixels", height, width, h, w);
  std::vector<float> out;
  const int32_t top = (h - height) / 2, left = (w - width) / 2;
  for (int32_t y = top; y < top + height; ++y) {
    const auto row = values->begin() + (static_cast<ptrdiff_t>(y) * w + left) * c;
    out.insert(out.end(), row, row + static_cast<ptrdiff_t>(width) * c);
  }
  *values = std::move(out);
  *shape = Shape{height, width, c};
  return {};
}

}  // namespace

Result<Preprocess> ParsePreprocess(std::string_view text) {
  Preprocess p;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    const size_t equals = std::min(item.find('='), item.size());
    const std::string_view key = item.substr(0, equals), value = equals < item.size() ? item.substr(equals + 1) : std::string_view();
    bool ok = false;
    if (key == "scale") ok = Numbers(value, &p.scale);
    if (key == "mean") ok = Numbers(value, &p.mean);
    if (key == "std") ok = Numbers(value, &p.std) && std::ranges::find(p.std, 0.0) == p.std.end();
    if (key == "resize") ok = Size(value, &p.resize_height, &p.resize_width);
    if (key == "crop") ok = Size(value, &p.crop_height, &p.crop_width);
    if (key == "color") {
      ok = value == "gray" || value == "rgb";
      p.channels = value == "gray" ? 1 : 3;
    }
    if (!ok) return Bad(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return p;
}

std::string Text(const Preprocess& p) {
  std::vector<std::string> items;
  if (!p.scale.empty()) items.push_back("scale=" + Joined(p.scale));
  if (!p.mean.empty()) items.push_back("mean=" + Joined(p.mean));
  if (!p.std.empty()) items.push_back("std=" + Joined(p.std));
  if (p.resize_height > 0) items.push_back(Format("resize=%dx%d", p.resize_height, p.resize_width));
  if (p.crop_height > 0) items.push_back(Format("crop=%dx%d", p.crop_height, p.crop_width));
  if (p.channels > 0) items.push_back(p.channels == 1 ? "color=gray" : "color=rgb");
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

Status Apply(const Preprocess& p, std::vector<float>* values, Shape* shape) {
  const bool image = shape->rank() == 3;
  if ((p.resize_height > 0 || p.crop_height > 0) && !image)
    return Error(Code::kInvalidArgument, "only images [height, width, channels] can be resized or cropped, found %s", shape->text().c_str());
  if (p.resize_height > 0) Resize(values, shape, p.resize_height, p.resize_width);
  if (p.crop_height > 0) OCTET_TRY(Crop(values, shape, p.crop_height, p.crop_width));
  const size_t channels = static_cast<size_t>(shape->back());
  for (const std::vector<double>* list : {&p.scale, &p.mean, &p.std})
    if (list->size() > 1 && list->size() != channels)
      return Error(Code::kInvalidArgument, "%zu values of scale, mean or std for %zu channels", list->size(), channels);
  const auto value = [](const std::vector<double>& list, size_t channel, double otherwise) {
    return list.empty() ? otherwise : list[list.size() > 1 ? channel : 0];
  };
  for (size_t i = 0; i < values->size(); ++i) {
    const size_t c = i % channels;
    (*values)[i] = static_cast<float>((static_cast<double>((*values)[i]) * value(p.scale, c, 1) - value(p.mean, c, 0)) / value(p.std, c, 1));
  }
  return {};
}

}  // namespace octet::data
