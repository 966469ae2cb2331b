// SPDX-License-Identifier: Apache-2.0
#include "report/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/status.h"
#include "base/utf8.h"
#include "report/png.h"

namespace octet::report {
namespace {

constexpr std::string_view kStyle = R"css(
:root{--bg:#fff;--ink:#1b1f24;--soft:#5b6570;--line:#d9dee3;--panel:#f6f8fa;--c0:#5b6570;--c1:#d1495b;--c2:#1a7f64;--c3:#3465a4;--good:#1a7f64;--bad:#c0392b}
@media(prefers-color-scheme:dark){:root{--bg:#14171a;--ink:#e6e9ec;--soft:#9aa4ae;--line:#333a41;--panel:#1c2024;--c0:#9aa4ae;--c1:#ef6f7f;--c2:#3fb68f;--c3:#77a7e0;--good:#3fb68f;--bad:#ef6f7f}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1060px;margin:0 auto;padding:32px 24px 64px}h1{font-size:26px;margin:0}h2{font-size:19px;margin:40px 0 4px}
h1,p{overflow-wrap:anywhere}p{margin:4px 0 12px;max-width:76ch}.soft{color:var(--soft)}.facts{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0}
.fact{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:10px 16px;min-width:130px}
.fact b{display:block;font-size:22px;font-variant-numeric:tabular-nums}.fact span{color:var(--soft);font-size:13px}.good{color:var(--good)}.bad{color:var(--bad)}
table{border-collapse:collapse;margin:8px 0 16px;font-size:14px}th,td{padding:4px 8px;border-bottom:1px solid var(--line);text-align:left}
th{color:var(--soft);font-weight:600}td{max-width:44ch;overflow-wrap:anywhere}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:normal}.scroll{overflow-x:auto}
@media(max-width:600px){td{overflow-wrap:normal}}
.shots{display:flex;flex-wrap:wrap;gap:14px}.shot{margin:0;text-align:center;font-size:13px;color:var(--soft)}.shot img{display:block;width:84px;height:84px;object-fit:contain;image-rendering:pixelated;margin:0 auto 4px;border:1px solid var(--line)}
.charts{display:flex;flex-wrap:wrap;gap:20px}figure{margin:8px 0;max-width:100%}figcaption{font-weight:600;margin-bottom:4px}
svg{max-width:100%;height:auto}svg text{fill:var(--ink);font-size:12px}svg .soft{fill:var(--soft)}svg .axis{stroke:var(--line)}
.s0{fill:var(--c0)}.s1{fill:var(--c1)}.s2{fill:var(--c2)}.s3{fill:var(--c3)}.l0{stroke:var(--c0)}.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.l3{stroke:var(--c3)}
)css";

// 1, 2 or 5 times a power of ten: the smallest that is at least `least`.
double RoundStep(double least) {
  const double decade = std::pow(10.0, std::floor(std::log10(least)));
  for (double step : {1.0, 2.0, 5.0})
    if (step * decade >= least * (1 - 1e-9)) return step * decade;
  return 10 * decade;
}

// Maps values to [0, 1]; with a log scale, the decades that hold the positive values.
class Scale {
 public:
  explicit Scale(const Chart& chart) : log_(chart.log_scale) {
    double low = INFINITY, high = -INFINITY;
    for (const Series& s : chart.series) {
      for (double v : s.values) {
        if (!std::isfinite(v) || (log_ && v <= 0)) continue;
        low = std::min(low, v);
        high = std::max(high, v);
      }
    }
    if (!(low <= high)) low = high = 1;
    low = std::min(low, chart.begin);
    high = std::min(high, chart.end);
    low_ = log_ ? std::floor(std::log10(low)) : std::min(low, 0.0);
    high_ = log_ ? std::ceil(std::log10(high) + 1e-9) : high;
    if (high_ <= low_) high_ = low_ + 1;
  }
  double operator()(double v) const {
    if (log_ && v <= 0) return 0;
    if (!std::isfinite(v)) return v > 0 ? 1 : 0;
    return std::clamp(((log_ ? std::log10(v) : v) - low_) / (high_ - low_), 0.0, 1.0);
  }
  std::vector<double> ticks() const {
    std::vector<double> t;
    const double step = log_ ? std::max(1.0, std::ceil((high_ - low_) / 6)) : RoundStep((high_ - low_) / 5);
    const auto first = static_cast<int>(std::ceil(low_ / step - 1e-9)), last = static_cast<int>(std::floor(high_ / step + 1e-9));
    for (int i = first; i <= last; ++i) t.push_back(log_ ? std::pow(10.0, i * step) : i * step);
    return t;
  }

 private:
  bool log_;
  double low_, high_;
};

constexpr int kLegendLine = 16;

// Names side by side, in as many lines as `width` asks for; `lines` says how many.
std::string Legend(const std::vector<Series>& series, int width, int* lines) {
  std::string s;
  int x = 4, y = 14;
  *lines = series.size() < 2 ? 0 : 1;
  if (series.size() < 2) return s;
  for (const Series& one : series) {
    const int wide = 40 + 7 * static_cast<int>(one.name.size());
    if (x > 4 && x + wide > width) {
      x = 4;
      y += kLegendLine;
      ++*lines;
    }
    s += Format("<rect class='s%d' x='%d' y='%d' width='10' height='10'/><text x='%d' y='%d'>%s</text>", one.color, x, y - 9,
                x + 15, y, Escape(one.name).c_str());
    x += wide;
  }
  return s;
}

std::string Figure(const std::string& title, int width, int height, const std::string& content) {
  return Format("<figure><figcaption>%s</figcaption><svg viewBox='0 0 %d %d' width='%d' role='img' aria-label='%s'>", Escape(title).c_str(),
                width, height, width, Escape(title).c_str()) + content + "</svg></figure>\n";
}

// Along the left axis, read from below.
std::string Upright(const std::string& label, int x, int y) {
  return Format("<text class='soft' text-anchor='middle' transform='translate(%d %d) rotate(-90)'>%s</text>", x, y, Escape(label).c_str());
}

std::string Number(double v, int digits) {
  if (!std::isfinite(v)) return "–";
  const double size = std::abs(v);
  if (size >= 1e4 && size < 1e7) return Format("%.*gk", std::max(digits, 3), v * 1e-3);
  return size >= std::pow(10.0, digits) && size < 1e4 ? Format("%.0f", v) : Format("%.*g", digits, v);
}

}  // namespace

std::string Escape(std::string_view text) {
  std::string s;
  for (const char c : Printable(text)) {  // XML has no characters for controls.
    switch (c) {
      case '&': s += "&amp;"; break;
      case '<': s += "&lt;"; break;
      case '>': s += "&gt;"; break;
      case '"': s += "&quot;"; break;
      case '\'': s += "&#39;"; break;
      default: s += c;
    }
  }
  return s;
}

std::string BarChart(const Chart& chart) {
  size_t longest = 0;
  for (const std::string& c : chart.categories) longest = std::max(longest, c.size());
  const int left = 20 + 7 * static_cast<int>(std::min<size_t>(longest, 40)), plot = 380, bar = 11;
  int lines = 0;
  std::string s = Legend(chart.series, left + plot + 70, &lines);
  const int group = bar * static_cast<int>(chart.series.size()) + 9, top = lines > 0 ? 10 + kLegendLine * lines : 8;
  const Scale scale(chart);
  for (size_t i = 0; i < chart.categories.size(); ++i) {
    const int y = top + static_cast<int>(i) * group;
    s += Format("<text x='%d' y='%d' text-anchor='end'>%s</text>", left - 8, y + group / 2 + 1, Escape(chart.categories[i].substr(0, 40)).c_str());
    for (size_t k = 0; k < chart.series.size(); ++k) {
      const double v = i < chart.series[k].values.size() ? chart.series[k].values[i] : NAN;
      const double width = std::isnan(v) ? 0 : std::max(1.0, scale(v) * plot);
      const int by = y + static_cast<int>(k) * bar;
      s += Format("<rect class='s%d' x='%d' y='%d' width='%.1f' height='%d'/><text class='soft' x='%.1f' y='%d'>%s</text>",
                  i < chart.category_colors.size() ? chart.category_colors[i] : chart.series[k].color, left, by, width, bar - 2, left + width + 5, by + bar - 2,
                  Number(v, chart.value_digits).c_str());
    }
  }
  const int bottom = top + static_cast<int>(chart.categories.size()) * group;
  s += Format("<line class='axis' x1='%d' y1='%d' x2='%d' y2='%d'/>", left, top, left, bottom);
  s += Format("<text class='soft' x='%d' y='%d'>%s</text>", left, bottom + 14, Escape(chart.y_label + (chart.log_scale ? " (log scale)" : "")).c_str());
  return Figure(chart.title, left + plot + 70, bottom + 22, s);
}

std::string LineChart(const Chart& chart) {
  const int left = 72, width = 400, height = 190, tick_digits = chart.log_scale ? 6 : 2;
  int lines = 0;
  std::string s = Legend(chart.series, left + width, &lines);
  const int top = 14 + kLegendLine * std::max(lines, 1);
  const Scale scale(chart);
  for (double tick : scale.ticks()) {
    const double y = top + height * (1 - scale(tick));
    s += Format("<line class='axis' x1='%d' y1='%.1f' x2='%d' y2='%.1f'/><text class='soft' x='%d' y='%.1f' text-anchor='end'>%s</text>", left, y,
                left + width, y, left - 6, y + 4, Number(tick, tick_digits).c_str());
  }
  for (const Series& one : chart.series) {
    std::string points;
    const double last = std::max<double>(1, static_cast<double>(one.values.size()) - 1);
    for (size_t i = 0; i < one.values.size(); ++i)
      points += Format("%.1f,%.1f ", left + width * static_cast<double>(i) / last, top + height * (1 - scale(one.values[i])));
    s += Format("<polyline class='l%d' fill='none' stroke-width='2' points='", one.color) + points + "'/>";
  }
  s += Format("<text class='soft' x='%d' y='%d'>%s</text>", left, top + height + 18, Escape(chart.x_label).c_str());
  s += Upright(chart.y_label, 14, top + height / 2);
  return Figure(chart.title, left + width + 12, top + height + 26, s);
}

std::string HeatmapChart(const Heatmap& map) {
  const int cell = 34, left = 70, top = 40;
  double most = 1;
  for (double v : map.values) most = std::max(most, v);
  std::string s;
  for (size_t r = 0; r < map.rows.size(); ++r) {
    s += Format("<text x='%d' y='%d' text-anchor='end'>%s</text>", left - 6, top + static_cast<int>(r) * cell + 21, Escape(map.rows[r]).c_str());
    for (size_t c = 0; c < map.columns.size(); ++c) {
      const double v = map.values[r * map.columns.size() + c];
      const int x = left + static_cast<int>(c) * cell, y = top + static_cast<int>(r) * cell;
      // The square root lets single confusions show beside hundreds of hits.
      s += Format("<rect class='s%d' fill-opacity='%.3f' x='%d' y='%d' width='%d' height='%d'/>", map.rows[r] == map.columns[c] ? 2 : 1,
                  v > 0 ? 0.08 + 0.77 * std::sqrt(v / most) : 0.03, x, y, cell - 2, cell - 2);
      if (v > 0) s += Format("<text x='%d' y='%d' text-anchor='middle'>%.0f</text>", x + cell / 2 - 1, y + 20, v);
    }
  }
  for (size_t c = 0; c < map.columns.size(); ++c)
    s += Format("<text x='%d' y='%d' text-anchor='middle'>%s</text>", left + static_cast<int>(c) * cell + cell / 2, top - 6, Escape(map.columns[c]).c_str());
  const int n_rows = static_cast<int>(map.rows.size()), n_columns = static_cast<int>(map.columns.size());
  s += Format("<text class='soft' x='%d' y='%d'>%s</text>", left, 14, Escape(map.column_label + " →").c_str()) +
       Upright(map.row_label, 14, top + n_rows * cell / 2);
  return Figure(map.title, left + n_columns * cell + 8, top + n_rows * cell + 8, s);
}

std::string HtmlTable(const Table& table) {
  const auto row = [&](const std::vector<std::string>& cells, const char* tag) {
    std::string s = "<tr>";
    for (size_t i = 0; i < cells.size(); ++i)
      s += Format("<%s%s>", tag, static_cast<int>(i) >= table.text_columns ? " class='n'" : "") + Escape(cells[i]) + Format("</%s>", tag);
    return s + "</tr>\n";
  };
  std::string s = "<div class='scroll'><table>" + row(table.header, "th");
  for (const auto& cells : table.rows) s += row(cells, "td");
  return s + "</table></div>\n";
}

std::string Facts(const std::vector<Fact>& facts) {
  std::string s = "<div class='facts'>";
  for (const Fact& f : facts) {
    const char* tone = f.tone > 0 ? " class='good'" : f.tone < 0 ? " class='bad'" : "";
    s += Format("<div class='fact'><b%s>", tone) + Escape(f.value) + "</b><span>" + Escape(f.label) + "</span></div>";
  }
  return s + "</div>\n";
}

std::string Shots(const std::vector<Shot>& shots) {
  std::string s = "<div class='shots'>";
  for (const Shot& shot : shots)
    s += "<figure class='shot'><img alt='' src='" + PngUri(shot.height, shot.width, shot.channels, shot.pixels) + "'>" + Escape(shot.caption) + "</figure>";
  return s + "</div>\n";
}

std::string Section(std::string_view heading, std::string_view lead, std::string_view body) {
  std::string s = "<h2>" + Escape(heading) + "</h2>\n";
  if (!lead.empty()) s += "<p class='soft'>" + Escape(lead) + "</p>\n";
  return s.append(body);
}

std::string Page(std::string_view title, std::string_view subtitle, std::string_view body) {
  std::string s = "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'><title>";
  s += Escape(title) + "</title><style>";
  s.append(kStyle);
  s += "</style></head><body><main><h1>" + Escape(title) + "</h1><p class='soft'>" + Escape(subtitle) + "</p>\n";
  s.append(body);
  return s + "</main></body></html>\n";
}

}  // namespace octet::report
