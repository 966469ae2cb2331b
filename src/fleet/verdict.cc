// SPDX-License-Identifier: Apache-2.0
#include "fleet/verdict.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <random>

namespace octet::fleet {
namespace {

// All histograms of a comparison on one scale and range, as rows of a matrix.
struct Grid {
  int scale = 8;
  int64_t low = INT64_MAX, high = INT64_MIN;

  void Widen(const Histogram& h) {
    if (h.buckets.empty()) return;
    const int shift = std::max(h.scale - scale, 0);
    low = std::min(low, h.offset >> shift);
    high = std::max(high, (h.offset + static_cast<int64_t>(h.buckets.size()) - 1) >> shift);
  }
  size_t width() const { return high < low ? 1 : static_cast<size_t>(high - low) + 2; }  // Column 0: zeros.
  void Place(const Histogram& h, double* row) const {
    row[0] += static_cast<double>(h.zero);
    for (size_t i = 0; i < h.buckets.size(); ++i)
      row[1 + ((h.offset + static_cast<int64_t>(i)) >> (h.scale - scale)) - low] += static_cast<double>(h.buckets[i]);
  }
};

struct Unit {  // A device with what it has on either side.
  std::vector<double> counts[2];
  double ok[2] = {0, 0}, errors[2] = {0, 0};
};

// As fleet.hist_quantile: the bucket of rank q * count, interpolated on the logarithmic scale.
double Quantile(const std::vector<double>& counts, const Grid& grid, double q) {
  double total = 0;
  for (double c : counts) total += c;
  const double rank = std::max(1.0, std::ceil(q * total));
  double seen = counts[0];
  if (rank <= seen) return 0;
  for (size_t i = 1; i < counts.size(); ++i) {
    seen += counts[i];
    if (seen >= rank && counts[i] > 0)
      return std::exp2((static_cast<double>(grid.low) + static_cast<double>(i) - (seen - rank + 0.5) / counts[i]) / std::exp2(grid.scale));
  }
  return 0;
}

struct Figures {
  double p50[2], p95[2], errors[2];
};

Figures FiguresOf(const std::vector<Unit>& units, const std::vector<size_t>& drawn, const Grid& grid) {
  Figures f{};
  for (int side = 0; side < 2; ++side) {
    std::vector<double> sum(grid.width());
    double ok = 0, errors = 0;
    for (size_t u : drawn) {
      const std::vector<double>& counts = units[u].counts[side];
      for (size_t i = 0; i < counts.size(); ++i) sum[i] += counts[i];
      ok += units[u].ok[side];
      errors += units[u].errors[side];
    }
    f.p50[side] = Quantile(sum, grid, 0.5);
    f.p95[side] = Quantile(sum, grid, 0.95);
    f.errors[side] = ok + errors > 0 ? errors / (ok + errors) : 0;
  }
  return f;
}

double Ratio(const double* pair) { return pair[0] > 0 ? pair[1] / pair[0] - 1 : 0; }

Change ChangeOf(const double* sides, double change, std::vector<double> resampled) {
  std::sort(resampled.begin(), resampled.end());
  const auto at = [&](double q) { return resampled[static_cast<size_t>(q * static_cast<double>(resampled.size() - 1) + 0.5)]; };
  return {sides[0], sides[1], change, at(0.025), at(0.975)};
}

std::vector<Unit> UnitsOf(const std::vector<DeviceFigures>* sides[2], Grid* grid) {
  for (int side = 0; side < 2; ++side)
    for (const DeviceFigures& d : *sides[side])
      if (!d.invoke.buckets.empty()) grid->scale = std::min(grid->scale, d.invoke.scale);
  for (int side = 0; side < 2; ++side)
    for (const DeviceFigures& d : *sides[side]) grid->Widen(d.invoke);
  std::map<int64_t, Unit> by_device;
  for (int side = 0; side < 2; ++side)
    for (const DeviceFigures& d : *sides[side]) {
      Unit& unit = by_device[d.device];
      unit.counts[side].resize(grid->width());
      grid->Place(d.invoke, unit.counts[side].data());
      unit.ok[side] += static_cast<double>(d.ok);
      unit.errors[side] += static_cast<double>(d.errors);
    }
  std::vector<Unit> units;
  for (auto& [device, unit] : by_device) units.push_back(std::move(unit));
  return units;
}

std::string Percent(double x) { return Format("%+.1f %%", 100 * x); }

void Judge(const CompareOptions& o, Comparison* c) {
  const std::pair<const char*, const Change*> latencies[] = {{"p50", &c->p50}, {"p95", &c->p95}};
  for (const auto& [name, change] : latencies)
    if (change->low > o.tolerance) {
      c->verdict = Verdict::kRegressed;
      c->reason = Format("%s %s (95 %%: %s to %s)", name, Percent(change->change).c_str(), Percent(change->low).c_str(), Percent(change->high).c_str());
      return;
    }
  if (c->errors.low > o.error_tolerance) {
    c->verdict = Verdict::kRegressed;
    c->reason = Format("errors %.2f %% to %.2f %% of inferences", 100 * c->errors.before, 100 * c->errors.after);
    return;
  }
  for (const auto& [name, change] : latencies)
    if (change->high > o.tolerance) {
      c->reason = Format("%s may have grown by up to %s; more devices would tell", name, Percent(change->high).c_str());
      return;
    }
  c->verdict = Verdict::kOk;
  c->reason = Format("p95 %s (95 %%: %s to %s)", Percent(c->p95.change).c_str(), Percent(c->p95.low).c_str(), Percent(c->p95.high).c_str());
}

}  // namespace

std::string_view Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk: return "ok";
    case Verdict::kRegressed: return "regressed";
    default: return "unknown";
  }
}

