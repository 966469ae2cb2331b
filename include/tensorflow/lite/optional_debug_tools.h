// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_OPTIONAL_DEBUG_TOOLS_H_
#define TENSORFLOW_LITE_OPTIONAL_DEBUG_TOOLS_H_

#include <cstdio>

#include "tensorflow/lite/interpreter.h"

namespace tflite {

// The tensors, as text on stdout.
inline void PrintInterpreterState(const Interpreter* interpreter) {
  std::printf("Interpreter has %zu tensors\n", interpreter->tensors_size());
  const auto list = [](const char* name, const std::vector<int>& indices) {
    std::printf("%s:", name);
    for (int i : indices) std::printf(" %d", i);
    std::printf("\n");
  };
  list("Inputs", interpreter->inputs());
  list("Outputs", interpreter->outputs());
  for (size_t i = 0; i < interpreter->tensors_size(); ++i) {
    const TfLiteTensor* t = interpreter->tensor(static_cast<int>(i));
    std::printf("Tensor %3zu %-40s %10s %10zu bytes [", i, t->name ? t->name : "", TfLiteTypeGetName(t->type), t->bytes);
    for (int d = 0; d < t->dims->size; ++d) std::printf(d ? ",%d" : "%d", t->dims->data[d]);
    std::printf("]%s\n", t->is_variable ? " variable" : "");
  }
}

}  // namespace tflite

#endif  // TENSORFLOW_LITE_OPTIONAL_DEBUG_TOOLS_H_
