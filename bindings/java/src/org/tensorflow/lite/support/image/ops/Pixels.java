// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.image.ops;

import org.tensorflow.lite.support.image.TensorImage;
import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

/** A new image, pixel by pixel from an old one. */
final class Pixels {
  private Pixels() {}

  interface Source {
    /** Channel c of the new image's pixel at (y, x). */
    float at(float[] old, int y, int x, int c);
  }

  static TensorImage map(TensorImage image, int height, int width, Source source) {
    float[] old = image.getTensorBuffer().getFloatArray();
    float[] made = new float[height * width * 3];
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        for (int c = 0; c < 3; ++c) made[(y * width + x) * 3 + c] = source.at(old, y, x, c);
      }
    }
    TensorBuffer buffer = TensorBuffer.createFixedSize(new int[] {height, width, 3}, image.getDataType());
    buffer.loadArray(made);
    TensorImage result = new TensorImage(image.getDataType());
    result.load(buffer);
    return result;
  }
}
