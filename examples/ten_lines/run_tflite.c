/* SPDX-License-Identifier: Apache-2.0
 * TensorFlow Lite's C interface: cc run_tflite.c -ltensorflowlite_c && ./a.out model.tflite */
#include <stdio.h>
#include <string.h>
#include <tensorflow/lite/c/c_api.h>

int main(int argc, char** argv) {
  TfLiteModel* model = TfLiteModelCreateFromFile(argc > 1 ? argv[1] : "model.tflite");
  TfLiteInterpreter* it = TfLiteInterpreterCreate(model, NULL);
  if (!it || TfLiteInterpreterAllocateTensors(it) != kTfLiteOk) return 1;
  TfLiteTensor* input = TfLiteInterpreterGetInputTensor(it, 0);
  memset(TfLiteTensorData(input), 0, TfLiteTensorByteSize(input));
  if (TfLiteInterpreterInvoke(it) != kTfLiteOk) return 1;
  const TfLiteTensor* output = TfLiteInterpreterGetOutputTensor(it, 0);
  printf("%s: %zu bytes, first value %g\n", TfLiteTensorName(output), TfLiteTensorByteSize(output), *(float*)TfLiteTensorData(output));
  TfLiteInterpreterDelete(it);
  TfLiteModelDelete(model);
  return 0;
}
