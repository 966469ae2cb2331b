// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.common.ops;

/** (x - zeroPoint) * scale: behind a model that gives integers. */
public class DequantizeOp extends NormalizeOp {
  public DequantizeOp(float zeroPoint, float scale) {
    super(zeroPoint, 1 / scale);
  }
}
