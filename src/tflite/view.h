// SPDX-License-Identifier: Apache-2.0
// A .tflite file as it lies in memory: verified once, then read in place. No flatbuffers type leaves
// this folder.
#pragma once
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ops/op_def.h"

namespace octet::tflite {

struct TensorInfo {
  std::string_view name;
  TensorType type;              // shape: the stored dimensions (1 where the signature has -1).
  Shape signature;              // shape_signature, or shape where the file has none.
  std::span<const std::byte> constant;  // Bytes in the file; empty when computed.
  bool has_constant = false;    // A constant may have zero bytes.
  bool is_variable = false;
  // Null, or why octet cannot read this tensor's values ("constants in a file of their own"); operators that
  // touch it have a null op.
  const char* lacks = nullptr;
};

struct OperatorInfo {
  const ops::OpDef* op = nullptr;       // Null: octet lacks it; code_name says which.
  const char* lacks = nullptr;          // Only with a null op: the feature that is missing, if not the operator.
  bool is_custom = false;
  std::string_view code_name;           // "CONV_2D" or the custom operator's name.
  int version = 1;
  std::span<const int32_t> inputs, outputs; // Tensor indices; -1: absent optional operand.
  std::span<const int32_t> intermediates;   // Tensors that only carry quantization (integer LSTM).
  std::span<const std::byte> attributes;    // The operator's Attrs struct; empty when op is null.
  std::span<const std::byte> custom_options;
};

struct SubgraphInfo {
  std::string_view name;
  std::vector<TensorInfo> tensors;
  std::vector<OperatorInfo> operators;
  std::vector<int32_t> inputs, outputs;
};

struct SignatureInfo {
  struct Entry {
    std::string_view name;
    int32_t tensor;
  };
  std::string_view key;
  std::vector<Entry> inputs, outputs;
  int subgraph = 0;
};

struct MetadataInfo {
  std::string_view name;
  std::span<const std::byte> bytes;
};

// Immutable and thread-safe once opened. Views point into `file`, which must outlive it.
class View {
 public:
  // Verifies everything a reader relies on: offsets, indices, operand order, constant sizes against
  // types and shapes, quantization lists, attribute tables. Code::kInvalidModel says where. `file`
  // starts at a multiple of 8. Time and memory stay within a small multiple of the file's size.
  static Result<View> Open(std::span<const std::byte> file);

  uint32_t version() const { return version_; }
  std::string_view description() const { return description_; }
  const std::vector<SubgraphInfo>& subgraphs() const { return subgraphs_; }
  const std::vector<SignatureInfo>& signatures() const { return signatures_; }
  const std::vector<MetadataInfo>& metadata() const { return metadata_; }
  std::span<const std::byte> file() const { return file_; }

 private:
  uint32_t version_ = 0;
  std::string_view description_;
  std::vector<SubgraphInfo> subgraphs_;
  std::vector<SignatureInfo> signatures_;
  std::vector<MetadataInfo> metadata_;
  std::span<const std::byte> file_;
  std::vector<std::vector<int32_t>> indices_;            // Per subgraph: its operators' operands,
  std::vector<std::vector<std::max_align_t>> attributes_;  // and their attributes.
  std::vector<std::vector<uint64_t>> aligned_;  // Copies of constants the file holds misaligned or sparsely.
  std::deque<std::string> names_;               // Names made up for operator codes without one.
  friend class Reader;
};

// Everything in the file as JSON with the schema's field names, as flatc would print it; the bytes of
// buffers as "size" unless `with_data`, builtin_code also for files that have only the old field, and
// null for what JSON cannot hold (infinities) or the schema does not know.
std::string ToJson(const View& view, bool with_data = false);

// What the converter that wrote the file did to make it small or fast (its metadata CONVERSION_METADATA); empty where it does not say.
std::vector<int32_t> OptimizationModes(const View& view);

}  // namespace octet::tflite
