// SPDX-License-Identifier: Apache-2.0
// The values of a SavedModel's variables: variables/variables.index (a table of keys) and the shards of data it
// points into, which are mapped and read when a variable is used.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "importers/savedmodel/graph_def.h"

namespace octet::importers::savedmodel {

class Variables {
 public:
  // `prefix` is ".../variables/variables". A folder without variables is fine.
  static Result<std::unique_ptr<Variables>> Open(const std::string& prefix);

  struct Entry {
    int64_t type = 0;
    StoredShape shape;
    uint64_t shard = 0, offset = 0, size = 0;
    bool sliced = false;  // A partitioned variable, whose pieces have keys of their own.
  };
  // Null when there is none of that key.
  const Entry* Find(std::string_view key) const;
  // The bytes where they lie. Numbers only.
  Result<Bytes> Read(std::string_view key);
  // Where Read found them.
  std::shared_ptr<const MappedFile> FileOf(const Entry& entry) const { return files_.at(entry.shard); }
  // Bytes that Read gave and that are copied: their pages may go.
  void Release(Bytes read) const;
  // A vector of texts.
  Result<std::vector<std::string>> ReadTexts(std::string_view key);

 private:
  Result<Bytes> Locate(const Entry& entry, std::string_view key);

  std::string prefix_;
  uint64_t shards_ = 1;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<uint64_t, std::shared_ptr<const MappedFile>> files_;
};

// Which checkpoint key belongs to which variable, by the name of its node in the main graph. Read off the restore
// operation, because the variables' own names are not unique.
Result<std::map<std::string_view, std::string>> VariableKeys(MetaGraph& meta);

}  // namespace octet::importers::savedmodel
