// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.image.ops;

import org.tensorflow.lite.support.image.ImageOperator;
import org.tensorflow.lite.support.image.TensorImage;

/** Another size around the same middle: edges are cut off or filled with black. */
public class ResizeWithCropOrPadOp implements ImageOperator {
  private final int height;
  private final int width;

  public ResizeWithCropOrPadOp(int targetHeight, int targetWidth) {
    height = targetHeight;
    width = targetWidth;
  }

  @Override
  public TensorImage apply(TensorImage image) {
    int h = image.getHeight();
    int w = image.getWidth();
    int top = h > height ? (h - height) / 2 : -((height - h) / 2);
    int left = w > width ? (w - width) / 2 : -((width - w) / 2);
    return Pixels.map(image, height, width, (old, y, x, c) -> {
      int oy = y + top;
      int ox = x + left;
      return oy < 0 || oy >= h || ox < 0 || ox >= w ? 0 : old[(oy * w + ox) * 3 + c];
    });
  }
}
