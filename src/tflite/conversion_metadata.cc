// SPDX-License-Identifier: Apache-2.0
// TensorFlow Lite's converter says in a metadata entry how it converted. One list of it is of use here, read by hand: a schema of twenty
// tables for it would be code without a reader.
#include <flatbuffers/flatbuffers.h>

#include "tflite/view.h"

namespace octet::tflite {
namespace {

constexpr flatbuffers::voffset_t kFirstField = 4, kSecondField = 6;  // Of a table.

struct ConversionOptions : private flatbuffers::Table {
  const flatbuffers::Vector<int32_t>* modes() const { return GetPointer<const flatbuffers::Vector<int32_t>*>(kFirstField); }
  bool Verify(flatbuffers::Verifier& v) const { return VerifyTableStart(v) && VerifyOffset(v, kFirstField) && v.VerifyVector(modes()) && v.EndTable(); }
};
struct ConversionMetadata : private flatbuffers::Table {  // The environment, then the options.
  const ConversionOptions* options() const { return GetPointer<const ConversionOptions*>(kSecondField); }
  bool Verify(flatbuffers::Verifier& v) const { return VerifyTableStart(v) && VerifyOffset(v, kSecondField) && v.VerifyTable(options()) && v.EndTable(); }
};

}  // namespace

std::vector<int32_t> OptimizationModes(const View& view) {
  for (const MetadataInfo& m : view.metadata()) {
    if (m.name != "CONVERSION_METADATA") continue;
    const auto* bytes = reinterpret_cast<const uint8_t*>(m.bytes.data());
    flatbuffers::Verifier verifier(bytes, m.bytes.size());
    if (!verifier.VerifyBuffer<ConversionMetadata>(nullptr)) return {};
    const ConversionOptions* options = flatbuffers::GetRoot<ConversionMetadata>(bytes)->options();
    if (options && options->modes()) return {options->modes()->begin(), options->modes()->end()};
  }
  return {};
}

}  // namespace octet::tflite
