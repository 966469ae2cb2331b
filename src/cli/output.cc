// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/status.h"

namespace octet::cli {
namespace {

constexpr size_t kMaxColumn = 48;  // Long tensor names are cut in tables; --json has them whole.

// Characters, not bytes: names may hold UTF-8.
size_t Width(const std::string& s) {
  return static_cast<size_t>(std::ranges::count_if(s, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string Cell(const std::string& text, size_t width, bool left) {
  if (Width(text) > width) return "…" + text.substr(text.size() - (width - 1));  // The end tells names apart.
  const std::string pad(width - Width(text), ' ');
  return left ? text + pad : pad + text;
}

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void PrintTable(const report::Table& table) {
  std::vector<size_t> widths(table.header.size(), 0);
  const auto widen = [&](const std::vector<std::string>& row) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::clamp(Width(row[i]), widths[i], std::max(widths[i], kMaxColumn));
  };
  widen(table.header);
  for (const auto& row : table.rows) widen(row);
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += (i ? "  " : "") + Cell(row[i], widths[i], static_cast<int>(i) < table.text_columns);
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
  };
  print(table.header);
  for (const auto& row : table.rows) print(row);
}

std::string ByteText(uint64_t bytes) {
  if (bytes < 1000) return Format("%llu B", static_cast<unsigned long long>(bytes));
  const double kb = static_cast<double>(bytes) / 1000;
  return kb < 1000 ? Format("%.1f kB", kb) : Format("%.2f MB", kb / 1000);
}

ProgressBar::ProgressBar(std::string label) : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (terminal_ && last_ms_ > 0) std::fprintf(stderr, "\r\033[K");
}

void ProgressBar::Update(std::string_view what, int64_t done, int64_t total) {
  constexpr int kWidth = 30, kEveryMs = 100;
  if (!terminal_ || total <= 0 || NowMs() - last_ms_ < kEveryMs) return;
  last_ms_ = NowMs();
  const int filled = static_cast<int>(kWidth * std::min(done, total) / total);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  std::fprintf(stderr, "\r\033[K%s: %s %.*s %lld of %lld", label_.c_str(), bar.c_str(), static_cast<int>(what.size()), what.data(),
               static_cast<long long>(done), static_cast<long long>(total));
}

}  // namespace octet::cli
