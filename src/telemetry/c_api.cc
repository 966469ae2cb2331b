// SPDX-License-Identifier: Apache-2.0
// The C interface of telemetry (octet/telemetry.h).
#include "octet/telemetry.h"

#include <algorithm>
#include <cstring>

#include "telemetry/telemetry.h"

namespace telemetry = octet::telemetry;

struct OctetTelemetry {
  telemetry::Telemetry telemetry;
};

static_assert(OCTET_STAGE_FIRST == static_cast<int>(telemetry::Stage::kFirst));
static_assert(OCTET_COUNT_LOST_FRAME == static_cast<int>(telemetry::Count::kLostFrames));

namespace {

std::string Text(const char* s) { return s ? s : ""; }

// Numbers come from the caller: others than those handed out are the overflow's.
int32_t Valid(int32_t id) { return std::max(0, id); }

octet::Result<telemetry::Config> ReadForCollector(const std::string& path) {
  OCTET_ASSIGN(telemetry::Config config, telemetry::ReadConfig(path));
  if (config.direct)
    return octet::Error(octet::Code::kUnsupported, "'%s': 'endpoint': this library uploads to a collector (http, https), not into a database", path.c_str());
  return config;
}

telemetry::Recorder& RecorderOf(OctetTelemetry* t) { return t->telemetry.recorder(); }

}  // namespace

OctetTelemetry* octet_telemetry_open(const char* config_path, OctetError* error) {
  auto config = ReadForCollector(Text(config_path));
  if (error) {
    *error = {};
    error->code = config.ok() ? OCTET_OK : static_cast<OctetCode>(config.error().code());
    if (!config.ok()) std::strncpy(error->text, config.error().message().c_str(), sizeof(error->text) - 1);
  }
  if (!config.ok()) return nullptr;
  return new OctetTelemetry{{std::move(*config), [](const std::string&) {}}};
}

void octet_telemetry_close(OctetTelemetry* t) { delete t; }

int32_t octet_telemetry_series(OctetTelemetry* t, const OctetTelemetryKey* key) {
  if (!t || !key) return 0;
  OctetTelemetryKey k = {};
  std::memcpy(&k, key, std::min(key->struct_size, sizeof(k)));
  telemetry::Key to;
  to.model = Text(k.model);
  to.version = Text(k.version);
  to.sha256 = Text(k.sha256);
  to.precision = Text(k.precision);
  to.delegate = Text(k.delegate);
  to.runtime = Text(k.runtime);
  to.build = Text(k.build);
  to.threads = k.threads;
  to.nodes = k.nodes;
  to.delegated = k.delegated;
  to.partitions = k.partitions;
  to.arena_kb = k.arena_bytes >> 10;
  return RecorderOf(t).Open(to);
}

int32_t octet_telemetry_name(OctetTelemetry* t, const char* text) { return t ? RecorderOf(t).Name(Text(text)) : 0; }

void octet_telemetry_inference(OctetTelemetry* t, int32_t series, const uint64_t ns[5]) {
  if (t && ns) RecorderOf(t).Inference(Valid(series), {ns[0], ns[1], ns[2], ns[3], ns[4]});
}
void octet_telemetry_stage(OctetTelemetry* t, int32_t series, OctetTelemetryStage stage, uint64_t ns) {
  if (t && stage >= 0 && stage < telemetry::kStages) RecorderOf(t).StageTime(Valid(series), static_cast<telemetry::Stage>(stage), ns);
}
void octet_telemetry_operator(OctetTelemetry* t, int32_t series, int32_t op_name, uint64_t ns) {
  if (t) RecorderOf(t).OperatorTime(Valid(series), Valid(op_name), ns);
}
void octet_telemetry_error(OctetTelemetry* t, int32_t series, int32_t code_name) {
  if (t) RecorderOf(t).Error(Valid(series), Valid(code_name));
}
void octet_telemetry_count(OctetTelemetry* t, int32_t series, OctetTelemetryCount count) {
  if (t && count >= 0 && count <= OCTET_COUNT_LOST_FRAME) RecorderOf(t).Add(Valid(series), static_cast<telemetry::Count>(count));
}
void octet_telemetry_fallback(OctetTelemetry* t, int32_t series, int32_t op_name, int32_t reason_name) {
  if (t) RecorderOf(t).Fallback(Valid(series), Valid(op_name), Valid(reason_name));
}

uint64_t octet_telemetry_lost(const OctetTelemetry* t) { return t ? t->telemetry.lost_events() : 0; }
void octet_telemetry_flush(OctetTelemetry* t) {
  if (t) t->telemetry.Flush();
}
