// SPDX-License-Identifier: Apache-2.0
// What a command of octet is: flags declared once, a body that returns a Status or an exit code.
// Exit codes: 0 yes; 1 the check or gate failed; 2 bad usage or input; 3 the model needs something unsupported.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace octet::cli {

inline constexpr int kYes = 0, kNo = 1, kBadInput = 2, kUnsupported = 3;

// The flags of one command; the variables must live until the body has run (see Command::declare).
class FlagSet {
 public:
  virtual ~FlagSet() = default;
  virtual void Positional(std::string_view name, std::string* value, std::string_view help) = 0;
  virtual void Positional(std::string_view name, std::vector<std::string>* value, std::string_view help, bool required = true) = 0;  // One or more.
  // "--data" or "-o,--output".
  virtual void Option(std::string_view names, std::string* value, std::string_view help, bool required = false) = 0;
  virtual void Option(std::string_view names, int* value, std::string_view help, int least = 0) = 0;
  virtual void Option(std::string_view names, std::vector<std::string>* values, std::string_view help) = 0;
  virtual void Choice(std::string_view names, std::string* value, std::vector<std::string> choices, std::string_view help) = 0;
  virtual void Flag(std::string_view names, bool* value, std::string_view help) = 0;
  // Arguments that are none of the others: not refused, but the command's own business.
  virtual void Rest(std::vector<std::string>* arguments) = 0;
};

using Body = std::function<Result<int>()>;

struct Command {
  std::string_view name, summary, example;  // A name of two words is a command of a group: "fleet init".
  Body (*declare)(FlagSet&);  // Adds the flags and returns what runs after they are parsed.
};

std::span<const Command> Commands();
int ExitCode(const Status& status);

// One line per command file.
Body DeclareConvert(FlagSet&);
Body DeclareCheck(FlagSet&);
Body DeclareQuantize(FlagSet&);
Body DeclareGate(FlagSet&);
Body DeclareDiagnose(FlagSet&);
Body DeclareRun(FlagSet&);
Body DeclareBench(FlagSet&);
Body DeclareInspect(FlagSet&);
Body DeclarePackage(FlagSet&);
Body DeclareServe(FlagSet&);
Body DeclareFleetInit(FlagSet&);
Body DeclareFleetToken(FlagSet&);
Body DeclareFleetIngest(FlagSet&);
Body DeclareFleetReport(FlagSet&);
Body DeclareFleetServe(FlagSet&);

}  // namespace octet::cli
