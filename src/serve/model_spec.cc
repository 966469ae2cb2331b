// SPDX-License-Identifier: Apache-2.0
#include "serve/model_spec.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace octet::serve {
namespace {

struct NumberKey {
  std::string_view key;
  int ModelConfig::*field;
  int low, high;
};
constexpr std::array kNumbers = {
    NumberKey{"threads", &ModelConfig::threads, 1, 256},      NumberKey{"instances", &ModelConfig::instances, 1, 256},
    NumberKey{"queue", &ModelConfig::queue, 1, 1'000'000},    NumberKey{"batch", &ModelConfig::max_batch, 1, 1024},
    NumberKey{"wait_us", &ModelConfig::batch_wait_us, 0, 1'000'000}, NumberKey{"shadow", &ModelConfig::shadow, 0, 1'000'000'000},
};

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("._-").find(c) != std::string_view::npos;
  });
}

Status SetNumber(const std::string& spec, std::string_view key, std::string_view value, int low, int high, int* out) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *out);
  if (error == std::errc() && end == value.data() + value.size() && *out >= low && *out <= high) return {};
  return Error(Code::kInvalidArgument, "'%s': %s: expected a number from %d to %d, found '%s'", spec.c_str(), std::string(key).c_str(), low, high,
               std::string(value).c_str());
}

Status SetKey(const std::string& spec, std::string_view key, std::string_view value, ModelConfig* config) {
  for (const NumberKey& n : kNumbers)
    if (n.key == key) return SetNumber(spec, key, value, n.low, n.high, &(config->*n.field));
  if (key == "memory_mb") {
    int megabytes = 0;
    OCTET_TRY(SetNumber(spec, key, value, 1, 1 << 20, &megabytes));
    config->memory_bytes = static_cast<uint64_t>(megabytes) << 20;
    return {};
  }
  if (key == "signature") return config->signature = value, Status();
  if (key == "delegate") return config->delegate = value, Status();
  return Error(Code::kInvalidArgument,
               "'%s': there is no key '%s'; there are: threads, instances, queue, batch, wait_us, shadow, signature, delegate, memory_mb", spec.c_str(),
               std::string(key).c_str());
}

}  // namespace

Result<ModelConfig> ParseModelSpec(const std::string& text, const ModelConfig& defaults) {
  ModelConfig config = defaults;
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return Error(Code::kInvalidArgument, "'%s': expected NAME=MODEL or NAME:VERSION=MODEL", text.c_str());
  const std::string who = text.substr(0, equals);
  const size_t colon = who.find(':');
  config.name = who.substr(0, colon);
  if (colon != std::string::npos) config.version = who.substr(colon + 1);
  if (!IsName(config.name) || !IsName(config.version))
    return Error(Code::kInvalidArgument, "'%s': a name and a version are letters, digits, '.', '_' and '-'", text.c_str());
  std::string_view rest = std::string_view(text).substr(equals + 1);
  config.path = rest.substr(0, rest.find(','));
  while (rest.find(',') != std::string_view::npos) {
    rest.remove_prefix(rest.find(',') + 1);
    const std::string_view pair = rest.substr(0, rest.find(','));
    const size_t split = std::min(pair.find('='), pair.size());
    OCTET_TRY(SetKey(text, pair.substr(0, split), pair.substr(std::min(split + 1, pair.size())), &config));
  }
  for (const NumberKey& n : kNumbers)  // The defaults, too.
    if (config.*n.field < n.low || config.*n.field > n.high)
      return Error(Code::kInvalidArgument, "'%s': %s: expected a number from %d to %d, found %d", text.c_str(), std::string(n.key).c_str(), n.low, n.high,
                   config.*n.field);
  return config;
}

}  // namespace octet::serve