Result<Histogram> ParseHistogram(std::string_view text) {
  std::vector<int64_t> numbers;
  const char *at = text.data(), *end = at + text.size();
  while (at < end && (*at == '{' || *at == ',')) {
    int64_t value = 0;
    const auto [next, error] = std::from_chars(at + 1, end, value);
    if (error != std::errc()) break;
    numbers.push_back(value);
    at = next;
  }
  if (numbers.size() < 7 || numbers[0] < -16 || numbers[0] > 16) return Error(Code::kIo, "database: '%.40s' is no histogram", std::string(text).c_str());
  Histogram h{static_cast<int>(numbers[0]), numbers[1], numbers[2], numbers[3], static_cast<double>(numbers[4]), {}};
  h.buckets.assign(numbers.begin() + 7, numbers.end());
  return h;
}

Comparison Compare(const std::vector<DeviceFigures>& before, const std::vector<DeviceFigures>& after, const CompareOptions& options) {
  Comparison result;
  const std::vector<DeviceFigures>* sides[2] = {&before, &after};
  for (int side = 0; side < 2; ++side) {
    int64_t count = 0;
    double sum = 0;
    for (const DeviceFigures& d : *sides[side]) count += d.invoke.count, sum += d.invoke.sum;
    (side == 0 ? result.mean_before : result.mean_after) = count > 0 ? sum / static_cast<double>(count) : 0;
    const auto devices = static_cast<int64_t>(sides[side]->size());
    if (count < options.least_inferences || devices < options.least_devices) {
      result.reason = Format("%s: %lld inferences on %lld devices; %lld on %lld are needed", side == 0 ? "before" : "after", static_cast<long long>(count),
                             static_cast<long long>(devices), static_cast<long long>(options.least_inferences), static_cast<long long>(options.least_devices));
      return result;
    }
  }
  Grid grid;
  const std::vector<Unit> units = UnitsOf(sides, &grid);
  std::vector<size_t> drawn(units.size());
  for (size_t i = 0; i < drawn.size(); ++i) drawn[i] = i;
  const Figures all = FiguresOf(units, drawn, grid);
  std::mt19937_64 random(1);
  std::vector<double> p50, p95, errors;
  for (int i = 0; i < options.resamples; ++i) {
    for (size_t& u : drawn) u = static_cast<size_t>(random() % units.size());
    const Figures f = FiguresOf(units, drawn, grid);
    p50.push_back(Ratio(f.p50));
    p95.push_back(Ratio(f.p95));
    errors.push_back(f.errors[1] - f.errors[0]);
  }
  result.p50 = ChangeOf(all.p50, Ratio(all.p50), std::move(p50));
  result.p95 = ChangeOf(all.p95, Ratio(all.p95), std::move(p95));
  result.errors = ChangeOf(all.errors, all.errors[1] - all.errors[0], std::move(errors));
  Judge(options, &result);
  return result;
}

}  // namespace octet::fleet
