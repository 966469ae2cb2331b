/* SPDX-License-Identifier: Apache-2.0 */
#include "tensorflow/lite/c/builtin_op_data.h"
