// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.io.File;
import java.nio.ByteBuffer;

/** Makes interpreters: for those who cannot call InterpreterApi.create, a static method of an interface. */
public class InterpreterFactory {
  public InterpreterFactory() {}

  public InterpreterApi create(File modelFile, InterpreterApi.Options options) {
    return InterpreterApi.create(modelFile, options);
  }

  public InterpreterApi create(ByteBuffer byteBuffer, InterpreterApi.Options options) {
    return InterpreterApi.create(byteBuffer, options);
  }
}
