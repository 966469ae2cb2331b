// SPDX-License-Identifier: Apache-2.0
// Attributes of builtin operators as TensorFlow Lite's parameter structures (tensorflow/lite/c/builtin_op_data.h).
#pragma once
#include "octet/delegate.h"

namespace octet::tflite_abi {

// malloc'ed; null where the operator has no parameters, and for StableHLO's, which no delegate reads.
void* MakeBuiltinData(const OctetDelegateNode& node);

}  // namespace octet::tflite_abi
