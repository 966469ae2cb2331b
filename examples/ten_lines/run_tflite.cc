// SPDX-License-Identifier: Apache-2.0
// TensorFlow Lite's C++ names: c++ run_tflite.cc -ltensorflowlite_c && ./a.out model.tflite
#include <algorithm>
#include <cstdio>
#include <memory>
#include <tensorflow/lite/interpreter.h>
#include <tensorflow/lite/kernels/register.h>
#include <tensorflow/lite/model.h>

int main(int argc, char** argv) {
  auto model = tflite::FlatBufferModel::BuildFromFile(argc > 1 ? argv[1] : "model.tflite");
  tflite::ops::builtin::BuiltinOpResolver resolver;
  std::unique_ptr<tflite::Interpreter> interpreter;
  if (!model || tflite::InterpreterBuilder(*model, resolver)(&interpreter) != kTfLiteOk) return 1;
  if (interpreter->AllocateTensors() != kTfLiteOk) return 1;
  TfLiteTensor* input = interpreter->input_tensor(0);
  std::fill_n(input->data.raw, input->bytes, 0);
  if (interpreter->Invoke() != kTfLiteOk) return 1;
  const TfLiteTensor* output = interpreter->output_tensor(0);
  std::printf("%s: %zu bytes, first value %g\n", output->name, output->bytes, static_cast<double>(output->data.f[0]));
}
