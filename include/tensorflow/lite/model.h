// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_MODEL_H_
#define TENSORFLOW_LITE_MODEL_H_

#include "tensorflow/lite/interpreter_builder.h"
#include "tensorflow/lite/model_builder.h"

#endif  // TENSORFLOW_LITE_MODEL_H_
