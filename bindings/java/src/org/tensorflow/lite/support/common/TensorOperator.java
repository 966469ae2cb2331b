// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.common;

import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

/** A step on numbers. */
public interface TensorOperator extends Operator<TensorBuffer> {
  @Override
  TensorBuffer apply(TensorBuffer input);
}
