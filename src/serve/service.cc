// SPDX-License-Identifier: Apache-2.0
#include "serve/service.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "serve/infer_codec.h"
#include "serve/metrics.h"

namespace octet::serve {
namespace {

using nlohmann::json;

HttpResponse Json(const json& body) {
  HttpResponse response;
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return response;
}

HttpResponse Full(const ServedModel& model) {
  HttpResponse full = JsonError(429, Format("%d requests wait for model '%s'; try again later", model.config().queue, model.config().name.c_str()));
  full.headers.emplace_back("Retry-After", std::to_string(model.retry_after_seconds()));
  return full;
}

HttpResponse FromStatus(int status, const Status& error) { return JsonError(status, error.message()); }

// The client's mistakes and what does not fit into memory at the shape it asked for, or ours.
int HttpStatus(const Status& s) {
  switch (s.code()) {
    case Code::kInvalidArgument: return 400;
    case Code::kOutOfMemory: return 413;
    case Code::kCancelled: return 504;
    default: return 500;
  }
}

json Tensors(std::span<const TensorSpec> specs) {
  json list = json::array();
  for (const TensorSpec& s : specs)
    list.push_back({{"name", s.name}, {"datatype", WireType(s.dtype)}, {"shape", std::vector<int32_t>(s.shape.dims().begin(), s.shape.dims().end())}});
  return list;
}

// Triton's names of types and fields; without the batch's dimension where there is one.
json ConfigTensors(const ServedModel& m, std::span<const TensorSpec> specs) {
  json list = json::array();
  const size_t skip = m.config().max_batch > 1 ? 1 : 0;
  for (const TensorSpec& s : specs) {
    const std::string type = s.dtype == DType::kString ? "STRING" : std::string(WireType(s.dtype));
    list.push_back(
        {{"name", s.name},
         {"data_type", "TYPE_" + type},
         {"dims", std::vector<int32_t>(s.shape.dims().begin() + static_cast<int64_t>(std::min(skip, s.shape.dims().size())), s.shape.dims().end())}});
  }
  return list;
}

json Statistics(ServedModel& m) {
  InferenceLog& log = m.log();
  const auto stage = [&](Stage s) { return json{{"count", log.ok.load()}, {"ns", log.stages[static_cast<size_t>(s)].sum_ns()}}; };
  return {{"name", m.config().name},
          {"version", m.config().version},
          {"last_inference", log.last_ms.load()},
          {"inference_count", log.ok.load()},
          {"execution_count", log.executions.load()},
          {"inference_stats",
           {{"success", stage(Stage::kTotal)},
            {"fail", {{"count", log.failed.load()}, {"ns", 0}}},
            {"queue", stage(Stage::kQueue)},
            {"compute_input", stage(Stage::kCopyIn)},
            {"compute_infer", stage(Stage::kInvoke)},
            {"compute_output", stage(Stage::kCopyOut)}}}};
}

// What one inference request needs until its answer is written.
struct Call {
  HttpRequest http;
  InferRequest request;
  std::vector<int> wanted;
};

class Service {
 public:
  Service(Repository* repository, std::string version, HttpServer* server) : repository_(*repository), version_(std::move(version)), server_(*server) {}

  HttpResponse Metadata(const HttpRequest&) const {
    return Json({{"name", "octet"}, {"version", version_}, {"extensions", {"binary_tensor_data", "model_repository", "statistics", "model_configuration"}}});
  }
  HttpResponse Ready(const HttpRequest&) const {
    return repository_.AllReady() ? HttpResponse{} : JsonError(503, "not every model is loaded; see v2/repository/index");
  }

