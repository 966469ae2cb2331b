// SPDX-License-Identifier: Apache-2.0
// Own, because what there is to say is a page of lines over counters that exist anyway. Labels are names from the command line,
// never of devices or clients, so their number is bounded.
#include "serve/metrics.h"

#include <sys/resource.h>

namespace octet::serve {
namespace {

using Models = std::vector<std::shared_ptr<ServedModel>>;

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string Labels(const ServedModel& m) { return "model=\"" + Escaped(m.config().name) + "\",version=\"" + Escaped(m.config().version) + "\""; }

void Head(const char* name, const char* type, const char* help, std::string* out) { *out += Format("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type); }

void Line(const std::string& name, const std::string& labels, double value, std::string* out) {
  *out += name + (labels.empty() ? "" : "{" + labels + "}") + Format(" %.17g\n", value);
}

template <class F> void PerModel(const char* name, const char* type, const char* help, const Models& models, const F& value, std::string* out) {
  Head(name, type, help, out);
  for (const auto& m : models) Line(name, Labels(*m), static_cast<double>(value(*m)), out);
}

void Requests(const Models& models, std::string* out) {
  const char* name = "octet_requests_total";
  Head(name, "counter", "Inference requests by how they ended.", out);
  for (const auto& m : models) {
    InferenceLog& log = m->log();
    const std::string labels = Labels(*m);
    Line(name, labels + ",result=\"ok\"", static_cast<double>(log.ok), out);
    Line(name, labels + ",result=\"failed\"", static_cast<double>(log.failed), out);
    Line(name, labels + ",result=\"rejected\"", static_cast<double>(log.rejected), out);
    Line(name, labels + ",result=\"expired\"", static_cast<double>(log.expired), out);
  }
}

void Shadows(const Models& models, std::string* out) {
  const char* name = "octet_shadow_checks_total";
  Head(name, "counter", "Inferences repeated on the reference kernels, by what came out.", out);
  for (const auto& m : models) {
    Line(name, Labels(*m) + ",result=\"same\"", static_cast<double>(m->log().shadow_same), out);
    Line(name, Labels(*m) + ",result=\"different\"", static_cast<double>(m->log().shadow_other), out);
  }
}

void Latencies(const Models& models, std::string* out) {
  const std::string name = "octet_inference_seconds";
  Head(name.c_str(), "histogram", "Time of a request's stages.", out);
  for (const auto& m : models) {
    for (size_t s = 0; s < kStages; ++s) {
      const LatencyBuckets& buckets = m->log().stages[s];
      const std::string labels = Labels(*m) + ",stage=\"" + std::string(kStageNames[s]) + "\"";
      uint64_t sum = 0;
      for (int i = 0; i < LatencyBuckets::kCount; ++i) {
        sum += buckets.count(i);
        const std::string bound = i + 1 < LatencyBuckets::kCount ? Format("%.6g", static_cast<double>(LatencyBuckets::BoundNs(i)) * 1e-9) : "+Inf";
        Line(name + "_bucket", labels + ",le=\"" + bound + "\"", static_cast<double>(sum), out);
      }
      Line(name + "_sum", labels, static_cast<double>(buckets.sum_ns()) * 1e-9, out);
      Line(name + "_count", labels, static_cast<double>(sum), out);
    }
  }
}

void Http(const HttpStats& h, std::string* out) {
  Head("octet_http_requests_total", "counter", "Requests with complete headers.", out);
  Line("octet_http_requests_total", "", static_cast<double>(h.requests), out);
  Head("octet_http_connections", "gauge", "Open connections.", out);
  Line("octet_http_connections", "", static_cast<double>(h.open_connections), out);
  const char* name = "octet_http_refused_total";
  Head(name, "counter", "Requests and connections that no handler saw.", out);
  const auto refused = [&](const char* reason, uint64_t n) { Line(name, std::string("reason=\"") + reason + "\"", static_cast<double>(n), out); };
  refused("connections", h.refused_connections);
  refused("unauthorized", h.unauthorized);
  refused("too_large", h.too_large);
  refused("malformed", h.malformed);
  refused("timed_out", h.timed_out);
  refused("overloaded", h.overloaded);
}

}  // namespace

std::string MetricsText(const Repository& repository, const HttpStats& http) {
  std::string out;
  const Models models = repository.Models();
  Requests(models, &out);
  PerModel(
      "octet_executions_total", "counter", "Runs of the model; fewer than requests where they run in batches.", models,
      [](ServedModel& m) { return m.log().executions.load(); }, &out);
  PerModel("octet_queue_depth", "gauge", "Requests that wait for an interpreter.", models, [](ServedModel& m) { return m.waiting(); }, &out);
  PerModel("octet_requests_outside_metadata_total", "counter", "Requests, of those looked at, whose values are not what the model's metadata promise.", models,
           [](ServedModel& m) { return m.input_watch() ? m.input_watch()->outside() : 0; }, &out);
  PerModel("octet_model_instances", "gauge", "Interpreters.", models, [](ServedModel& m) { return m.config().instances; }, &out);
  Latencies(models, &out);
  Shadows(models, &out);
  Head("octet_model_reloads_total", "counter", "Models put in place of older ones.", &out);
  Line("octet_model_reloads_total", "", static_cast<double>(repository.reloads()), &out);
  Head("octet_model_failed_loads_total", "counter", "Files that did not load.", &out);
  Line("octet_model_failed_loads_total", "", static_cast<double>(repository.failed_reloads()), &out);
  Http(http, &out);
  struct rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  Head("process_max_resident_memory_bytes", "gauge", "Peak of the resident memory.", &out);
  Line("process_max_resident_memory_bytes", "", static_cast<double>(usage.ru_maxrss) * 1024, &out);
  return out;
}

}  // namespace octet::serve
