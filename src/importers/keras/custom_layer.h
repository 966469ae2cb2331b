// SPDX-License-Identifier: Apache-2.0
// Custom Keras layers by a file that says what each class computes, because their Python code is not in the model:
// see docs/convert.md. JSON:
//   {"CLASS": {"inputs": [NAME…], "weights": [NAME… | {"of": OBJECT, "names": [NAME…]}], "defaults": {KEY: VALUE},
//              "body": [STEP…], "outputs": [NAME…]}}
//   STEP: {"name": NAME | [NAME…], "layer": KERAS_CLASS, "inputs": […], "config": {…}, "weights": [NAME…] | "of": OBJECT}
//      or {"name": NAME | [NAME…], "op": TFLITE_OPERATOR, "inputs": […], "attributes": {…}}
// A text "$KEY" stands for the value that the layer's config has under KEY.
#pragma once
#include <string>

#include "importers/keras/json.h"
#include "importers/keras/network.h"

namespace octet::importers::keras {

class LayerContext;

class CustomLayers {
 public:
  // An empty path: none.
  static Result<CustomLayers> Read(const std::string& path);
  bool Has(const Layer& layer) const { return !Find(layer).is_null(); }
  Status Convert(LayerContext& c) const;

 private:
  // By its registered name ("package>Class") or its class.
  const Json& Find(const Layer& layer) const;

  std::string path_;
  Json classes_;
};

}  // namespace octet::importers::keras
