// SPDX-License-Identifier: Apache-2.0
// Self-contained HTML pages with plots as inline SVG: no scripts, no fonts, nothing fetched.
// Colours come from the page's style sheet, light and dark. Text is escaped here, once.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace octet::report {

std::string Escape(std::string_view text);

// One line or one group of bars; `color` 0..3 picks from the page's palette (0 float, 1 naive, 2 octet).
struct Series {
  std::string name;
  std::vector<double> values;
  int color = 0;
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<std::string> categories;  // One per value; empty for LineChart: ranks are drawn.
  std::vector<Series> series;
  std::vector<int> category_colors;     // Of a bar chart with one series; empty: the series' own.
  bool log_scale = false;               // Values <= 0 are drawn at the bottom.
  int value_digits = 3;                 // Significant digits of the numbers on bars.
  double begin = INFINITY, end = INFINITY;  // The axis begins at or below `begin` and does not go beyond `end`, where larger values are drawn.
};

std::string BarChart(const Chart& chart);   // Grouped, horizontal: long layer names stay readable.
std::string LineChart(const Chart& chart);

struct Heatmap {
  std::string title, row_label, column_label;
  std::vector<std::string> rows, columns;
  std::vector<double> values;  // Row-major counts; the diagonal is drawn in the "good" colour.
};
std::string HeatmapChart(const Heatmap& map);

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  int text_columns = 1;  // The first ones are left aligned; numbers after them to the right.
};
std::string HtmlTable(const Table& table);

struct Fact {
  std::string label, value;
  int tone = 0;  // 0 neutral, 1 good, -1 bad.
};
std::string Facts(const std::vector<Fact>& facts);  // A row of large figures.

// A small picture with a line of text.
struct Shot {
  std::string caption;
  int height = 0, width = 0, channels = 0;  // 1 gray, 3 red, green, blue.
  std::vector<uint8_t> pixels;              // Row by row, channels interleaved.
};
std::string Shots(const std::vector<Shot>& shots);

// body: HTML made by the functions above, headings and paragraphs.
std::string Page(std::string_view title, std::string_view subtitle, std::string_view body);
std::string Section(std::string_view heading, std::string_view lead, std::string_view body);

}  // namespace octet::report
