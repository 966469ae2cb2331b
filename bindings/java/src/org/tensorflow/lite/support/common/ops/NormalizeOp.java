// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.common.ops;

import org.tensorflow.lite.DataType;
import org.tensorflow.lite.support.common.TensorOperator;
import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

/** (x - mean) / stddev, for all values or by channel, the last dimension. */
public class NormalizeOp implements TensorOperator {
  private final float[] mean;
  private final float[] stddev;

  public NormalizeOp(float mean, float stddev) {
    this(new float[] {mean}, new float[] {stddev});
  }

  public NormalizeOp(float[] mean, float[] stddev) {
    if (mean.length != stddev.length || mean.length == 0) throw new IllegalArgumentException("Per channel normalization requires same number of means and stddevs");
    for (float s : stddev) {
      if (s == 0) throw new IllegalArgumentException("a stddev is 0");
    }
    this.mean = mean.clone();
    this.stddev = stddev.clone();
  }

  @Override
  public TensorBuffer apply(TensorBuffer input) {
    int[] shape = input.getShape();
    int channels = shape.length == 0 ? 1 : shape[shape.length - 1];
    if (mean.length != 1 && mean.length != channels) {
      throw new IllegalArgumentException("Number of means (stddevs) is not same with number of channels (size of last axis): " + mean.length + ", " + channels);
    }
    float[] values = input.getFloatArray();
    for (int i = 0; i < values.length; ++i) values[i] = (values[i] - mean[i % mean.length]) / stddev[i % mean.length];
    TensorBuffer output = TensorBuffer.createFixedSize(shape, DataType.FLOAT32);
    output.loadArray(values);
    return output;
  }
}
