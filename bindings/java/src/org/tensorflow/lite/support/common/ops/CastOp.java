// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.common.ops;

import org.tensorflow.lite.DataType;
import org.tensorflow.lite.support.common.TensorOperator;
import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

/** The same numbers as another type. */
public class CastOp implements TensorOperator {
  private final DataType type;

  public CastOp(DataType destinationType) {
    type = destinationType;
  }

  @Override
  public TensorBuffer apply(TensorBuffer input) {
    return input.getDataType() == type ? input : TensorBuffer.createFrom(input, type);
  }
}