  // Calls f with the model that the route's parameters name.
  template <class F> HttpResponse With(const HttpRequest& r, const F& f) const {
    int status = 0;
    const auto model = repository_.Find(r.params[0], r.params.size() > 1 ? r.params[1] : "", &status);
    return model.ok() ? f(**model) : FromStatus(status, model.error());
  }
  HttpResponse ModelReady(const HttpRequest& r) const {
    return With(r, [](ServedModel&) { return HttpResponse{}; });
  }
  HttpResponse ModelMetadata(const HttpRequest& r) const {
    return With(r, [&](ServedModel& m) {
      return Json({{"name", m.config().name}, {"versions", repository_.Versions(m.config().name)}, {"platform", "tensorflowlite"}, {"inputs", Tensors(m.inputs())}, {"outputs", Tensors(m.outputs())},
                   {"parameters", {{"sha256", m.sha256()}, {"threads", m.config().threads}, {"instances", m.config().instances}, {"delegate", m.config().delegate}}}});
    });
  }
  HttpResponse ModelConfiguration(const HttpRequest& r) const {
    return With(r, [&](ServedModel& m) {
      json c = {{"name", m.config().name}, {"platform", "tensorflowlite"}, {"backend", "octet"},
                {"max_batch_size", m.config().max_batch > 1 ? m.config().max_batch : 0}};
      c["input"] = ConfigTensors(m, m.inputs());
      c["output"] = ConfigTensors(m, m.outputs());
      c["instance_group"] = json::array({{{"kind", "KIND_CPU"}, {"count", m.config().instances}}});
      return Json(c);
    });
  }
  HttpResponse ModelStatistics(const HttpRequest& r) const {
    return With(r, [](ServedModel& m) { return Json({{"model_stats", json::array({Statistics(m)})}}); });
  }
  HttpResponse AllStatistics(const HttpRequest&) const {
    json list = json::array();
    for (const auto& m : repository_.Models()) list.push_back(Statistics(*m));
    return Json({{"model_stats", list}});
  }
  HttpResponse Index(const HttpRequest& r) const {
    const json body = r.body.empty() ? json::object() : json::parse(r.body, nullptr, false);
    if (!body.is_object()) return JsonError(400, "expected a JSON object");
    const bool only_ready = body.contains("ready") && body["ready"].is_boolean() && body["ready"].get<bool>();
    json list = json::array();
    for (const ModelState& s : repository_.Index())
      if (s.ready || !only_ready)
        list.push_back({{"name", s.name}, {"version", s.version}, {"state", s.ready ? "READY" : "UNAVAILABLE"}, {"reason", s.reason}});
    return Json(list);
  }
  HttpResponse Load(const HttpRequest& r) const {
    const Status status = repository_.Load(r.params[0]);
    return status.ok() ? HttpResponse{} : FromStatus(400, status);
  }
  HttpResponse Unload(const HttpRequest& r) const {
    const Status status = repository_.Unload(r.params[0]);
    return status.ok() ? HttpResponse{} : FromStatus(400, status);
  }
  HttpResponse Metrics(const HttpRequest&) const {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = MetricsText(repository_, server_.stats());
    return response;
  }

  // Before the body is read: a model that is not there, or a queue without room.
  std::optional<HttpResponse> Admit(const HttpRequest& head) const {
    int status = 0;
    const auto model = repository_.Find(head.params[0], head.params.size() > 1 ? head.params[1] : "", &status);
    if (!model.ok()) return FromStatus(status, model.error());
    if ((*model)->waiting() < (*model)->config().queue) return std::nullopt;
    (*model)->log().Rejected();
    return Full(**model);
  }
  void Infer(HttpRequest http, const Reply& reply) const {
    auto call = std::make_shared<Call>();
    call->http = std::move(http);
    const Status read = Read(*call);
    if (!read.ok()) return reply(FromStatus(HttpStatus(read), read));
    // A model that was replaced between Find and Submit takes no more: the next one does.
    for (int tries = 0; tries < 3; ++tries) {
      int status = 0;
      const std::vector<std::string>& params = call->http.params;
      const auto model = repository_.Find(params[0], params.size() > 1 ? params[1] : "", &status);
      if (!model.ok()) return reply(FromStatus(status, model.error()));
      if (Submit(call, **model, reply)) return;
    }
    reply(JsonError(503, "the model is being replaced; try again"));
  }

