// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_VERSION_H_
#define TENSORFLOW_LITE_VERSION_H_

// Of TensorFlow Lite, whose interface this is.
#define TFLITE_VERSION_STRING "2.19.0"
#define TFLITE_SCHEMA_VERSION 3

#endif  // TENSORFLOW_LITE_VERSION_H_
