// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.image.ops;

import org.tensorflow.lite.support.image.ImageOperator;
import org.tensorflow.lite.support.image.TensorImage;

/** Quarter turns, counter-clockwise. */
public class Rot90Op implements ImageOperator {
  private final int turns;

  public Rot90Op() {
    this(1);
  }

  public Rot90Op(int k) {
    turns = Math.floorMod(k, 4);
  }

  @Override
  public TensorImage apply(TensorImage image) {
    for (int i = 0; i < turns; ++i) {
      int w = image.getWidth();
      image = Pixels.map(image, w, image.getHeight(), (old, y, x, c) -> old[(x * w + w - 1 - y) * 3 + c]);
    }
    return image;
  }
}
