// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.common;

/** One step of a processor. */
public interface Operator<T> {
  T apply(T x);
}
