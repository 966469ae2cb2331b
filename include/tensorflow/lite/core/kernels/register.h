// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_CORE_KERNELS_REGISTER_H_
#define TENSORFLOW_LITE_CORE_KERNELS_REGISTER_H_

#include "tensorflow/lite/kernels/register.h"

#endif  // TENSORFLOW_LITE_CORE_KERNELS_REGISTER_H_
