// SPDX-License-Identifier: Apache-2.0
// Which variable of a weights file belongs to which layer: by path in the format of Keras 3, by position
// in the older .h5 files.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "importers/keras/hdf5.h"
#include "importers/keras/network.h"

namespace octet::importers::keras {

// The variables of one layer and of the layers inside it.
struct Variables {
  std::string group;               // Format of Keras 3: where the object lies; else empty.
  std::vector<std::string> paths;  // Older format, or chosen one by one: datasets in the order of the layer's weights.
};

class Weights {
 public:
  // `root` is the group that holds the layers' groups in the older format.
  static Result<std::unique_ptr<Weights>> Open(std::span<const std::byte> h5, const std::string& where, bool by_position);

  // Finds the variables of all layers of the model, also of nested models.
  Status Assign(const Network& network);
  const Variables& Of(const Layer& layer) const { return of_.at(&layer); }

  // The same of a model inside a layer, whose variables are these.
  Status AssignInside(const Layer& layer, const Variables& variables);
  // Variables of an object inside a layer: at `path` below it, or `count` from `first` on.
  Variables Inside(const Variables& outer, std::string_view path, size_t first, size_t count);

  Result<std::vector<std::string>> Datasets(const Variables& variables);  // Own ones, in order.
  Result<Hdf5Array> Read(const std::string& dataset) { return file_->Read(dataset); }
  const std::string& where() const { return where_; }
  void OnRead(Hdf5::Done done) { file_->OnRead(std::move(done)); }

  // Files that layers keep beside the weights, by their path below "assets/": an error where there is none.
  using ReadAsset = std::function<Result<std::string>(const std::string& path)>;
  void SetAssets(ReadAsset read) { read_asset_ = std::move(read); }
  Result<std::string> Asset(const Variables& variables, const std::string& name) const {
    return read_asset_ ? read_asset_(variables.group + "/" + name) : Error(Code::kInvalidModel, "this format keeps no files of layers");
  }

 private:
  Status AssignByPath(const Network& network, const std::string& group);
  Status AssignByPosition(const Network& network);
  Status Distribute(const Layer& layer, const std::vector<std::string>& paths);
  Result<std::vector<std::string>> LongTexts(const std::string& group, const std::string& name);

  std::string where_;
  std::unique_ptr<Hdf5> file_;
  ReadAsset read_asset_;
  bool by_position_ = false;
  std::map<const Layer*, Variables> of_;
  std::map<std::string, std::vector<std::string>> listed_;
};

// "Conv2DTranspose" -> "conv2d_transpose", as Keras names the groups of a weights file.
std::string SnakeCase(std::string_view class_name);

struct VariableName {
  std::string name;
  bool trainable = true;
};
// The variables that a layer of this class and config has, in Keras' order; empty for classes without.
std::vector<VariableName> VariablesOf(std::string_view class_name, const Json& config);

}  // namespace octet::importers::keras
