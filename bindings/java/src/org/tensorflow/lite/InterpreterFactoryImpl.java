// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.io.File;
import java.nio.ByteBuffer;
import org.tensorflow.lite.annotations.UsedByReflection;
import org.tensorflow.lite.nnapi.NnApiDelegate;
import org.tensorflow.lite.nnapi.NnApiDelegateImpl;

@UsedByReflection("InterpreterFactory")
class InterpreterFactoryImpl implements InterpreterFactoryApi {
  public InterpreterFactoryImpl() {}

  @Override
  public InterpreterApi create(File modelFile, InterpreterApi.Options options) {
    return new Interpreter(modelFile, new Interpreter.Options(options));
  }

  @Override
  public InterpreterApi create(ByteBuffer byteBuffer, InterpreterApi.Options options) {
    return new Interpreter(byteBuffer, new Interpreter.Options(options));
  }

  @Override
  public String runtimeVersion() {
    return TensorFlowLite.runtimeVersion();
  }

  @Override
  public String schemaVersion() {
    return TensorFlowLite.schemaVersion();
  }

  @Override
  public NnApiDelegate.PrivateInterface createNnApiDelegateImpl(NnApiDelegate.Options options) {
    return new NnApiDelegateImpl(options);
  }
}
