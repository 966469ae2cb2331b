// SPDX-License-Identifier: Apache-2.0
#include "fleet/direct_upload.h"

#include "fleet/database.h"

namespace octet::fleet {
namespace {

constexpr int kBusySeconds = 60;

// As the collector would have answered. No answer at all is an error: then it is unknown what was committed.
Result<telemetry::PostResponse> Failed(const Status& error, const std::string& sqlstate) {
  if (sqlstate.starts_with("53") || sqlstate.starts_with("57"))
    return telemetry::PostResponse{503, error.message(), kBusySeconds};  // Out of resources, shutting down.
  if (sqlstate.starts_with("28")) return telemetry::PostResponse{401, error.message(), -1};                                          // Not let in.
  return Error(error.code(), "%s", error.message().c_str());
}

class Upload {
 public:
  explicit Upload(std::string url) : url_(std::move(url)) {}

  Result<telemetry::PostResponse> operator()(const std::string& lines) {
    if (!database_ || !database_->connected()) {
      database_.reset();
      auto connected = Database::Connect(url_);
      if (!connected.ok()) return std::move(connected).status();
      database_.emplace(std::move(*connected));
      const Status set = database_->Run("SET statement_timeout = '30s'");
      if (!set.ok()) return Failed(set, database_->sqlstate());
    }
    std::vector<Parameter> split;
    for (size_t at = 0, end; (end = lines.find('\n', at)) != std::string::npos; at = end + 1) split.emplace_back(lines.substr(at, end - at));
    const auto rows = database_->Query("SELECT rejected, expired FROM fleet.upload($1::text[])", {ArrayText(split)});
    if (!rows.ok()) return Failed(rows.error(), database_->sqlstate());
    if (rows->size() != 1) return Error(Code::kIo, "fleet.upload gave no answer");
    return telemetry::PostResponse{200, "{\"rejected\":" + std::to_string(rows->integer(0, 0)) + ",\"expired\":" + std::to_string(rows->integer(0, 1)) + "}",
                                   -1};
  }

 private:
  std::string url_;
  std::optional<Database> database_;
};

}  // namespace

telemetry::Send DirectUpload(std::string url) {
  return [upload = std::make_shared<Upload>(std::move(url))](const std::string& lines) { return (*upload)(lines); };
}

}  // namespace octet::fleet
