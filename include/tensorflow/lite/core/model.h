// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_CORE_MODEL_H_
#define TENSORFLOW_LITE_CORE_MODEL_H_

#include "tensorflow/lite/model.h"

#endif  // TENSORFLOW_LITE_CORE_MODEL_H_
