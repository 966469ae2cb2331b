// SPDX-License-Identifier: Apache-2.0
#include "serve/telemetry_sink.h"

namespace octet::serve {

static_assert(kStageNames[0] == telemetry::kStageNames[0] && kStageNames[4] == telemetry::kStageNames[4], "the first stages are the same");

void TelemetrySink::Attach(ServedModel& model) {
  const ModelFacts& facts = model.facts();
  telemetry::Key key;
  key.model = model.config().name;
  key.version = model.config().version;
  key.sha256 = model.sha256();
  key.precision = facts.precision;
  key.delegate = model.config().delegate;
  key.runtime = runtime_;
  key.threads = model.config().threads;
  key.nodes = facts.nodes;
  key.arena_kb = static_cast<int64_t>(facts.arena_bytes >> 10);
  model.log().series = recorder_.Open(key);
  model.log().sink = this;
  recorder_.StageTime(model.log().series, telemetry::Stage::kLoad, facts.load_ns);
  recorder_.StageTime(model.log().series, telemetry::Stage::kPrepare, facts.prepare_ns);
  recorder_.StageTime(model.log().series, telemetry::Stage::kFirst, facts.first_ns);
}

telemetry::NameId TelemetrySink::Name(std::string_view text) {
  {
    std::shared_lock lock(mutex_);
    if (const auto found = names_.find(text); found != names_.end()) return found->second;
  }
  const telemetry::NameId id = recorder_.Name(text);
  std::unique_lock lock(mutex_);
  names_.emplace(text, id);
  return id;
}

}  // namespace octet::serve
