// SPDX-License-Identifier: Apache-2.0
#include "serve/routes.h"

#include <algorithm>
#include <charconv>

namespace octet::serve {
namespace {

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty() && path.front() == '/') {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool Matches(const Route& route, const std::vector<std::string>& path, std::vector<std::string>* params) {
  if (route.segments.size() != path.size()) return false;
  params->clear();
  for (size_t i = 0; i < path.size(); ++i) {
    if (route.segments[i] == "{}") {
      if (!PercentDecode(path[i], &params->emplace_back())) return false;
    } else if (route.segments[i] != path[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool PercentDecode(std::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    unsigned char byte = 0;
    if (i + 2 >= text.size()) return false;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (error != std::errc() || end != text.data() + i + 3) return false;
    out->push_back(static_cast<char>(byte));
    i += 2;
  }
  return true;
}

void Routes::Add(std::string_view method, std::string_view pattern, Handler blocking, AsyncHandler async, Admit admit) {
  routes_.push_back({std::string(method), Split(pattern), std::move(blocking), std::move(async), std::move(admit)});
}

const Route* Routes::Find(std::string_view method, std::string_view path, std::vector<std::string>* params, int* status) const {
  const std::vector<std::string> segments = Split(path);
  *status = 404;
  for (const Route& route : routes_) {
    if (!Matches(route, segments, params)) continue;
    if (route.method == method) return &route;
    *status = 405;
  }
  return nullptr;
}

}  // namespace octet::serve
