// SPDX-License-Identifier: Apache-2.0
#include "telemetry/config.h"

#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "telemetry/device.h"

namespace octet::telemetry {
namespace {

using nlohmann::json;

constexpr size_t kMinSalt = 16;

// Takes the known keys out of an object; what is left is a mistake.
class Reader {
 public:
  Reader(json object, std::string where) : object_(std::move(object)), where_(std::move(where)) {}

  Status Text(const char* key, std::string* out) {
    const auto at = object_.find(key);
    if (at == object_.end()) return {};
    if (!at->is_string()) return Wrong(key, "a text");
    *out = at->get<std::string>();
    object_.erase(at);
    return {};
  }
  Status Number(const char* key, int64_t low, int64_t high, int64_t* out) {
    const auto at = object_.find(key);
    if (at == object_.end()) return {};
    if (!at->is_number_integer() || at->get<int64_t>() < low || at->get<int64_t>() > high)
      return Wrong(key, Format("an integer from %lld to %lld", static_cast<long long>(low), static_cast<long long>(high)).c_str());
    *out = at->get<int64_t>();
    object_.erase(at);
    return {};
  }
  json Take(const char* key) {
    json value = object_.contains(key) ? object_[key] : json::object();
    object_.erase(key);
    return value;
  }
  Status Finish() const {
    return object_.empty() ? Status()
                           : Error(Code::kInvalidArgument, "'%s': there is no key '%s' (docs/telemetry.md has those that there are)", where_.c_str(),
                                   object_.begin().key().c_str());
  }

 private:
  Status Wrong(const char* key, const char* wanted) const {
    return Error(Code::kInvalidArgument, "'%s': '%s': expected %s, found %s", where_.c_str(), key, wanted, object_[key].dump().substr(0, 60).c_str());
  }
  json object_;
  std::string where_;
};

Result<std::string> ReadText(const std::string& path) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  text.erase(text.find_last_not_of(" \r\n\t") + 1);
  return text;
}

Status ReadHardware(json object, const std::string& path, Hardware* h) {
  if (!object.is_object()) return Error(Code::kInvalidArgument, "'%s': 'hardware': expected an object", path.c_str());
  Reader r(std::move(object), path + "', 'hardware");
  OCTET_TRY(r.Text("model", &h->model));
  OCTET_TRY(r.Text("soc", &h->soc));
  OCTET_TRY(r.Text("os", &h->os));
  OCTET_TRY(r.Text("driver", &h->driver));
  return r.Finish();
}

// Of scheme://user@host:port/path?query; what stands in [] is an address with colons of its own.
std::string HostOf(const std::string& url) {
  const std::string server = url.substr(0, url.find_first_of("/?", url.find("//") + 2));
  const std::string host = server.substr(server.find_last_of("/@") + 1);
  return host.starts_with('[') ? host.substr(1, host.find(']') - 1) : host.substr(0, host.find(':'));
}

// Records leave the machine only to a server that proves who it is.
Status CheckDatabase(const std::string& path, Config* c) {
  const size_t question = std::min(c->endpoint.find('?'), c->endpoint.size());
  const std::string host = HostOf(c->endpoint), query = c->endpoint.substr(question);
  const bool here = (host == "127.0.0.1" || host == "localhost" || host == "::1") && query.find("host") == std::string::npos;
  if (!here && query.find("sslmode=verify-full") == std::string::npos)
    return Error(Code::kInvalidArgument, "'%s': 'endpoint': a database on another machine needs ?sslmode=verify-full", path.c_str());
  if (!c->ca_file.empty()) c->endpoint += (query.empty() ? "?sslrootcert=" : "&sslrootcert=") + c->ca_file;
  return {};
}

Status ReadSecrets(Reader* r, const std::string& path, Config* c) {
  std::string token_file, salt, identity;
  OCTET_TRY(r->Text("token", &c->token));
  OCTET_TRY(r->Text("token_file", &token_file));
  OCTET_TRY(r->Text("salt", &salt));
  OCTET_TRY(r->Text("identity", &identity));
  if (!token_file.empty()) {
    OCTET_ASSIGN(c->token, ReadText(token_file));
  }
  if (!c->direct && c->token.empty())
    return Error(Code::kInvalidArgument, "'%s': expected 'token' or 'token_file': the device's token for the collector", path.c_str());
  if (c->token.find_first_of("\r\n ") != std::string::npos) return Error(Code::kInvalidArgument, "'%s': 'token': expected one word", path.c_str());
  if (salt.size() < kMinSalt)
    return Error(Code::kInvalidArgument,
                 "'%s': 'salt': expected at least %zu characters, the same for all devices of the owner; without it a device could be guessed from its id",
                 path.c_str(), kMinSalt);
  if (identity.empty()) identity = MachineIdentity();
  if (identity.empty())
    return Error(Code::kInvalidArgument, "'%s': this machine has no /etc/machine-id; give 'identity', a text that no other device has", path.c_str());
  c->device = DeviceId(salt, identity);
  return {};
}

}  // namespace

std::string DeviceId(const std::string& salt, const std::string& identity) {
  const std::string text = salt + '\0' + identity;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < 16; ++i) hex += Format("%02x", digest[i]);
  return hex;
}

Result<Config> ReadConfig(const std::string& path) {
  OCTET_ASSIGN(const std::string text, ReadText(path));
  json object = json::parse(text, nullptr, false, true);
  if (!object.is_object()) return Error(Code::kInvalidArgument, "'%s': expected a JSON object", path.c_str());
  Reader r(std::move(object), path);
  Config c;
  c.hardware = ThisHardware();
  int64_t megabytes = 64, days = 30, seconds = 60, sampling = c.operator_sampling;
  OCTET_TRY(r.Text("endpoint", &c.endpoint));
  c.direct = c.endpoint.starts_with("postgresql://") || c.endpoint.starts_with("postgres://");
  OCTET_TRY(r.Text("ca_file", &c.ca_file));
  OCTET_TRY(r.Text("spool", &c.spool));
  OCTET_TRY(r.Number("spool_mb", 1, 1 << 16, &megabytes));
  OCTET_TRY(r.Number("max_age_days", 1, 3650, &days));
  OCTET_TRY(r.Number("window_s", 1, 3600, &seconds));
  OCTET_TRY(r.Number("operator_sampling", 0, 1'000'000, &sampling));
  OCTET_TRY(ReadHardware(r.Take("hardware"), path, &c.hardware));
  OCTET_TRY(ReadSecrets(&r, path, &c));
  OCTET_TRY(r.Finish());
  if (c.spool.empty())
    return Error(Code::kInvalidArgument, "'%s': 'spool': expected the path of the file that keeps records until they are uploaded", path.c_str());
  if (c.direct) {
    OCTET_TRY(CheckDatabase(path, &c));
  } else {
    OCTET_ASSIGN(c.url, ParseUrl(c.endpoint));
  }
  c.spool_bytes = megabytes << 20;
  c.max_age_s = days * 86'400;
  c.window_us = seconds * 1'000'000;
  c.operator_sampling = static_cast<int>(sampling);
  return c;
}

}  // namespace octet::telemetry
