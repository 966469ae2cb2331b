// SPDX-License-Identifier: Apache-2.0
// Two builds of octet on one model: processes take turns, each measures a few runs.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/bench.h"
#include "cli/output.h"

namespace octet::cli {
namespace {

constexpr int kTurns = 6;

std::string Quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// The numbers of "samples_us" in what the process printed.
Status AppendSamples(const std::string& printed, const std::string& build, std::vector<double>* to) {
  static constexpr char kKey[] = "\"samples_us\":[";
  const size_t at = printed.find(kKey);
  if (at == std::string::npos) return Error(Code::kInvalidArgument, "'%s' printed no samples; is it an octet that knows bench --json --raw?", build.c_str());
  for (const char* p = printed.c_str() + at + std::strlen(kKey);;) {
    char* end = nullptr;
    const double us = std::strtod(p, &end);
    if (end == p) return {};
    to->push_back(us);
    if (*end != ',') return {};
    p = end + 1;
  }
}

Status RunBuild(const std::string& build, const BenchFlags& f, std::vector<double>* to) {
  std::string command = Quoted(build) + " bench " + Quoted(f.models[0]) +
                        Format(" --json --raw --threads %d --runs %d --warmup %d", f.threads, std::max(1, f.runs / kTurns), f.warmup);
  for (const std::string& d : f.delegates.delegates) command += " --delegate " + Quoted(d);
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) return Error(Code::kIo, "cannot start '%s'", build.c_str());
  std::string printed;
  char piece[4096];
  for (size_t n; (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;) printed.append(piece, n);
  const int status = ::pclose(pipe);
  if (status != 0) return Error(Code::kInvalidArgument, "'%s' bench failed with exit code %d", build.c_str(), WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return AppendSamples(printed, build, to);
}

}  // namespace

Result<int> BenchBuilds(const BenchFlags& f, const std::string& other) {
  const std::string builds[] = {"/proc/self/exe", other};
  std::vector<double> us[2];
  ProgressBar bar("bench");
  char self[4096] = {};
  if (::readlink(builds[0].c_str(), self, sizeof self - 1) <= 0) return Error(Code::kIo, "cannot find this program's own file");
  for (int turn = 0; turn < kTurns; ++turn) {
    for (int i = 0; i < 2; ++i) OCTET_TRY(RunBuild(i == 0 ? self : other, f, &us[i]));
    bar.Update("turns", turn + 1, kTurns);
  }
  const Comparison c = Compare(us[0], us[1]);
  if (f.json) {
    report::Json j;
    j.Object().Key("builds").Array();
    for (int i = 0; i < 2; ++i)
      j.Object().Field("build", i == 0 ? std::string(self) : other).Field("runs", static_cast<int>(us[i].size())).Field("min_us", Quantile(us[i], 0)).Field("median_us", Quantile(us[i], 0.5)).End();
    j.End().Key("against_first").Object().Field("ratio", c.ratio).Field("low", c.low).Field("high", c.high).Field("p", c.p).Field("verdict", Verdict(c)).End();
    std::printf("%s\n", j.End().text().c_str());
    return 0;
  }
  PrintTable({{"build", "median us", "min", "p95", "runs"},
              {{self, Format("%.1f", Quantile(us[0], 0.5)), Format("%.1f", Quantile(us[0], 0)), Format("%.1f", Quantile(us[0], 0.95)), std::to_string(us[0].size())},
               {other, Format("%.1f", Quantile(us[1], 0.5)), Format("%.1f", Quantile(us[1], 0)), Format("%.1f", Quantile(us[1], 0.95)), std::to_string(us[1].size())}},
              1});
  Print(stdout, "the second is %s: time ratio %.3f, 95%% from %.3f to %.3f, p %.2g\n", Verdict(c).c_str(), c.ratio, c.low, c.high, c.p);
  return 0;
}

}  // namespace octet::cli
