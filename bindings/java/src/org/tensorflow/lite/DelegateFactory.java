// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

/** Makes a delegate when the interpreter is made. */
public interface DelegateFactory {
  Delegate create(RuntimeFlavor runtimeFlavor);
}
