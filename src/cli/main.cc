// SPDX-License-Identifier: Apache-2.0
// The command line: the table of commands, and CLI11 behind cli/command.h.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/cpu.h"
#include "base/scratch_file.h"
#include "cli/command.h"
#include "cli/output.h"

namespace octet::cli {
namespace {

constexpr Command kCommands[] = {
    {"convert", "Turn a trained model into a .tflite file.",
     "octet convert model.keras -o model.tflite", DeclareConvert},
    {"check", "Say before conversion what will not convert or run, where, and what to write instead.",
     "octet check model.keras --json", DeclareCheck},
    {"quantize", "Make a smaller, faster model that keeps its accuracy.",
     "octet quantize model.keras --data calib.npz -o model_int8.tflite", DeclareQuantize},
    {"gate", "Compare a quantized model with its float model on the full holdout; exit 1 when it lost too much.",
     "octet gate model.tflite model_int8.tflite --data holdout.npz --max-drop 1%", DeclareGate},
    {"diagnose", "Name the layers that lose accuracy and why.",
     "octet diagnose model.tflite model_int8.tflite --data holdout.npz --report report.html", DeclareDiagnose},
    {"run", "Run a model on arrays from an .npz file.",
     "octet run model.tflite --in in.npz --out out.npz", DeclareRun},
    {"bench", "Measure latency, per operator with --profile.",
     "octet bench model.tflite --threads 2 --profile", DeclareBench},
    {"inspect", "Print everything that is in a .tflite file.",
     "octet inspect model.tflite --json", DeclareInspect},
    {"package", "Build the runtime that has these models' operators and no others.",
     "octet package model.tflite -o device/", DeclarePackage},
#ifdef OCTET_SERVE
    {"serve", "Serve models over HTTP: the Open Inference Protocol (KServe v2).",
     "octet serve detector=model.tflite,threads=2 --port 8000", DeclareServe},
#endif
#ifdef OCTET_FLEET
    {"fleet init", "Make or update the fleet's tables, functions and roles in a PostgreSQL database.",
     "octet fleet init --database postgresql://owner@db/fleet", DeclareFleetInit},
    {"fleet token", "Give a device a token for the collector, or take it back.",
     "octet fleet token 9f86d081884c7d65 --database postgresql://owner@db/fleet", DeclareFleetToken},
    {"fleet ingest", "Run the collector: devices upload their records over HTTP.",
     "octet fleet ingest --database postgresql://octet_ingest@db/fleet --port 8088", DeclareFleetIngest},
    {"fleet report", "Judge rollouts, rank bottlenecks, name throttled and silent devices; exit 1 when a rollout made something slower.",
     "octet fleet report --database postgresql://octet_reader@db/fleet --html fleet.html", DeclareFleetReport},
    {"fleet serve", "Show the fleet in a browser: overview, distributions, rollouts, devices, ranking.",
     "octet fleet serve --database postgresql://octet_reader@db/fleet --port 8089", DeclareFleetServe},
#endif
};

// What is required is checked by us, after what is unknown: "no such flag" helps more than "something is missing".
class Cli11Flags : public FlagSet {
 public:
  Cli11Flags(CLI::App* app, std::string_view name) : app_(app), name_(name) {}
  void Positional(std::string_view name, std::string* value, std::string_view help) override {
    Require(app_->add_option(std::string(name), *value, std::string(help))->check(given_), name);
  }
  void Positional(std::string_view name, std::vector<std::string>* value, std::string_view help, bool required) override {
    CLI::Option* option = app_->add_option(std::string(name), *value, std::string(help))->check(given_);
    if (required) Require(option, name);
  }
  void Option(std::string_view names, std::string* value, std::string_view help, bool required) override {
    CLI::Option* option = app_->add_option(std::string(names), *value, std::string(help) + (required ? " (required)" : ""))->check(given_);
    if (required) Require(option, names);
    else option->capture_default_str();
  }
  void Option(std::string_view names, int* value, std::string_view help, int least) override {
    const CLI::Validator range = CLI::Range(least, std::numeric_limits<int>::max()).description("");  // The help stays as it is.
    app_->add_option(std::string(names), *value, std::string(help))->check(range)->capture_default_str();
  }
  void Option(std::string_view names, std::vector<std::string>* values, std::string_view help) override {
    app_->add_option(std::string(names), *values, std::string(help))->expected(1)->take_all()->check(given_);
  }
  void Choice(std::string_view names, std::string* value, std::vector<std::string> choices, std::string_view help) override {
    app_->add_option(std::string(names), *value, std::string(help))->check(CLI::IsMember(std::move(choices)))->capture_default_str();
  }
  void Flag(std::string_view names, bool* value, std::string_view help) override {
    app_->add_flag(std::string(names), *value, std::string(help));
  }

  void Rest(std::vector<std::string>* arguments) override { rest_ = arguments; }

  Status Complete() const {
    const std::vector<std::string> unknown = app_->remaining();
    if (rest_) *rest_ = unknown;
    else if (!unknown.empty())
      return Error(Code::kInvalidArgument, "%s: unknown argument '%s'; see octet %s --help", name_.c_str(), unknown[0].c_str(), name_.c_str());
    for (const auto& [option, name] : required_)
      if (option->count() == 0) return Error(Code::kInvalidArgument, "%s: %s is required; see octet %s --help", name_.c_str(), name.c_str(), name_.c_str());
    return {};
  }