 private:
  static Status Read(Call& call) {
    const std::string_view body = call.http.body, encoding = call.http.header("content-encoding");
    if (!encoding.empty() && encoding != "identity")
      return Error(Code::kInvalidArgument, "packed bodies are not taken: what a request may use of the memory is known before it is read");
    size_t json_bytes = body.size();
    if (const std::string_view length = call.http.header("inference-header-content-length"); !length.empty()) {
      const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), json_bytes);
      if (error != std::errc() || end != length.data() + length.size())
        return Error(Code::kInvalidArgument, "Inference-Header-Content-Length must be a number");
    }
    OCTET_ASSIGN(call.request, ParseInferRequest(body, json_bytes));
    return {};
  }

  // False when the model takes no more.
  static bool Submit(const std::shared_ptr<Call>& call, ServedModel& model, const Reply& reply) {
    auto inputs = BindInputs(call->request, model.inputs());
    auto wanted = BindOutputs(call->request, model.outputs());
    if (!inputs.ok() || !wanted.ok()) {
      model.log().Failed("input");
      const Status& error = !inputs.ok() ? inputs.error() : wanted.error();
      reply(FromStatus(HttpStatus(error), error));
      return true;
    }
    call->wanted = std::move(*wanted);
    Job job;
    job.inputs = std::move(*inputs);
    job.received = call->http.received;
    if (call->request.timeout_us > 0) job.deadline = job.received + std::chrono::microseconds(std::min<uint64_t>(call->request.timeout_us, 86'400'000'000));
    job.done = [call, reply, m = &model](const Status& status, const Outputs* outputs) {
      reply(outputs ? EncodeResponse(call->request, *m, call->wanted, *outputs) : FromStatus(HttpStatus(status), status));
    };
    const Submitted submitted = model.Submit(std::move(job));
    if (submitted == Submitted::kFull) reply(Full(model));
    return submitted != Submitted::kDraining;
  }

  Repository& repository_;
  std::string version_;
  HttpServer& server_;
};

}  // namespace

void AddInferenceRoutes(HttpServer* server, Repository* repository, const std::string& version) {
  const auto service = std::make_shared<Service>(repository, version, server);
  using Method = HttpResponse (Service::*)(const HttpRequest&) const;
  // Answers from memory, on the I/O thread.
  const auto quick = [&](std::string_view method, const std::string& pattern, Method f) {
    server->OnAsync(method, pattern, [service, f](const HttpRequest& r, const Reply& reply) { reply(((*service).*f)(r)); });
  };
  const auto per_version = [&](const std::string& tail, Method f) {
    quick("GET", "/v2/models/{}" + tail, f);
    quick("GET", "/v2/models/{}/versions/{}" + tail, f);
  };
  server->OnAsync("GET", "/v2/health/live", [](const HttpRequest&, const Reply& reply) { reply(HttpResponse{}); });
  quick("GET", "/v2/health/ready", &Service::Ready);
  quick("GET", "/v2", &Service::Metadata);
  quick("GET", "/v2/models/stats", &Service::AllStatistics);
  per_version("", &Service::ModelMetadata);
  per_version("/ready", &Service::ModelReady);
  per_version("/config", &Service::ModelConfiguration);
  per_version("/stats", &Service::ModelStatistics);
  quick("POST", "/v2/repository/index", &Service::Index);
  quick("GET", "/metrics", &Service::Metrics);
  server->On("POST", "/v2/repository/models/{}/load", [service](const HttpRequest& r) { return service->Load(r); });
  server->On("POST", "/v2/repository/models/{}/unload", [service](const HttpRequest& r) { return service->Unload(r); });
  for (const char* pattern : {"/v2/models/{}/infer", "/v2/models/{}/versions/{}/infer"})
    server->OnAsync(
        "POST", pattern, [service](HttpRequest r, const Reply& reply) { service->Infer(std::move(r), reply); },
        [service](const HttpRequest& head, uint64_t) { return service->Admit(head); });
}

}  // namespace octet::serve
