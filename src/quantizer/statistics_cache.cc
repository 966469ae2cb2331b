// SPDX-License-Identifier: Apache-2.0
#include "quantizer/statistics_cache.h"

#include <sys/stat.h>

#include <cstring>

#include "base/file.h"
#include "exporter/exporter.h"

namespace octet::quantizer {
namespace {

constexpr char kMagic[8] = {'o', 'c', 't', 's', 't', 'a', 't', '2'};  // The digit counts forms of the file.
constexpr uint32_t kMostValues = 1 << 26;                             // Of one list.

// Two 64-bit multiply-xor hashes over eight bytes at a time, started and multiplied differently: 128 bits, so that
// different inputs do not meet by accident. Nobody gains from making them meet: the folder is the user's own.
class Digest {
 public:
  void Add(std::span<const std::byte> bytes) {
    Add(bytes.size());
    for (size_t at = 0; at < bytes.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, std::min<size_t>(8, bytes.size() - at));
      Add(word);
    }
  }
  void Add(uint64_t word) {
    a_ = Mix(a_ ^ word, 0x9e3779b97f4a7c15u);
    b_ = Mix(b_ ^ word, 0xc2b2ae3d27d4eb4fu);
  }
  std::string Text() const { return Format("%016llx%016llx", static_cast<unsigned long long>(a_), static_cast<unsigned long long>(b_)); }

 private:
  static uint64_t Mix(uint64_t x, uint64_t factor) {
    x *= factor;
    return (x ^ x >> 29) * 0xbf58476d1ce4e5b9u ^ x >> 32;
  }
  uint64_t a_ = 0x243f6a8885a308d3u, b_ = 0x13198a2e03707344u;
};

class Out {
 public:
  template <class T> void Put(const T& v) {
    const auto bytes = std::as_bytes(std::span(&v, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  template <class List> void PutList(const List& list) {
    Put(static_cast<uint32_t>(list.size()));
    const auto bytes = std::as_bytes(std::span(list));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class In {
 public:
  explicit In(std::span<const std::byte> bytes) : left_(bytes) {}
  template <class T> void Get(T* v) {
    if (left_.size() < sizeof(T)) return Fail();
    std::memcpy(v, left_.data(), sizeof(T));
    left_ = left_.subspan(sizeof(T));
  }
  template <class List> void GetList(List* list) {
    uint32_t count = 0;
    Get(&count);
    const size_t each = sizeof(typename List::value_type);
    if (!ok_ || count > kMostValues || left_.size() / each < count) return Fail();
    list->resize(count);
    std::memcpy(list->data(), left_.data(), count * each);
    left_ = left_.subspan(count * each);
  }
  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }

 private:
  void Fail() {
    ok_ = false;
    left_ = {};
  }
  std::span<const std::byte> left_;
  bool ok_ = true;
};

}  // namespace

std::vector<std::byte> Serialize(const Statistics& statistics) {
  Out out;
  out.Put(kMagic);
  out.Put(static_cast<uint32_t>(statistics.size()));
  for (const auto& [name, s] : statistics) {
    out.PutList(name);
    out.Put(s.min), out.Put(s.max), out.Put(s.runner_up_max), out.Put(s.widest_sample), out.Put(s.count), out.Put(s.ema_min), out.Put(s.ema_max),
        out.Put(s.ema_samples), out.Put(s.nearest);
    out.PutList(s.channel_max), out.PutList(s.channel_mean), out.PutList(s.histogram);
  }
  return out.Take();
}

std::optional<Statistics> ParseStatistics(std::span<const std::byte> bytes) {
  In in(bytes);
  char magic[sizeof kMagic];
  uint32_t count = 0;
  in.Get(&magic), in.Get(&count);
  if (!in.ok() || std::memcmp(magic, kMagic, sizeof kMagic) != 0) return std::nullopt;
  Statistics statistics;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string name;
    in.GetList(&name);
    TensorStatistics& s = statistics[name];
    in.Get(&s.min), in.Get(&s.max), in.Get(&s.runner_up_max), in.Get(&s.widest_sample), in.Get(&s.count), in.Get(&s.ema_min), in.Get(&s.ema_max),
        in.Get(&s.ema_samples), in.Get(&s.nearest);
    in.GetList(&s.channel_max), in.GetList(&s.channel_mean), in.GetList(&s.histogram);
    if (!s.histogram.empty() && s.histogram.size() != kHistogramBins) return std::nullopt;
  }
  if (!in.ok() || !in.at_end() || statistics.size() != count) return std::nullopt;
  return statistics;
}

std::string CacheName(std::span<const std::byte> model, const data::Dataset& data, SampleRange samples, bool histograms, const SampleRange* binned) {
  Digest digest;
  digest.Add(model);
  for (int i = 0; i < data.num_inputs(); ++i) {
    digest.Add(std::as_bytes(std::span(data.input_name(i))));
    for (int64_t at = samples.first; at < samples.end; at += samples.step) digest.Add(data.sample(i, at));
  }
  digest.Add(histograms);
  if (binned)
    for (int64_t v : {binned->first, binned->end, binned->step}) digest.Add(static_cast<uint64_t>(v));
  return digest.Text() + ".statistics";
}

Result<Statistics> CalibrateCached(const std::string& folder, const graph::Model& model, const data::Dataset& data, SampleRange samples, bool histograms,
                                   const Progress& progress, const SampleRange* binned) {
  if (folder.empty()) return Calibrate(model, data, samples, histograms, progress, binned);
  OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(model));
  const std::string path = folder + "/" + CacheName(bytes, data, samples, histograms, binned);
  if (const Result<MappedFile> file = MappedFile::Open(path); file.ok())
    if (std::optional<Statistics> found = ParseStatistics(file->bytes())) return std::move(*found);
  OCTET_ASSIGN(Statistics statistics, Calibrate(model, data, samples, histograms, progress, binned));
  ::mkdir(folder.c_str(), 0777);
  (void)WriteFile(path, Serialize(statistics));
  return statistics;
}

}  // namespace octet::quantizer
