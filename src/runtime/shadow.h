// SPDX-License-Identifier: Apache-2.0
// A share of inferences is computed on the CPU, too, and compared.
#pragma once
#include <memory>
#include <string>

#include "runtime/interpreter.h"

namespace octet::runtime {

class ShadowCheck {
 public:
  // An error where the model keeps state that two interpreters would not share.
  static Result<std::unique_ptr<ShadowCheck>> Make(std::shared_ptr<const Model> model, const Options& options);

  // Whether this inference is one of the share.
  bool Due();
  // After an Invoke of `main` with this signature: computes the same on the CPU. Where the outputs differ, they become
  // the CPU's. `failed`: beyond the limit, or empty.
  Status Compare(Interpreter& main, std::string_view signature, std::string* failed);
  const ShadowReport& report() const { return report_; }

 private:
  ShadowCheck(std::shared_ptr<const Model> model, const Options& options);
  Status Ready(const Interpreter& main, std::string_view signature);
  double Difference(const TensorRef& a, const TensorRef& b) const;

  const std::shared_ptr<const Model> model_;
  const Shadow with_;
  Options options_;  // The CPU's.
  std::unique_ptr<Interpreter> cpu_;
  double due_;
  ShadowReport report_;
};

}  // namespace octet::runtime
