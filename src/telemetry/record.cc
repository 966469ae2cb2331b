// SPDX-License-Identifier: Apache-2.0
#include "telemetry/record.h"

#include "base/utf8.h"

namespace octet::telemetry {
namespace {

constexpr size_t kMaxText = 128;

// Writes the fields of one object; commas where they belong.
class Object {
 public:
  Object(std::string* out, std::string_view key) : out_(*out) {
    if (!key.empty()) {
      if (out_.back() != '{') out_ += ',';
      AppendQuoted(key, &out_);
      out_ += ':';
    }
    out_ += '{';
  }
  ~Object() { out_ += '}'; }
  std::string* Field(std::string_view key) {
    if (out_.back() != '{') out_ += ',';
    AppendQuoted(key, &out_);
    out_ += ':';
    return &out_;
  }
  void Text(std::string_view key, std::string_view value) { AppendQuoted(value, Field(key)); }
  void Number(std::string_view key, int64_t value) { *Field(key) += std::to_string(value); }
  void Count(std::string_view key, uint64_t value) {
    if (value > 0) *Field(key) += std::to_string(value);
  }

 private:
  std::string& out_;
};

void EncodeHardware(const Hardware& h, std::string* out) {
  Object o(out, "hardware");
  o.Text("model", h.model);
  o.Text("soc", h.soc);
  o.Text("arch", h.arch);
  o.Text("os", h.os);
  o.Text("kernel", h.kernel);
  o.Text("cpu", h.cpu);
  o.Text("driver", h.driver);
  o.Number("mem_mb", h.mem_mb);
}

void EncodeKey(const Key* key, const State& state, std::string* out) {
  Object o(out, "key");
  if (!key) {
    *o.Field("overflow") += "true";
    return;
  }
  o.Text("model", key->model);
  o.Text("version", key->version);
  o.Text("sha256", key->sha256);
  o.Text("precision", key->precision);
  o.Text("delegate", key->delegate);
  o.Number("threads", key->threads);
  o.Number("thermal", state.thermal);
  o.Text("power", state.power);
  o.Text("runtime", key->runtime);
  o.Text("build", key->build);
  o.Number("nodes", key->nodes);
  o.Number("delegated", key->delegated);
  o.Number("partitions", key->partitions);
}

void EncodeCounts(const Window& w, std::string* out) {
  {
    Object o(out, "count");
    o.Count("ok", w.ok);
    o.Count("deadline_miss", w.deadline_miss);
    o.Count("shadow", w.shadow);
    o.Count("shadow_mismatch", w.shadow_mismatch);
    o.Count("lost_frames", w.lost_frames);
  }
  if (!w.errors.empty()) {
    Object o(out, "errors");
    for (const auto& [code, n] : w.errors) o.Count(code, n);
  }
  if (w.fallback.empty()) return;
  *out += ",\"fallback\":[";
  for (const auto& [what, n] : w.fallback) {
    *out += out->back() == '[' ? "[" : ",[";
    AppendQuoted(what.first, out);
    *out += ',';
    AppendQuoted(what.second, out);
    *out += ',' + std::to_string(n) + ']';
  }
  *out += ']';
}

void EncodeGauges(const Gauges& g, int64_t arena_kb, std::string* out) {
  Object o(out, "gauge");
  const auto known = [&](std::string_view key, int64_t value) {
    if (value >= 0) o.Number(key, value);
  };
  known("rss_kb", g.rss_kb);
  known("limit_kb", g.limit_kb);
  known("arena_kb", arena_kb);
  known("temp_c", g.temp_c);
  known("freq_pct", g.freq_pct);
  known("battery_pct", g.battery_pct);
}

}  // namespace

void AppendQuoted(std::string_view text, std::string* out) {
  *out += '"';
  for (size_t at = 0; at < text.size();) {
    const size_t n = Utf8Length(text.substr(at));
    if (at + n > kMaxText) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (n == 0 || c < 0x20) *out += '?';
    else if (c == '"' || c == '\\') (*out += '\\') += static_cast<char>(c);
    else out->append(text.substr(at, n));
    at += n == 0 ? 1 : n;
  }
  *out += '"';
}

std::string EncodeBody(const Times& t, const Hardware& hardware, const Key* key, const State& state, const Window& w, const Gauges& gauges) {
  std::string out = "\"start_us\":" + std::to_string(t.start_us) + ",\"end_us\":" + std::to_string(t.end_us) + ",\"mono_us\":" + std::to_string(t.mono_us);
  EncodeHardware(hardware, &out);
  EncodeKey(key, state, &out);
  {
    Object o(&out, "lat");
    for (size_t s = 0; s < kStages; ++s)
      if (w.lat[s].count() > 0) w.lat[s].AppendJson(o.Field(kStageNames[s]));
  }
  if (!w.ops.empty()) {
    Object o(&out, "ops");
    for (const auto& [op, histogram] : w.ops) histogram.AppendJson(o.Field(op));
  }
  EncodeCounts(w, &out);
  EncodeGauges(gauges, key ? key->arena_kb : -1, &out);
  return out + "}";
}

}  // namespace octet::telemetry
