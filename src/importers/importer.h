// SPDX-License-Identifier: Apache-2.0
// Source models of any format -> graph. The format is told by the file's content, not by its name.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "graph/graph.h"

namespace octet::importers {

// Something that octet cannot take over, and what to do about it.
struct Finding {
  std::string layer;   // The user's own name for it.
  std::string kind;    // Its class: "Conv2D".
  std::string place;   // Its path: "backbone/block3/conv".
  std::string reason;
  std::string advice;  // May be empty.
  bool flex = false;   // TensorFlow's own operator could stand for it: ImportOptions::flex.
};
std::string Text(const Finding& finding);  // One line.

struct ImportOptions {
  // By input name; an empty name stands for a model's only input. Replaces the source's shape.
  std::vector<std::pair<std::string, Shape>> input_shapes = {};
  // LSTM layers as the operator that runs over the whole sequence and keeps its state between runs, for one
  // sequence at a time, instead of as a loop: what integer quantization wants. The caller must see to it that
  // the state starts anew.
  bool whole_sequences = false;
  // Recurrent layers of a few dozen known steps step by step instead of as a loop: what integer quantization wants, too. Each step gets scales of
  // its own, and is so cheap that a loop around it costs as much again.
  bool unroll = false;
  std::string signature = {};  // Of a SavedModel; empty: "serving_default", or the only one.
  std::string layers = {};     // A file that says what custom Keras layers compute: importers/keras/custom_layer.h.
  // Ops of TensorFlow that have no builtin operator stay TensorFlow's own ("Flex") and are listed here.
  std::vector<Finding>* flex = nullptr;
};

// Unsupported layers are all reported at once, one line each.
Result<graph::Model> Import(const std::string& path, const ImportOptions& options = {});

// The same as a list, without regard to options.flex: empty when the model can be imported, which is then `model`. An error
// when it cannot be read at all.
Result<std::vector<Finding>> Check(const std::string& path, ImportOptions options = {}, graph::Model* model = nullptr);

}  // namespace octet::importers
