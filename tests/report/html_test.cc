// SPDX-License-Identifier: Apache-2.0
// What the numbers on charts look like, and where values lie.
#include "report/html.h"

#include <gtest/gtest.h>

namespace octet::report {
namespace {

bool Has(const std::string& html, const std::string& part) { return html.find(part) != std::string::npos; }

Chart OfOne(std::vector<double> values) {
  Chart chart;
  chart.series = {{"a", std::move(values), 0}};
  return chart;
}

TEST(Html, AxesHaveRoundNumbersWithoutExponents) {
  const std::string html = LineChart(OfOne({0, 9075}));
  for (const char* tick : {">0<", ">2000<", ">8000<"}) EXPECT_TRUE(Has(html, tick)) << tick << html;
  EXPECT_FALSE(Has(html, "e+"));
  EXPECT_TRUE(Has(LineChart(OfOne({0.31})), ">0.3<"));
  EXPECT_TRUE(Has(LineChart(OfOne({48000})), ">40k<"));
  Chart bars = OfOne({1234});
  bars.categories = {"one"};
  EXPECT_TRUE(Has(BarChart(bars), ">1234<"));
}

TEST(Html, OneOutlierDoesNotTakeTheAxis) {
  Chart chart = OfOne({10, 12, 12000});
  chart.end = 24;
  const std::string html = LineChart(chart);
  EXPECT_TRUE(Has(html, ">20<")) << html;
  EXPECT_FALSE(Has(html, "k<"));
}

TEST(Html, AnAxisBeginsWhereItIsAskedTo) {
  Chart chart = OfOne({255, 240, 0});
  chart.log_scale = true;
  EXPECT_FALSE(Has(LineChart(chart), ">1<"));
  chart.begin = 1;
  EXPECT_TRUE(Has(LineChart(chart), ">1<"));
}

TEST(Html, TextIsEscaped) { EXPECT_TRUE(Has(Section("<b>", "", ""), "&lt;b&gt;")); }

}  // namespace
}  // namespace octet::report
