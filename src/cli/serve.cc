// SPDX-License-Identifier: Apache-2.0
// octet serve NAME=MODEL...: the Open Inference Protocol over HTTP until a signal ends it.
#include <csignal>
#include <cstdio>
#include <ctime>

#include "cli/command.h"
#include "cli/output.h"
#include "serve/model_spec.h"
#include "serve/service.h"
#include "serve/telemetry_sink.h"
#include "serve/tokens.h"
#include "telemetry/telemetry.h"
#ifdef OCTET_FLEET
#include "fleet/direct_upload.h"
#endif

namespace octet::cli {
namespace {

struct Flags {
  std::vector<std::string> models;
  std::string host = "127.0.0.1", cert, key, tokens, telemetry;
  int port = 8000, max_body_mb = 64, max_connections = 512, grace_s = 30;
  serve::ModelConfig defaults;
};

void Say(const std::string& line) {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc);
  Print(stderr, "%s octet serve: %s\n", stamp, line.c_str());
}

Result<serve::HttpOptions> ToHttpOptions(const Flags& f) {
  if (f.port < 0 || f.port > 65535) return Error(Code::kInvalidArgument, "--port: expected 0 to 65535, found %d", f.port);
  if (f.max_body_mb < 1 || f.max_body_mb > 1 << 20)
    return Error(Code::kInvalidArgument, "--max-body: expected 1 to 1048576 megabytes, found %d", f.max_body_mb);
  if (f.max_connections < 1 || f.max_connections > 100'000)
    return Error(Code::kInvalidArgument, "--max-connections: expected 1 to 100000, found %d", f.max_connections);
  if (f.grace_s < 0 || f.grace_s > 3600) return Error(Code::kInvalidArgument, "--grace: expected 0 to 3600 seconds, found %d", f.grace_s);
  serve::HttpOptions o;
  o.address = f.host;
  o.port = static_cast<uint16_t>(f.port);
  o.cert_file = f.cert;
  o.key_file = f.key;
  o.max_body_bytes = static_cast<size_t>(f.max_body_mb) << 20;
  o.max_buffered_bytes = std::max(o.max_buffered_bytes, 2 * o.max_body_bytes);
  o.max_connections = f.max_connections;
  o.io_threads = 2;  // One parses a large request while the other serves.
  o.open_paths = {"/v2/health/live", "/v2/health/ready"};
  if (!f.tokens.empty()) {
    OCTET_ASSIGN(o.authorize, serve::TokensFromFile(f.tokens));
  }
  return o;
}

// The signals of this command, blocked in every thread and waited for here.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int s : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set_, s);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  // The signal, or 0 after a second.
  int Wait() const {
    const timespec second{1, 0};
    const int s = ::sigtimedwait(&set_, nullptr, &second);
    return s > 0 ? s : 0;
  }

 private:
  sigset_t set_;
};

// Empty: the collector, over HTTP.
Result<telemetry::Send> WayTo(const telemetry::Config& config) {
  if (!config.direct) return telemetry::Send();
#ifdef OCTET_FLEET
  return fleet::DirectUpload(config.endpoint);
#else
  return Error(Code::kUnsupported, "telemetry: this octet was built without PostgreSQL's client (OCTET_FLEET); upload to a collector instead");
#endif
}

Result<int> Serve(const Flags& f) {
  const Signals signals;  // Before any thread starts.
  OCTET_ASSIGN(const serve::HttpOptions options, ToHttpOptions(f));
  std::unique_ptr<telemetry::Telemetry> telemetry;  // Outlives the models that write to it.
  std::unique_ptr<serve::TelemetrySink> sink;
  if (!f.telemetry.empty()) {
    OCTET_ASSIGN(telemetry::Config config, telemetry::ReadConfig(f.telemetry));
    Say(std::string("telemetry goes to ") + (config.direct ? "PostgreSQL" : config.endpoint) + " as device " + config.device);
    OCTET_ASSIGN(telemetry::Send send, WayTo(config));
    telemetry = std::make_unique<telemetry::Telemetry>(std::move(config), Say, std::move(send));
    sink = std::make_unique<serve::TelemetrySink>(&telemetry->recorder(), telemetry->config().operator_sampling, OCTET_VERSION);
  }
  serve::Repository repository(
      [&](serve::ServedModel& model) {
        if (sink) sink->Attach(model);
      },
      Say);
  for (const std::string& text : f.models) {
    OCTET_ASSIGN(const serve::ModelConfig config, serve::ParseModelSpec(text, f.defaults));
    OCTET_TRY(repository.Add(config));
  }
  serve::HttpServer server(options);
  serve::AddInferenceRoutes(&server, &repository, OCTET_VERSION);
  OCTET_TRY(server.Start());
  Say(Format("listening on %s://%s:%u", f.cert.empty() ? "http" : "https", f.host.c_str(), server.port()));
  int signal = 0;
  while (signal != SIGTERM && signal != SIGINT) {
    signal = signals.Wait();
    if (signal == 0 || signal == SIGHUP) repository.Poll(signal == SIGHUP);
  }
  Say("stopping");
  server.Stop(std::chrono::seconds(f.grace_s));
  repository.DrainAll();
  return kYes;
}

}  // namespace

Body DeclareServe(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("models", &f->models,
                   "NAME[:VERSION]=MODEL[,key=value…]; keys: threads, instances, queue, batch, wait_us, shadow, signature, delegate, memory_mb");
  flags.Option("--address", &f->host, "IP address to listen on; 0.0.0.0 for all", false);
  flags.Option("--port", &f->port, "Port; 0 for any that is free");
  flags.Option("--cert", &f->cert, "TLS: the certificate chain (PEM)", false);
  flags.Option("--key", &f->key, "TLS: its private key (PEM)", false);
  flags.Option("--tokens", &f->tokens, "File of bearer tokens, one a line; without it everybody may ask", false);
  flags.Option("--telemetry", &f->telemetry, "Configuration (JSON) that switches telemetry on; docs/telemetry.md", false);
  flags.Option("--threads", &f->defaults.threads, "Threads of each interpreter, where the model does not say", 1);
  flags.Option("--instances", &f->defaults.instances, "Interpreters of each model that run at the same time", 1);
  flags.Option("--queue", &f->defaults.queue, "Requests of each model that may wait; more are refused with 429");
  flags.Option("--max-body", &f->max_body_mb, "Largest body of a request in megabytes");
  flags.Option("--max-connections", &f->max_connections, "Connections at the same time");
  flags.Option("--grace", &f->grace_s, "Seconds that running requests get when it is told to stop");
  return [f] { return Serve(*f); };
}

}  // namespace octet::cli
