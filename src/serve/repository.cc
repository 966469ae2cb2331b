// SPDX-License-Identifier: Apache-2.0
#include "serve/repository.h"

#include <sys/stat.h>

namespace octet::serve {
namespace {

FileStamp StampOf(const std::string& path) {
  struct stat s;
  if (::stat(path.c_str(), &s) != 0) return {};
  return {int64_t{s.st_mtim.tv_sec} * 1'000'000'000 + s.st_mtim.tv_nsec, int64_t{s.st_size}, static_cast<uint64_t>(s.st_ino)};
}

std::string Label(const ModelConfig& c) { return "model '" + c.name + "' version " + c.version; }

}  // namespace

Status Repository::Add(const ModelConfig& config) {
  std::lock_guard change(changing_);
  Entry* entry = nullptr;
  {
    std::unique_lock lock(mutex_);
    const auto [at, fresh] = models_[config.name].try_emplace(config.version);
    if (!fresh) return Error(Code::kInvalidArgument, "%s is given twice", Label(config).c_str());
    entry = &at->second;
    entry->config = config;
  }
  return Reload(*entry);
}

Result<std::shared_ptr<ServedModel>> Repository::Find(std::string_view name, std::string_view version, int* status) const {
  std::shared_lock lock(mutex_);
  const auto versions = models_.find(name);
  *status = 404;
  if (versions == models_.end()) return Error(Code::kInvalidArgument, "there is no model '%s'", std::string(name).c_str());
  for (const auto& [number, entry] : versions->second) {
    if (!version.empty() && number != version) continue;
    if (entry.model) return entry.model;
    *status = 503;
    if (!version.empty()) return Error(Code::kInvalidArgument, "%s is not loaded: %s", Label(entry.config).c_str(), entry.reason.c_str());
  }
  if (*status == 503) return Error(Code::kInvalidArgument, "no version of model '%s' is loaded", std::string(name).c_str());
  return Error(Code::kInvalidArgument, "model '%s' has no version '%s'", std::string(name).c_str(), std::string(version).c_str());
}

std::vector<std::string> Repository::Versions(std::string_view name) const {
  std::shared_lock lock(mutex_);
  std::vector<std::string> loaded;
  if (const auto versions = models_.find(name); versions != models_.end())
    for (const auto& [number, entry] : versions->second)
      if (entry.model) loaded.push_back(number);
  return loaded;
}

std::vector<ModelState> Repository::Index() const {
  std::shared_lock lock(mutex_);
  std::vector<ModelState> index;
  for (const auto& [name, versions] : models_)
    for (const auto& [number, entry] : versions) index.push_back({name, number, entry.model != nullptr, entry.reason});
  return index;
}

std::vector<std::shared_ptr<ServedModel>> Repository::Models() const {
  std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<ServedModel>> all;
  for (const auto& [name, versions] : models_)
    for (const auto& [number, entry] : versions)
      if (entry.model) all.push_back(entry.model);
  return all;
}

bool Repository::AllReady() const {
  std::shared_lock lock(mutex_);
  for (const auto& [name, versions] : models_)
    for (const auto& [number, entry] : versions)
      if (!entry.model && entry.reason != "unloaded") return false;
  return true;
}

Repository::Versions_* Repository::Named(std::string_view name) {
  const auto found = models_.find(name);
  return found == models_.end() ? nullptr : &found->second;
}

// Under changing_: entries are neither added nor removed meanwhile, so they may be read without the other lock.
Status Repository::Reload(Entry& entry) {
  const FileStamp stamp = StampOf(entry.config.path);
  auto loaded = ServedModel::Load(entry.config);
  entry.loaded = entry.seen = stamp;
  if (!loaded.ok()) {
    ++failed_reloads_;
    const std::string why = loaded.error().message();
    report_(Label(entry.config) + (entry.model ? ": the new file does not load, the old model goes on: " : " does not load: ") + why);
    std::unique_lock lock(mutex_);
    entry.reason = why;
    return std::move(loaded).status();
  }
  prepare_(**loaded);
  if (InputWatch* watch = (*loaded)->input_watch())
    watch->SetReport([report = report_, label = Label(entry.config)](const std::string& text) { report(label + ": warning: " + text); });
  report_(Label(entry.config) + " is ready, sha256 " + (*loaded)->sha256().substr(0, 12));
  if (entry.model) ++reloads_;
  Replace(entry, std::move(*loaded));
  return {};
}

void Repository::Replace(Entry& entry, std::shared_ptr<ServedModel> model) {
  {
    std::unique_lock lock(mutex_);
    entry.reason = model ? "" : "unloaded";
    std::swap(entry.model, model);
  }
  if (model) model->Drain();
}

Status Repository::Load(std::string_view name) {
  std::lock_guard change(changing_);
  Versions_* versions = Named(name);
  if (!versions) return Error(Code::kInvalidArgument, "there is no model '%s' in the repository", std::string(name).c_str());
  for (auto& [number, entry] : *versions) OCTET_TRY(Reload(entry));
  return {};
}

Status Repository::Unload(std::string_view name) {
  std::lock_guard change(changing_);
  Versions_* versions = Named(name);
  if (!versions) return Error(Code::kInvalidArgument, "there is no model '%s' in the repository", std::string(name).c_str());
  for (auto& [number, entry] : *versions) {
    Replace(entry, nullptr);
    report_(Label(entry.config) + " is unloaded");
  }
  return {};
}

void Repository::Poll(bool everything) {
  std::lock_guard change(changing_);
  for (auto& [name, versions] : models_) {
    for (auto& [number, entry] : versions) {
      if (!entry.model && entry.reason == "unloaded") continue;
      const FileStamp now = StampOf(entry.config.path);
      const bool settled = now == entry.seen;  // The same as one poll ago: nobody is writing it.
      entry.seen = now;
      if (everything || (settled && now.bytes >= 0 && now != entry.loaded)) (void)Reload(entry);
    }
  }
}

void Repository::DrainAll() {
  std::lock_guard change(changing_);
  for (auto& [name, versions] : models_)
    for (auto& [number, entry] : versions) Replace(entry, nullptr);
}

}  // namespace octet::serve
