// SPDX-License-Identifier: Apache-2.0
// octet package MODEL… -o DIR: the models, the list of their operators, and the runtime that has these and no others. The runtime is
// built where octet's sources are; elsewhere the command that builds it is printed.
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "report/json.h"
#include "tflite/view.h"

extern char** environ;

namespace octet::cli {
namespace {

namespace fs = std::filesystem;

struct Flags {
  std::vector<std::string> models;
  std::string out, source, delegates;
  bool list = false, json = false;
};

// Operators by name, with the element types of what they compute.
using Needs = std::map<std::string, std::set<std::string>>;

Status Collect(const std::string& path, Needs* needs) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  Result<tflite::View> view = tflite::View::Open(file.bytes());
  if (!view.ok()) return Error(view.error().code(), "'%s': %s", path.c_str(), view.error().message().c_str());
  for (const tflite::SubgraphInfo& g : view->subgraphs()) {
    for (const tflite::OperatorInfo& op : g.operators) {
      if (!op.op) return Error(Code::kUnsupported, "'%s': octet has no kernel for %s", path.c_str(), std::string(op.code_name).c_str());
      std::set<std::string>& types = (*needs)[std::string(op.op->name)];
      for (int32_t t : op.outputs)
        if (t >= 0) types.insert(std::string(Name(g.tensors[static_cast<size_t>(t)].type.dtype)));
    }
  }
  return {};
}

std::string ListOf(const Needs& needs) {
  std::string text = "# Operators, and the types that they compute: for cmake -DOCTET_OPS=THIS_FILE, or make runtime OPS=THIS_FILE\n";
  for (const auto& [op, types] : needs) {
    text += op + ":";
    for (const std::string& type : types) text += " " + type;
    text += "\n";
  }
  return text;
}

// Waits for a program; its output goes where ours goes, on stderr.
Status RunProgram(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return Error(Code::kIo, "cannot start '%s': %s", words[0].c_str(), std::strerror(failed));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return Error(Code::kIo, "waiting for '%s': %s", words[0].c_str(), std::strerror(errno));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error(Code::kIo, "'%s' failed; what it said is above", words[0].c_str());
}

// The folder of octet's sources: --source, $OCTET_SOURCE, or the one that this command was built from; empty: none is there.
std::string SourceFolder(const Flags& flags) {
  const char* from_environment = std::getenv("OCTET_SOURCE");
  for (const std::string& folder : {flags.source, std::string(from_environment ? from_environment : ""), std::string(OCTET_SOURCE_FOLDER)})
    if (!folder.empty() && fs::exists(fs::path(folder) / "cmake/op_list.cmake")) return folder;
  return "";
}

std::vector<std::string> Configure(const std::string& source, const std::string& out, const std::string& delegates) {
  return {"cmake", "-S", source, "-B", out + "/build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=MinSizeRel", "-DOCTET_TOOLS=OFF", "-DOCTET_TESTS=OFF",
          "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON", "-DOCTET_ISA=avx2", "-DOCTET_OPS=" + fs::absolute(out + "/ops.txt").string(),
          "-DOCTET_DELEGATES=" + delegates};
}

Status Build(const std::string& source, const std::string& out, const std::string& delegates) {
  OCTET_TRY(RunProgram(Configure(source, out, delegates)));
  OCTET_TRY(RunProgram({"cmake", "--build", out + "/build", "--target", "octet_shared", "octet_static"}));
  std::error_code error;
  const auto overwrite = fs::copy_options::overwrite_existing;
  fs::copy(out + "/build/liboctet.so", out + "/liboctet.so.0", overwrite, error);  // By the name that programs ask for.
  fs::remove(out + "/liboctet.so", error);
  if (!error) fs::create_symlink("liboctet.so.0", out + "/liboctet.so", error);
  if (!error) fs::copy(out + "/build/static/liboctet.a", out + "/liboctet.a", overwrite, error);
  for (const char* header : {"octet.h", "octet.hpp"})
    if (!error) fs::copy(source + "/include/octet/" + header, out + "/include/octet/" + header, overwrite, error);
  if (error) return Error(Code::kIo, "'%s': %s", out.c_str(), error.message().c_str());
  return RunProgram({"strip", "--strip-unneeded", out + "/liboctet.so.0"});
}

void PrintResult(const Flags& flags, const Needs& needs, uint64_t library_bytes) {
  if (flags.json) {
    report::Json j;
    j.Object().Field("library_bytes", static_cast<int64_t>(library_bytes)).Key("operators").Array();
    for (const auto& [op, types] : needs) {
      j.Object().Field("name", op).Key("types").Array();
      for (const std::string& type : types) j.Text(type);
      j.End().End();
    }
    j.End().End();
    std::printf("%s\n", j.text().c_str());
    return;
  }
  Print(stdout, "%s: %zu models, %zu operators", flags.out.c_str(), flags.models.size(), needs.size());
  if (library_bytes) Print(stdout, ", liboctet.so of %.0f kB", static_cast<double>(library_bytes) / 1000);
  Print(stdout, "\n");
}

Result<int> Package(const Flags& flags) {
  Needs needs;
  for (const std::string& model : flags.models) OCTET_TRY(Collect(model, &needs));
  std::error_code error;
  std::set<fs::path> names;
  for (const std::string& model : flags.models)
    if (!names.insert(fs::path(model).filename()).second)
      return Error(Code::kInvalidArgument, "'%s': another model has that file name, too; '%s' can hold one", model.c_str(), flags.out.c_str());
  fs::create_directories(flags.out + "/include/octet", error);
  for (const std::string& model : flags.models) {
    const fs::path to = fs::path(flags.out) / fs::path(model).filename();
    std::error_code none;
    if (error || fs::equivalent(model, to, none)) continue;  // It lies there already.
    fs::copy(model, to, fs::copy_options::overwrite_existing, error);
    if (!error) fs::permissions(to, fs::perms::owner_write, fs::perm_options::add, error);  // To be written again.
  }
  if (error) return Error(Code::kIo, "'%s': %s", flags.out.c_str(), error.message().c_str());
  OCTET_TRY(WriteFile(flags.out + "/ops.txt", ListOf(needs)));
  if (flags.list) {
    PrintResult(flags, needs, 0);
    return kYes;
  }
  const std::string source = SourceFolder(flags);
  if (source.empty()) {
    std::string command;
    for (const std::string& word : Configure("OCTET_SOURCES", flags.out, flags.delegates)) command += word + " ";
    return Error(Code::kUnsupported, "octet's sources are not here to build from: the models and ops.txt are in '%s'; where they are, give --source or run: %s",
                 flags.out.c_str(), command.c_str());
  }
  OCTET_TRY(Build(source, flags.out, flags.delegates));
  PrintResult(flags, needs, fs::file_size(flags.out + "/liboctet.so", error));
  return kYes;
}

}  // namespace

Body DeclarePackage(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("model", &f->models, "One or more .tflite files");
  flags.Option("-o,--output", &f->out, "The folder that gets the models, ops.txt, liboctet.so, liboctet.a and headers", true);
  flags.Option("--source", &f->source, "octet's sources, where they are not those this command was built from");
  flags.Option("--delegates", &f->delegates,
               "Delegates that the runtime has, of gpu, nnapi, coreml, flex, plugin (delegates in libraries), separated by ';'; default: none");
  flags.Flag("--list", &f->list, "Only the models and ops.txt; build nothing");
  flags.Flag("--json", &f->json, "The result as JSON");
  return [f] { return Package(*f); };
}

}  // namespace octet::cli
