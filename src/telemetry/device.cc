// SPDX-License-Identifier: Apache-2.0
#include "telemetry/device.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include "base/cpu.h"

namespace octet::telemetry {
namespace {

std::string FileText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(4096, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(0, in.gcount())));
  const size_t last = text.find_last_not_of(std::string_view(" \n\t\0", 4));  // The device tree ends texts with 0.
  return last == std::string::npos ? "" : text.substr(0, last + 1);
}

int64_t FileNumber(const std::string& path) {
  const std::string text = FileText(path);
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

// The value of KEY=value or KEY="value".
std::string Setting(const std::string& text, const std::string& key) {
  const size_t at = ("\n" + text).find("\n" + key + "=");
  if (at == std::string::npos) return "";
  const std::string value = text.substr(at + key.size() + 1, text.find('\n', at) - at - key.size() - 1);
  return value.size() >= 2 && value.front() == '"' ? value.substr(1, value.size() - 2) : value;
}

// Of all cores the highest: the others may idle.
int64_t FrequencyPercent() {
  int64_t best = -1;
  for (int cpu = 0; cpu < 256; ++cpu) {
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq/";
    const int64_t now = FileNumber(folder + "scaling_cur_freq"), most = FileNumber(folder + "cpuinfo_max_freq");
    if (most <= 0) break;
    if (now > 0) best = std::max(best, std::min<int64_t>(100, 100 * now / most));
  }
  return best;
}

// What this process used of a core since the last call, in percent; frequencies fall where there is nothing to do.
int64_t BusyPercent() {
  static thread_local int64_t last_cpu_us = 0, last_us = 0;
  struct rusage u;
  ::getrusage(RUSAGE_SELF, &u);
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  const int64_t cpu = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1'000'000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
  const int64_t now = t.tv_sec * 1'000'000 + t.tv_nsec / 1000;
  const int64_t percent = now > last_us ? 100 * (cpu - last_cpu_us) / (now - last_us) : 0;
  last_cpu_us = cpu;
  last_us = now;
  return percent;
}

std::string Power() {
  for (const char* name : {"AC", "ACAD", "AC0", "ADP1", "ADP0"}) {
    const int64_t online = FileNumber(std::string("/sys/class/power_supply/") + name + "/online");
    if (online >= 0) return online ? "ac" : "battery";
  }
  return FileText("/sys/class/power_supply/BAT0/status") == "Discharging" ? "battery" : "";
}

}  // namespace

std::string MachineIdentity() { return FileText("/etc/machine-id"); }

Hardware ThisHardware() {
  Hardware h;
  h.model = FileText("/proc/device-tree/model");
  if (h.model.empty()) h.model = FileText("/sys/class/dmi/id/product_name");
  h.soc = FileText("/proc/device-tree/compatible");
  h.soc = h.soc.substr(h.soc.find_last_of(std::string_view(",\0", 2)) + 1);
  utsname u;
  if (::uname(&u) == 0) {
    h.arch = u.machine;
    h.kernel = u.release;
  }
  const std::string os = FileText("/etc/os-release");
  h.os = Setting(os, "ID");
  if (const std::string version = Setting(os, "VERSION_ID"); !version.empty()) h.os += "-" + version;
  h.cpu = Name(ThisCpu().isa);
  h.mem_mb = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE) >> 20;
  return h;
}

State ThisState() {
  State s;
  s.power = Power();
  const int64_t busy = BusyPercent(), frequency = FrequencyPercent();
  if (frequency >= 0) s.thermal = busy < 50 || frequency >= 90 ? 0 : frequency >= 60 ? 2 : 3;
  return s;
}

Gauges ThisGauges() {
  Gauges g;
  struct rusage u;
  ::getrusage(RUSAGE_SELF, &u);
  g.rss_kb = u.ru_maxrss;
  const int64_t limit = FileNumber("/sys/fs/cgroup/memory.max");
  g.limit_kb = limit >= 0 ? limit >> 10 : -1;
  const int64_t milli = FileNumber("/sys/class/thermal/thermal_zone0/temp");
  g.temp_c = milli >= 0 ? milli / 1000 : -1;
  g.freq_pct = FrequencyPercent();
  g.battery_pct = FileNumber("/sys/class/power_supply/BAT0/capacity");
  return g;
}

}  // namespace octet::telemetry
