// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.nio.ByteBuffer;

/** An input or output of a model, as it is now. Belongs to its interpreter and ends with it. */
public interface Tensor {
  /** real = scale * (quantized - zeroPoint). Both 0 for tensors that are not quantized per tensor. */
  class QuantizationParams {
    private final float scale;
    private final int zeroPoint;

    public QuantizationParams(final float scale, final int zeroPoint) {
      this.scale = scale;
      this.zeroPoint = zeroPoint;
    }

    public float getScale() {
      return scale;
    }

    public int getZeroPoint() {
      return zeroPoint;
    }
  }

  DataType dataType();

  int numDimensions();

  int numBytes();

  int numElements();

  /** The current shape, a copy. */
  int[] shape();

  /** The shape with -1 where the model leaves a dimension free, a copy. */
  int[] shapeSignature();

  int index();

  String name();

  QuantizationParams quantizationParams();

  /** The values, renewed by every run until the shape changes; safe to keep, even after close(). */
  ByteBuffer asReadOnlyBuffer();
}
