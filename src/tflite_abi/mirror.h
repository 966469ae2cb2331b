// SPDX-License-Identifier: Apache-2.0
// An interpreter's tensors as TensorFlow Lite's structures, made when somebody asks for them.
#pragma once
#include <cstdarg>
#include <string>
#include <vector>

#include "runtime/interpreter.h"
#include "tensorflow/lite/c/common.h"

namespace octet::tflite_abi {

inline TfLiteType ToTfLiteType(DType t) {  // kTfLiteFloat32 is 1 where the file format has 0; the middle is ordered otherwise.
  constexpr TfLiteType kTypes[] = {kTfLiteFloat32, kTfLiteFloat16, kTfLiteInt32, kTfLiteUInt8, kTfLiteInt64, kTfLiteString, kTfLiteBool,
                                   kTfLiteInt16, kTfLiteComplex64, kTfLiteInt8, kTfLiteFloat64, kTfLiteComplex128, kTfLiteUInt64, kTfLiteResource,
                                   kTfLiteVariant, kTfLiteUInt32, kTfLiteUInt16, kTfLiteInt4, kTfLiteBFloat16, kTfLiteInt2, kTfLiteUInt4};
  const auto i = static_cast<size_t>(t);
  return i < std::size(kTypes) ? kTypes[i] : kTfLiteNoType;
}

// malloc'ed, as everything that crosses the interface.
TfLiteIntArray* ToIntArray(std::span<const int32_t> values);
TfLiteQuantization ToQuantization(const Quant& q);
// Bytes of one element; false for strings, packed and unknown types.
bool SizeOfType(TfLiteType type, size_t* bytes);

// TfLiteContext's AddTensors and GetTensor over the tensors that a context owns. `first` (may be null): the first new
// index. Error where the count is negative or there would be more than 2^24.
TfLiteStatus AppendTensors(TfLiteContext* context, std::vector<TfLiteTensor>* tensors, int count, int* first);
inline TfLiteTensor* TensorAt(std::vector<TfLiteTensor>& tensors, int index) {
  return index >= 0 && static_cast<size_t>(index) < tensors.size() ? &tensors[static_cast<size_t>(index)] : nullptr;
}

// TfLiteContext's ReportError: behind what was reported before, up to some two thousand characters in all.
void AppendReport(std::string* reports, const char* format, va_list args);

// Addresses stay for the mirror's life; contents are as of the last Refresh.
class Mirror {
 public:
  explicit Mirror(const runtime::Interpreter& interpreter);
  Mirror(const Mirror&) = delete;
  ~Mirror();

  // The tensor as it is now; null when there is none of that index.
  TfLiteTensor* Refresh(int index);
  // Those that were handed out: callers keep pointers over Allocate and Invoke.
  void RefreshAll();

 private:
  void Fill(int index);

  const runtime::Interpreter& interpreter_;
  std::vector<TfLiteTensor> tensors_;
  std::vector<char> filled_;  // What never changes (names, quantization) is there.
};

}  // namespace octet::tflite_abi
