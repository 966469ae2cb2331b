// SPDX-License-Identifier: Apache-2.0
// octet fleet init|token|ingest|report|serve: the central side of telemetry (docs/fleet.md).
#include <csignal>
#include <cstdio>

#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "fleet/collector.h"
#include "fleet/pages.h"
#include "fleet/report.h"
#include "fleet/schema.h"

namespace octet::cli {
namespace {

constexpr char kDatabaseHelp[] = "Connection string or URL of the database; without it PGHOST, PGDATABASE and PGUSER count";

// Blocks the signals that ask for an end in all threads that come after; Wait returns when one arrives.
class StopSignal {
 public:
  StopSignal() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void Wait() {
    int which = 0;
    sigwait(&set_, &which);
  }

 private:
  sigset_t set_;
};

Result<uint16_t> Port(int port) {
  if (port < 0 || port > 65535) return Error(Code::kInvalidArgument, "--port %d: expected 0 (any free one) to 65535", port);
  return static_cast<uint16_t>(port);
}

struct InitFlags {
  std::string database;
};

Result<int> Init(const InitFlags& f) {
  OCTET_ASSIGN(fleet::Database database, fleet::Database::Connect(f.database));
  OCTET_ASSIGN(const std::vector<std::string> done, fleet::Migrate(database));
  for (const std::string& name : done) Print(stdout, "migration %s\n", name.c_str());
  Print(stdout, "the fleet's schema is at version %d\n", fleet::Migrations().back().version);
  return kYes;
}

struct TokenFlags {
  std::string database, device, role;
  bool revoke = false;
};

Result<int> Token(const TokenFlags& f) {
  OCTET_ASSIGN(fleet::Database database, fleet::Database::Connect(f.database));
  OCTET_TRY(fleet::CheckSchema(database));
  if (f.revoke) {
    OCTET_TRY(fleet::RevokeTokens(database, f.device));
    return kYes;
  }
  if (!f.role.empty()) {
    OCTET_TRY(fleet::BindRole(database, f.device, f.role));
    return kYes;
  }
  OCTET_ASSIGN(const std::string token, fleet::NewToken(database, f.device));
  Print(stdout, "%s\n", token.c_str());
  return kYes;
}

struct IngestFlags {
  fleet::CollectorOptions options;
  int port = 8088;
};

Result<int> Ingest(IngestFlags f) {
  if (f.options.cert_file.empty() != f.options.key_file.empty()) return Error(Code::kInvalidArgument, "give both --cert and --key, or none");
  OCTET_ASSIGN(f.options.port, Port(f.port));
  if (f.options.connections < 1 || f.options.connections > 64)
    return Error(Code::kInvalidArgument, "--connections %d: expected 1 to 64", f.options.connections);
  StopSignal stop;
  OCTET_ASSIGN(const std::unique_ptr<fleet::Collector> collector, fleet::Collector::Start(f.options));
  Print(stdout, "octet fleet ingest: %s port %u\n", f.options.cert_file.empty() ? "http" : "https", collector->port());
  std::fflush(stdout);
  stop.Wait();
  collector->Stop();
  return kYes;
}

struct ServeFlags {
  fleet::PagesOptions options;
  int port = 8089;
};

Result<int> Serve(ServeFlags f) {
  if (f.options.cert_file.empty() != f.options.key_file.empty()) return Error(Code::kInvalidArgument, "give both --cert and --key, or none");
  OCTET_ASSIGN(f.options.port, Port(f.port));
  StopSignal stop;
  OCTET_ASSIGN(const std::unique_ptr<fleet::Pages> pages, fleet::Pages::Start(f.options));
  Print(stdout, "octet fleet serve: %s://%s:%u/\n", f.options.cert_file.empty() ? "http" : "https", f.options.address.c_str(), pages->port());
  std::fflush(stdout);
  stop.Wait();
  pages->Stop();
  return kYes;
}

struct ReportFlags {
  std::string database, model, tolerance = "5%", html;
  bool json = false;
};

Result<int> Report(const ReportFlags& f) {
  fleet::ReportOptions options;
  options.model = f.model;
  char* end = nullptr;
  options.compare.tolerance = std::strtod(f.tolerance.c_str(), &end) / 100;
  if (end == f.tolerance.c_str() || (*end != '\0' && std::string_view(end) != "%") || !(options.compare.tolerance >= 0 && options.compare.tolerance < 10))
    return Error(Code::kInvalidArgument, "--tolerance %s: expected a percentage, such as 5%%", f.tolerance.c_str());
  if (!f.html.empty()) OCTET_TRY(CheckWritable(f.html));
  OCTET_ASSIGN(fleet::Database database, fleet::Database::Connect(f.database));
  OCTET_TRY(fleet::CheckSchema(database));
  OCTET_ASSIGN(const fleet::FleetReport report, fleet::MakeReport(database, options));
  if (!f.html.empty()) OCTET_TRY(WriteFile(f.html, fleet::HtmlOf(report)));
  Print(stdout, "%s\n", (f.json ? fleet::JsonOf(report) : fleet::TextOf(report)).c_str());
  return report.regressed() ? kNo : kYes;
}

}  // namespace

Body DeclareFleetInit(FlagSet& flags) {
  auto f = std::make_shared<InitFlags>();
  flags.Option("--database", &f->database, kDatabaseHelp, false);
  return [f] { return Init(*f); };
}

Body DeclareFleetToken(FlagSet& flags) {
  auto f = std::make_shared<TokenFlags>();
  flags.Positional("device", &f->device, "The device's name: 16 to 64 hex digits (its salted hash)");
  flags.Option("--database", &f->database, kDatabaseHelp, false);
  flags.Option("--role", &f->role, "Bind this database role to the device instead, for uploads straight to PostgreSQL", false);
  flags.Flag("--revoke", &f->revoke, "Take back all tokens of the device");
  return [f] { return Token(*f); };
}

Body DeclareFleetIngest(FlagSet& flags) {
  auto f = std::make_shared<IngestFlags>();
  flags.Option("--database", &f->options.database, kDatabaseHelp, false);
  flags.Option("--address", &f->options.address, "Address to listen on", false);
  flags.Option("--port", &f->port, "Port to listen on; 0: any that is free, printed");
  flags.Option("--cert", &f->options.cert_file, "Certificate chain, PEM: TLS", false);
  flags.Option("--key", &f->options.key_file, "Private key, PEM", false);
  flags.Option("--connections", &f->options.connections, "Connections to the database that merge records");
  return [f] { return Ingest(*f); };
}

Body DeclareFleetReport(FlagSet& flags) {
  auto f = std::make_shared<ReportFlags>();
  flags.Option("--database", &f->database, kDatabaseHelp, false);
  flags.Option("--model", &f->model, "Only this model", false);
  flags.Option("--tolerance", &f->tolerance, "How much slower still counts as the same", false);
  flags.Option("--html", &f->html, "Write the report as a page", false);
  flags.Flag("--json", &f->json, "The report as JSON");
  return [f] { return Report(*f); };
}

Body DeclareFleetServe(FlagSet& flags) {
  auto f = std::make_shared<ServeFlags>();
  flags.Option("--database", &f->options.database, kDatabaseHelp, false);
  flags.Option("--address", &f->options.address, "Address to listen on", false);
  flags.Option("--port", &f->port, "Port to listen on; 0: any that is free, printed");
  flags.Option("--cert", &f->options.cert_file, "Certificate chain, PEM: TLS", false);
  flags.Option("--key", &f->options.key_file, "Private key, PEM", false);
  return [f] { return Serve(*f); };
}

}  // namespace octet::cli
