// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.acceleration;

import org.tensorflow.lite.InterpreterApi;

/** A choice of accelerator that somebody has tried on this device. */
public interface ValidatedAccelerationConfig {
  byte[] serialize();

  void apply(InterpreterApi.Options options);
}
