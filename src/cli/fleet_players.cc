// SPDX-License-Identifier: Apache-2.0
#include "cli/fleet_players.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"

namespace octet::cli {
namespace {

// Invoke times are of a small detector; `heat`: how much of a device's time is throttled.
struct DeviceClass {
  const char *model, *soc, *arch, *os, *cpu, *delegate, *driver;
  double ms, share, heat;
  int mem_mb;
};
constexpr DeviceClass kClasses[] = {
    {"raspberry-pi-4b", "bcm2711", "aarch64", "debian-12", "neon", "cpu", "", 62, 0.22, 0.10, 3792},
    {"raspberry-pi-5", "bcm2712", "aarch64", "debian-12", "dotprod", "cpu", "", 21, 0.16, 0.02, 8062},
    {"jetson-orin-nano", "tegra234", "aarch64", "ubuntu-22", "dotprod", "gpu", "cuda-12.2", 6.5, 0.10, 0.01, 7620},
    {"rk3588-box", "rk3588", "aarch64", "debian-11", "dotprod", "gpu", "mali-g610-r35", 11, 0.12, 0.05, 7930},
    {"imx8mp-gateway", "imx8mp", "aarch64", "yocto-4", "neon", "cpu", "", 74, 0.12, 0.00, 1985},
    {"intel-n100", "n100", "x86_64", "debian-12", "avx2", "cpu", "", 9.5, 0.14, 0.00, 15800},
    {"pixel-6", "tensor-g1", "aarch64", "android-14", "i8mm", "gpu", "mali-g78-r32", 8.2, 0.08, 0.15, 7500},
    {"galaxy-a54", "exynos-1380", "aarch64", "android-14", "dotprod", "cpu", "", 24, 0.06, 0.08, 5600},
};
constexpr const char* kOperators[] = {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESIZE_NEAREST_NEIGHBOR", "CONCATENATION", "LOGISTIC"};
constexpr double kOperatorShares[] = {0.61, 0.22, 0.05, 0.03, 0.04, 0.05};
constexpr int kScale = 5;

// docs/telemetry.md, Histograms; values in ns.
std::string Histogram(const std::vector<double>& values) {
  std::vector<int> indexes;
  double sum = 0, least = 1e18, most = 0;
  for (double v : values) {
    v = std::max(1.0, std::floor(v));
    indexes.push_back(static_cast<int>(std::ceil(std::log2(v) * (1 << kScale))) - 1);
    sum += v;
    least = std::min(least, v);
    most = std::max(most, v);
  }
  const auto [low, high] = std::minmax_element(indexes.begin(), indexes.end());
  int shift = 0;
  while ((*high >> shift) - (*low >> shift) >= 160) ++shift;
  std::vector<int> counts(static_cast<size_t>((*high >> shift) - (*low >> shift) + 1));
  for (int index : indexes) ++counts[static_cast<size_t>((index >> shift) - (*low >> shift))];
  std::string text = Format("[%d,%d,0,%zu,%.0f,%.0f,%.0f", kScale - shift, *low >> shift, values.size(), sum, least, most);
  for (int count : counts) text += ',' + std::to_string(count);
  return text + ']';
}

std::string Hex16(uint64_t value) { return Format("%016llx", static_cast<unsigned long long>(value)); }

}  // namespace

Player::Player(const PlayOptions& options, int number) : options_(options), random_(options.seed * 1'000'003 + static_cast<uint64_t>(number)) {
  const auto share = [this] { return std::uniform_real_distribution<double>(0, 1)(random_); };
  name_ = Hex16(random_());
  boot_ = Hex16(random_());
  spool_ = Hex16(random_());
  double at = share();
  for (class_ = 0; class_ + 1 < std::size(kClasses) && at >= kClasses[class_].share; ++class_) at -= kClasses[class_].share;
  keyword_ = share() < 0.3;
  own_factor_ = std::exp(std::normal_distribution<double>(0, 0.08)(random_)) * (share() < 0.003 ? 2.5 : 1);
  heat_ = share() < kClasses[class_].heat * 2 ? 0.5 : 0;
  rollout_minute_ = static_cast<int>(options.minutes * (options.rollout_at + 0.05 * share()));
  if (share() < options.offline) {
    offline_from_ = static_cast<int>(share() * options.minutes);
    offline_to_ = offline_from_ + static_cast<int>(share() * options.minutes * 0.6);
  }
  if (share() < options.skewed) skew_us_ = static_cast<int64_t>((share() - 0.5) * 40 * 60e6);
}

std::string Player::Record(int minute) {
  const DeviceClass& c = kClasses[class_];
  const bool next = !keyword_ && minute >= rollout_minute_;
  const bool hot = heat_ > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < heat_;
  double ms = c.ms * own_factor_ * (keyword_ ? 0.08 : 1) * (hot ? 1.5 : 1);
  if (next && options_.slow_class == c.model) ms *= options_.slow_factor;
  std::normal_distribution<double> noise(0, 0.05);
  const auto values = [&](double mean_ms, double floor_ms) {
    std::vector<double> v(static_cast<size_t>(options_.inferences));
    for (double& x : v) x = 1e6 * (floor_ms + mean_ms * std::exp(noise(random_)));
    return Histogram(v);
  };
  const int64_t end = options_.until_us - int64_t{60'000'000} * (options_.minutes - minute - 1) + skew_us_;
  std::string line = Format("{\"v\":1,\"device\":\"%s\",\"boot\":\"%s\",\"seq\":%lld,\"start_us\":%lld,\"end_us\":%lld,\"mono_us\":%lld,", name_.c_str(), boot_.c_str(),
                            static_cast<long long>(++seq_), static_cast<long long>(end - 60'000'000), static_cast<long long>(end), 60'000'000ll * (minute + 1));
  line += Format("\"hardware\":{\"model\":\"%s\",\"soc\":\"%s\",\"arch\":\"%s\",\"os\":\"%s\",\"kernel\":\"6.1\",\"cpu\":\"%s\",\"driver\":\"%s\",\"mem_mb\":%d},", c.model, c.soc, c.arch, c.os, c.cpu,
                 c.driver, c.mem_mb);
  line += Format("\"key\":{\"model\":\"%s\",\"version\":\"%s\",\"sha256\":\"%s\",\"precision\":\"int8\",\"delegate\":\"%s\",\"threads\":4,\"thermal\":%d,\"power\":\"ac\",\"runtime\":\"0.1.0\",\"build\":\"a1b2c3d\",",
                 keyword_ ? "keyword" : "detector", keyword_ ? "3" : next ? "8" : "7", (keyword_ ? "3b1f" : next ? "8c2a" : "7d90"), c.delegate, hot ? 3 : 0);
  const bool delegated = std::string_view(c.delegate) != "cpu";
  line += Format("\"nodes\":64,\"delegated\":%d,\"partitions\":%d},", delegated ? 61 : 0, delegated ? 2 : 0);
  line += "\"lat\":{\"queue\":" + values(0.02 + 0.02 * ms, 0.01) + ",\"copy_in\":" + values(0.05, 0.01) + ",\"invoke\":" + values(ms, 0) +
          ",\"copy_out\":" + values(0.01, 0.002) + ",\"total\":" + values(ms * 1.02 + 0.1, 0);
  if (minute == 0) line += ",\"load\":" + Histogram({2e6 * c.ms}) + ",\"prepare\":" + Histogram({1.5e6 * c.ms}) + ",\"first\":" + Histogram({1.8e6 * ms});
  line += '}';
  if (options_.operators_every > 0 && minute % options_.operators_every == 0) {
    line += ",\"ops\":{";
    for (size_t i = 0; i < std::size(kOperators); ++i) line += Format("%s\"%s\":", i ? "," : "", kOperators[i]) + values(ms * kOperatorShares[i], 0);
    line += '}';
  }
  line += Format(",\"count\":{\"ok\":%d,\"shadow\":1},\"gauge\":{\"rss_kb\":%d,\"limit_kb\":262144,\"arena_kb\":5120,\"temp_c\":%d,\"freq_pct\":%d}",
                 options_.inferences, 61000 + static_cast<int>(random_() % 2000), hot ? 83 : 58, hot ? 62 : 100);
  if (delegated && c.ms > 8 && !keyword_) line += Format(",\"fallback\":[[\"RESIZE_NEAREST_NEIGHBOR\",\"type\",%d]]", options_.inferences);
  return line + "}\n";
}

std::string Player::Upload(int from, int to) {
  for (int minute = from; minute < to; ++minute) kept_ += Record(minute);
  if (from >= offline_from_ && from < offline_to_ && to < options_.minutes) return {};
  const int64_t end = options_.until_us - int64_t{60'000'000} * (options_.minutes - to) + skew_us_;
  std::string lines = Format(
      "{\"v\":1,\"kind\":\"status\",\"device\":\"%s\",\"boot\":\"%s\",\"spool\":\"%s\",\"sent_us\":%lld,\"uptime_us\":%lld,\"committed\":%lld,\"dropped\":{},\"depth\":0,\"bytes\":0}\n",
      name_.c_str(), boot_.c_str(), spool_.c_str(), static_cast<long long>(end), 60'000'000ll * to, static_cast<long long>(seq_));
  lines += kept_;
  kept_.clear();
  return lines;
}

}  // namespace octet::cli
