// SPDX-License-Identifier: Apache-2.0
// What a device says of itself and of its inferences, and how that becomes a line (docs/telemetry.md).
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "telemetry/histogram.h"

namespace octet::telemetry {

enum class Stage : uint8_t { kQueue, kCopyIn, kInvoke, kCopyOut, kTotal, kLoad, kPrepare, kFirst };
inline constexpr int kStages = 8;
inline constexpr std::array<std::string_view, kStages> kStageNames = {"queue", "copy_in", "invoke", "copy_out", "total", "load", "prepare", "first"};

struct Hardware {
  std::string model, soc, arch, os, kernel, cpu, driver;
  int64_t mem_mb = 0;
};

// What stays the same as long as a model is loaded.
struct Key {
  std::string model, version, sha256, precision, delegate, runtime, build;
  int threads = 1, nodes = 0, delegated = 0, partitions = 0;
  int64_t arena_kb = 0;  // A gauge; here because it is the model's.
};

// What changes meanwhile; part of the key, too.
struct State {
  int thermal = -1;
  std::string power;
  auto operator<=>(const State&) const = default;
};

struct Gauges {
  int64_t rss_kb = -1, limit_kb = -1, temp_c = -1, freq_pct = -1, battery_pct = -1;
};

// One key's minute.
struct Window {
  static constexpr size_t kMaxOperators = 64, kMaxErrors = 16, kMaxFallbacks = 32;

  std::array<Histogram, kStages> lat;
  std::map<std::string, Histogram, std::less<>> ops;
  uint64_t ok = 0, deadline_miss = 0, shadow = 0, shadow_mismatch = 0, lost_frames = 0;
  std::map<std::string, uint64_t, std::less<>> errors;
  std::map<std::pair<std::string, std::string>, uint64_t> fallback;  // Operator, reason.
};

struct Times {
  int64_t start_us = 0, end_us = 0, mono_us = 0;
};

// The line from "start_us" on; the spool writes what identifies it before. `key` null: the overflow record.
std::string EncodeBody(const Times& times, const Hardware& hardware, const Key* key, const State& state, const Window& window, const Gauges& gauges);

// As a JSON text in quotes: at most 128 bytes, whole characters.
void AppendQuoted(std::string_view text, std::string* out);

}  // namespace octet::telemetry
