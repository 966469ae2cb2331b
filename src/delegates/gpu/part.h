// SPDX-License-Identifier: Apache-2.0
// A part of the graph on the device, ready to run.
#pragma once
#include "delegates/gpu/builder.h"
#include "delegates/gpu/program_cache.h"

namespace octet::gpu {

class Part {
 public:
  struct Setup {
    Device& device;
    ProgramCache& programs;
    bool zero_copy = true;
    bool profile = false;
    bool tune = false;
  };
  // `builder`: finished.
  static Result<std::unique_ptr<Part>> Make(const Setup& setup, const OctetDelegateGraph& graph, const OctetDelegatePart& part, Builder& builder);
  Status Run(const void* const* in, void* const* out);
  const std::vector<OctetDelegateTiming>& timings() const { return timings_; }

 private:
  struct End {
    ValueId value;
    size_t bytes;         // On the host.
    int64_t elements;
    bool narrows;         // float32 here, 16 bits there.
    bool alone;           // No other end has the value, and a launch computes or reads it.
    void* host = nullptr; // Memory that is the device's buffer, too.
    std::unique_ptr<Buffer> buffer;
    std::vector<uint16_t> staging;
  };
  struct Step {
    std::unique_ptr<Command> command;
    std::vector<ValueId> arguments;
    int node;
  };
  explicit Part(const Setup& setup) : setup_(setup) {}
  Status MakeMemory(Builder& builder);
  Status MakeStep(Launch launch, const std::vector<Value>& values);
  struct Made {
    std::unique_ptr<Command> command;
    std::vector<ValueId> arguments;
  };
  Result<Made> Compile(const Launch& launch, const std::vector<Value>& values);
  // The tile and work group with which a product is fastest here; what was measured once is remembered.
  Status Tune(Launch* launch, const std::vector<Value>& values);
  Result<double> Measure(const Launch& launch, const std::vector<Value>& values);
  Status Attach(End& end, void* host);
  Status Upload(End& end, const void* from);
  Status Download(End& end, void* to);
  Status TakeTimings();
  bool CanShare(const End& end) const;

  const Setup setup_;
  std::vector<std::unique_ptr<Buffer>> owned_;
  std::vector<Buffer*> buffers_;  // By value.
  std::vector<Kind> kinds_;
  std::vector<End> inputs_, outputs_;
  std::vector<Step> steps_;
  std::vector<OctetDelegateTiming> timings_;
};

}  // namespace octet::gpu
