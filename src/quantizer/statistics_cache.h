// SPDX-License-Identifier: Apache-2.0
// Statistics of a calibration, kept in a folder under a name made of everything they depend on: the model's bytes,
// the samples' bytes, which samples, and the form of the file. What changes is simply not found.
#pragma once
#include <optional>

#include "quantizer/calibrate.h"

namespace octet::quantizer {

// As Calibrate; looks in `folder` first and leaves the result there. An empty folder: no cache. A file that cannot
// be read or written is as good as none.
Result<Statistics> CalibrateCached(const std::string& folder, const graph::Model& model, const data::Dataset& data, SampleRange samples, bool histograms,
                                   const Progress& progress, const SampleRange* binned = nullptr);

// The parts, for tests. Parse: nothing where the bytes are not a whole file of this form.
std::vector<std::byte> Serialize(const Statistics& statistics);
std::optional<Statistics> ParseStatistics(std::span<const std::byte> bytes);
std::string CacheName(std::span<const std::byte> model, const data::Dataset& data, SampleRange samples, bool histograms, const SampleRange* binned = nullptr);

}  // namespace octet::quantizer
