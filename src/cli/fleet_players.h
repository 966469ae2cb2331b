// SPDX-License-Identifier: Apache-2.0
// Devices that exist only as numbers: what a fleet would have uploaded, the same for the same seed. For tests and measurements of the central side.
#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace octet::cli {

struct PlayOptions {
  int devices = 100, minutes = 60, batch_minutes = 10;
  uint64_t seed = 1;
  int64_t until_us = 0;           // When the last minute ends, µs since 1970.
  int inferences = 30;            // A minute.
  int operators_every = 10;       // Minutes between records with operators; 0: none.
  double offline = 0.1;           // Share of devices with one offline spell.
  double skewed = 0.05;           // Share of devices whose clock is minutes off.
  std::string slow_class;         // The planted bottleneck: this hardware model …
  double slow_factor = 1;         // … is so much slower from the new version on.
  double rollout_at = 0.5;        // Share of the time after which devices take the new version.
};

class Player {
 public:
  Player(const PlayOptions& options, int number);
  const std::string& name() const { return name_; }
  // The lines of the minutes [from, to): a status line, then the records; empty while the device is offline. What was kept back meanwhile comes with the next.
  std::string Upload(int from, int to);
  int64_t committed() const { return seq_; }

 private:
  std::string Record(int minute);
  const PlayOptions& options_;
  std::mt19937_64 random_;
  std::string name_, boot_, spool_, kept_;
  size_t class_;
  bool keyword_;                 // The second model, without a rollout.
  double own_factor_ = 1, heat_ = 0;
  int offline_from_ = 0, offline_to_ = 0, rollout_minute_ = 0;
  int64_t skew_us_ = 0, seq_ = 0;
};

}  // namespace octet::cli
