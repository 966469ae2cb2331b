// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.io.File;
import java.nio.ByteBuffer;
import org.tensorflow.lite.nnapi.NnApiDelegate;

/** What a runtime offers to the API. octet has one, InterpreterFactoryImpl. */
public interface InterpreterFactoryApi {
  InterpreterApi create(File modelFile, InterpreterApi.Options options);

  InterpreterApi create(ByteBuffer byteBuffer, InterpreterApi.Options options);

  String runtimeVersion();

  String schemaVersion();

  NnApiDelegate.PrivateInterface createNnApiDelegateImpl(NnApiDelegate.Options options);
}