 private:
  void Require(CLI::Option* option, std::string_view name) { required_.emplace_back(option, name); }
  CLI::App* app_;
  // A variable of a script that is not set would choose a default in silence.
  CLI::Validator given_{[](std::string& value) { return value.empty() ? std::string("its value is empty") : std::string(); }, ""};
  std::vector<std::string>* rest_ = nullptr;
  std::string name_;
  std::vector<std::pair<CLI::Option*, std::string>> required_;
};

int Report(const Status& status) {
  Print(stderr, "octet: %s\n", status.message().c_str());
  return ExitCode(status);
}

// `group` is "fleet " or empty.
Status NoCommand(const std::string& group, const std::vector<std::string>& words) {
  std::string names;
  for (const Command& command : kCommands)
    if (command.name.starts_with(group)) names += (names.empty() ? " " : ", ") + std::string(command.name);
  const std::string what = words.empty() ? "give a command" : "there is no command '" + group + words[0] + "'";
  return Error(Code::kInvalidArgument, "%s; there are:%s", what.c_str(), names.c_str());
}

bool IsGroup(const std::string& name) {
  for (const Command& command : kCommands)
    if (command.name.starts_with(name + " ")) return true;
  return false;
}

CLI::App* AddCommand(CLI::App* app, const Command& command) {
  const size_t space = command.name.find(' ');
  if (space == std::string_view::npos) return app->add_subcommand(std::string(command.name), std::string(command.summary));
  const std::string group(command.name.substr(0, space));
  const std::vector<CLI::App*> there = app->get_subcommands([&group](CLI::App* sub) { return sub->get_name() == group; });
  CLI::App* parent = there.empty() ? nullptr : there[0];
  if (!parent) parent = app->add_subcommand(group, "Latency of a whole fleet in PostgreSQL: octet " + group + " --help")->allow_extras();
  return parent->add_subcommand(std::string(command.name.substr(space + 1)), std::string(command.summary));
}

// The runtime passes over a name it does not know; whoever compares instruction sets should not.
void WarnOfIsa() {
  const char* wanted = std::getenv("OCTET_ISA");
  const std::string used(Name(ThisCpu().isa));
  if (wanted && *wanted && used != wanted)
    Print(stderr, "octet: warning: OCTET_ISA=%s is no instruction set of this processor; %s is used\n", wanted, used.c_str());
}

// Where the caller closed a standard stream, the next file that is opened would be it. For reading: so what is printed there fails as it should.
void OpenStandardStreams() {
  int fd = ::open("/dev/null", O_RDONLY);
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDONLY);
  if (fd >= 0) ::close(fd);
}

// What a signal ends leaves no files behind.
void EndBySignal(int signal) {
  RemoveScratchFiles();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}
void CleanUpOnSignals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    if (std::signal(signal, EndBySignal) == SIG_IGN) std::signal(signal, SIG_IGN);  // As nohup wants it.
}

// A result that did not arrive is none.
int Flushed(int exit_code) {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return exit_code;
  const int told = Report(Error(Code::kIo, "cannot write to the standard output: %s", std::strerror(errno)));
  return exit_code == kYes ? told : exit_code;
}

int Main(int argc, char** argv) {
  CLI::App app{"octet: convert, quantize, prove and run models on the edge.", "octet"};
  app.allow_extras();
  app.set_version_flag("--version", OCTET_VERSION);
  int exit_code = kYes;
  WarnOfIsa();
  for (const Command& command : kCommands) {
    CLI::App* sub = AddCommand(&app, command);
    sub->allow_extras();
    sub->footer("Example:\n  " + std::string(command.example));
    auto flags = std::make_shared<Cli11Flags>(sub, command.name);
    sub->callback([flags, body = command.declare(*flags), &exit_code] {
      Status complete = flags->Complete();
      Result<int> result = complete.ok() ? body() : Result<int>(std::move(complete));
      exit_code = result.ok() ? *result : Report(result.error());
    });
  }
  app.failure_message([](const CLI::App*, const CLI::Error& error) { return "octet: " + std::string(error.what()) + "; see octet --help\n"; });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kYes : kBadInput;  // CLI11's own codes are above 100.
  }
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) return Report(NoCommand("", app.remaining()));
  if (IsGroup(chosen[0]->get_name()) && chosen[0]->get_subcommands().empty()) return Report(NoCommand(chosen[0]->get_name() + " ", chosen[0]->remaining()));
  return exit_code;
}

}  // namespace

std::span<const Command> Commands() { return kCommands; }

int ExitCode(const Status& status) {
  if (status.ok()) return kYes;
  if (status.code() == Code::kAccuracy) return kNo;
  return status.code() == Code::kUnsupported || status.code() == Code::kDelegate ? kUnsupported : kBadInput;
}

}  // namespace octet::cli

int main(int argc, char** argv) {
  octet::cli::OpenStandardStreams();
  octet::cli::CleanUpOnSignals();
  return octet::cli::Flushed(octet::cli::Main(argc, argv));
}
