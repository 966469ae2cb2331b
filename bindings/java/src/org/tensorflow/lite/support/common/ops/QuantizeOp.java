// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.common.ops;

/** x / scale + zeroPoint: before a model that takes integers. Add a CastOp to UINT8 behind it. */
public class QuantizeOp extends NormalizeOp {
  public QuantizeOp(float zeroPoint, float scale) {
    super(-zeroPoint * scale, scale);
  }
}
