// SPDX-License-Identifier: Apache-2.0
// What commands print: aligned tables on stdout, progress on stderr when that is a terminal.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "report/html.h"

namespace octet::cli {

// Columns as wide as their content; numbers (from table.text_columns on) to the right.
void PrintTable(const report::Table& table);

std::string ByteText(uint64_t bytes);  // "12.3 kB"

// A bar on stderr, drawn at most ten times a second; silent where stderr is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();  // Erases the bar.
  void Update(std::string_view what, int64_t done, int64_t total);

 private:
  std::string label_;
  bool terminal_;
  int64_t last_ms_ = 0;
};

}  // namespace octet::cli
