// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/utf8.h"

namespace octet::cli {
namespace {

constexpr size_t kMaxColumn = 48;  // Long tensor names are cut in tables; --json has them whole.

bool BeginsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }
size_t Width(const std::string& s) { return static_cast<size_t>(std::ranges::count_if(s, BeginsCharacter)); }

// So many characters from the begin, or from the end.
std::string_view Front(std::string_view text, size_t characters) {
  size_t bytes = 0;
  for (; bytes < text.size(); ++bytes)
    if (BeginsCharacter(text[bytes]) && characters-- == 0) break;
  return text.substr(0, bytes);
}
std::string_view Back(const std::string& text, size_t characters) { return std::string_view(text).substr(Front(text, Width(text) - characters).size()); }

std::string Cell(const std::string& text, size_t width, bool left) {
  if (Width(text) > width) return "…" + std::string(Back(text, width - 1));  // The end tells names apart.
  const std::string pad(width - Width(text), ' ');
  return left ? text + pad : pad + text;
}

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of the terminal, which wraps longer lines; then they could not be erased.
size_t Columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - size_t{1} : SIZE_MAX;
}

}  // namespace

void Print(std::FILE* to, const char* format, ...) {
  va_list list;
  va_start(list, format);
  char* text = nullptr;
  const int size = ::vasprintf(&text, format, list);
  va_end(list);
  if (size < 0) return;
  std::fputs(Printable({text, static_cast<size_t>(size)}).c_str(), to);
  std::free(text);
}

void PrintTable(report::Table table) {
  for (auto& row : table.rows)
    for (std::string& cell : row) cell = OneLine(cell);
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

Status CheckOutputs(std::initializer_list<std::string> paths) {
  std::set<std::filesystem::path> files;
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    OCTET_TRY(CheckWritable(path));
    std::error_code error;
    if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) continue;  // A pipe or a device takes both.
    std::filesystem::path file = std::filesystem::weakly_canonical(path, error);
    if (error) file = path;
    if (!files.insert(file).second) return Error(Code::kInvalidArgument, "'%s' cannot take two results; give each a file of its own", path.c_str());
  }
  return {};
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
  const std::string line =
      Format("%s: %s %s %lld of %lld", label_.c_str(), bar.c_str(), OneLine(what).c_str(), static_cast<long long>(done), static_cast<long long>(total));
  std::fprintf(stderr, "\r\033[K%s", std::string(Front(line, Columns())).c_str());
}

}  // namespace octet::cli
