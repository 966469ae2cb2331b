// SPDX-License-Identifier: Apache-2.0
#include "serve/tokens.h"

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "base/file.h"
#include "serve/sha256.h"

namespace octet::serve {
namespace {

constexpr size_t kMinToken = 16;

std::string Digest(std::string_view token) { return Sha256(std::as_bytes(std::span(token))); }

}  // namespace

Result<Authorize> TokensFromFile(const std::string& path) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  std::istringstream lines(std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()));
  // Found by their digests, so that how long a look-up takes says nothing about a token.
  auto subjects = std::make_shared<std::unordered_map<std::string, std::string>>();
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::string token, subject;
    if (!(words >> token)) continue;
    const bool printable = std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
    if (token.size() < kMinToken || !printable)
      return Error(Code::kInvalidArgument, "'%s', line %d: a token has at least %zu characters of ASCII", path.c_str(), number, kMinToken);
    words >> subject;
    subjects->emplace(Digest(token), subject);
  }
  if (subjects->empty()) return Error(Code::kInvalidArgument, "'%s' has no token; expected one a line", path.c_str());
  return Authorize([subjects](std::string_view token, std::string_view) -> std::optional<std::string> {
    const auto found = subjects->find(Digest(token));
    if (found == subjects->end()) return std::nullopt;
    return found->second;
  });
}

}  // namespace octet::serve
