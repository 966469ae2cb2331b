// SPDX-License-Identifier: Apache-2.0
// What commands print: aligned tables on stdout, progress on stderr when that is a terminal.
#pragma once
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/status.h"
#include "report/html.h"

namespace octet::cli {

// printf for people: texts quote names from files, so what a terminal would take for a command is left out.
[[gnu::format(printf, 2, 3)]] void Print(std::FILE* to, const char* format, ...);

// Columns as wide as their content; numbers (from table.text_columns on) to the right.
void PrintTable(report::Table table);

// Fails now where one of the files that are to be written could not be, or two are the same; an empty path is none.
Status CheckOutputs(std::initializer_list<std::string> paths);

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
