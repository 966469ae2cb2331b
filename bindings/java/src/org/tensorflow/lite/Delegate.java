// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.io.Closeable;

/** Another machine than the CPU that takes parts of a model. */
public interface Delegate extends Closeable {
  /** Address of the native delegate, a TfLiteDelegate. */
  long getNativeHandle();

  @Override
  default void close() {}
}
