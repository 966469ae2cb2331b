// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_STDERR_REPORTER_H_
#define TENSORFLOW_LITE_STDERR_REPORTER_H_

#include "tensorflow/lite/core/api/error_reporter.h"

#endif  // TENSORFLOW_LITE_STDERR_REPORTER_H_
