// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_CORE_INTERPRETER_H_
#define TENSORFLOW_LITE_CORE_INTERPRETER_H_

#include "tensorflow/lite/interpreter.h"

#endif  // TENSORFLOW_LITE_CORE_INTERPRETER_H_
