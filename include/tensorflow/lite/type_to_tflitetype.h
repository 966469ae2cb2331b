// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_TYPE_TO_TFLITETYPE_H_
#define TENSORFLOW_LITE_TYPE_TO_TFLITETYPE_H_

#include <complex>
#include <cstdint>

#include "tensorflow/lite/c/common.h"

namespace tflite {

template <class T> constexpr TfLiteType typeToTfLiteType() { return kTfLiteNoType; }
template <> constexpr TfLiteType typeToTfLiteType<float>() { return kTfLiteFloat32; }
template <> constexpr TfLiteType typeToTfLiteType<double>() { return kTfLiteFloat64; }
template <> constexpr TfLiteType typeToTfLiteType<int8_t>() { return kTfLiteInt8; }
template <> constexpr TfLiteType typeToTfLiteType<uint8_t>() { return kTfLiteUInt8; }
template <> constexpr TfLiteType typeToTfLiteType<int16_t>() { return kTfLiteInt16; }
template <> constexpr TfLiteType typeToTfLiteType<uint16_t>() { return kTfLiteUInt16; }
template <> constexpr TfLiteType typeToTfLiteType<int32_t>() { return kTfLiteInt32; }
template <> constexpr TfLiteType typeToTfLiteType<uint32_t>() { return kTfLiteUInt32; }
template <> constexpr TfLiteType typeToTfLiteType<int64_t>() { return kTfLiteInt64; }
template <> constexpr TfLiteType typeToTfLiteType<uint64_t>() { return kTfLiteUInt64; }
template <> constexpr TfLiteType typeToTfLiteType<bool>() { return kTfLiteBool; }
template <> constexpr TfLiteType typeToTfLiteType<TfLiteFloat16>() { return kTfLiteFloat16; }
template <> constexpr TfLiteType typeToTfLiteType<TfLiteBFloat16>() { return kTfLiteBFloat16; }
template <> constexpr TfLiteType typeToTfLiteType<std::complex<float>>() { return kTfLiteComplex64; }
template <> constexpr TfLiteType typeToTfLiteType<std::complex<double>>() { return kTfLiteComplex128; }

}  // namespace tflite

#endif  // TENSORFLOW_LITE_TYPE_TO_TFLITETYPE_H_
