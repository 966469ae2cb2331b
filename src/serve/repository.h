// SPDX-License-Identifier: Apache-2.0
// Which models are served under which names and versions. A change of a file, or a request, puts a new model in place of
// the old one at once; the old one ends what it has taken. A file that does not load leaves the old one in place.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "serve/served_model.h"

namespace octet::serve {

// What tells that a file is another one.
struct FileStamp {
  int64_t mtime_ns = 0, bytes = -1;
  uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;
};

struct ModelState {
  std::string name, version;
  bool ready = false;
  std::string reason;  // Why it is not ready, or why the last reload failed.
};

class Repository {
 public:
  using Prepare = std::function<void(ServedModel&)>;  // Called with each model before it is served.
  using Report = std::function<void(const std::string& line)>;
  Repository(Prepare prepare, Report report) : prepare_(std::move(prepare)), report_(std::move(report)) {}
  ~Repository() { DrainAll(); }

  Status Add(const ModelConfig& config);  // And loads it.
  // The newest version where `version` is empty. On failure *status is the HTTP status: 404, or 503 when it is not loaded.
  Result<std::shared_ptr<ServedModel>> Find(std::string_view name, std::string_view version, int* status) const;
  std::vector<std::string> Versions(std::string_view name) const;  // Loaded ones.
  std::vector<ModelState> Index() const;
  std::vector<std::shared_ptr<ServedModel>> Models() const;
  bool AllReady() const;

  Status Load(std::string_view name);    // All versions of it, anew; also after Unload.
  Status Unload(std::string_view name);
  void Poll(bool everything);            // Reloads what changed and is no longer being written; or everything.
  void DrainAll();
  uint64_t reloads() const { return reloads_; }
  uint64_t failed_reloads() const { return failed_reloads_; }

 private:
  struct Entry {
    ModelConfig config;
    std::shared_ptr<ServedModel> model;  // Null: unloaded or never loaded.
    std::string reason;
    FileStamp loaded, seen;
  };
  // Newer versions first: longer numbers, then larger ones.
  struct NewerFirst {
    bool operator()(const std::string& a, const std::string& b) const { return a.size() != b.size() ? a.size() > b.size() : a > b; }
  };
  using Versions_ = std::map<std::string, Entry, NewerFirst>;

  Status Reload(Entry& entry);
  void Replace(Entry& entry, std::shared_ptr<ServedModel> model);
  Versions_* Named(std::string_view name);

  Prepare prepare_;
  Report report_;
  std::mutex changing_;                  // One change at a time; long.
  mutable std::shared_mutex mutex_;      // The map below; short.
  std::map<std::string, Versions_, std::less<>> models_;
  std::atomic<uint64_t> reloads_{0}, failed_reloads_{0};
};

}  // namespace octet::serve
