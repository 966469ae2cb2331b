// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_CORE_MODEL_BUILDER_H_
#define TENSORFLOW_LITE_CORE_MODEL_BUILDER_H_

#include "tensorflow/lite/model_builder.h"

#endif  // TENSORFLOW_LITE_CORE_MODEL_BUILDER_H_
