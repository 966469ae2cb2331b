// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.image.ops;

import org.tensorflow.lite.support.image.ImageOperator;
import org.tensorflow.lite.support.image.TensorImage;

/** Another size; pixels are squares whose middles are compared. */
public class ResizeOp implements ImageOperator {
  public enum ResizeMethod {
    BILINEAR,
    NEAREST_NEIGHBOR
  }

  private final int height;
  private final int width;
  private final ResizeMethod method;

  public ResizeOp(int targetHeight, int targetWidth, ResizeMethod resizeMethod) {
    height = targetHeight;
    width = targetWidth;
    method = resizeMethod;
  }

  @Override
  public TensorImage apply(TensorImage image) {
    int h = image.getHeight();
    int w = image.getWidth();
    if (method == ResizeMethod.NEAREST_NEIGHBOR) {
      return Pixels.map(image, height, width, (old, y, x, c) -> old[((int) ((y + 0.5f) * h / height) * w + (int) ((x + 0.5f) * w / width)) * 3 + c]);
    }
    return Pixels.map(image, height, width, (old, y, x, c) -> {
      float fy = Math.max(0, Math.min(h - 1, (y + 0.5f) * h / height - 0.5f));
      float fx = Math.max(0, Math.min(w - 1, (x + 0.5f) * w / width - 0.5f));
      int y0 = (int) fy;
      int x0 = (int) fx;
      int y1 = Math.min(h - 1, y0 + 1);
      int x1 = Math.min(w - 1, x0 + 1);
      float top = old[(y0 * w + x0) * 3 + c] * (1 - (fx - x0)) + old[(y0 * w + x1) * 3 + c] * (fx - x0);
      float bottom = old[(y1 * w + x0) * 3 + c] * (1 - (fx - x0)) + old[(y1 * w + x1) * 3 + c] * (fx - x0);
      return top * (1 - (fy - y0)) + bottom * (fy - y0);
    });
  }
}
