// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.image;

import android.graphics.Bitmap;
import java.nio.ByteBuffer;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

/** An image as a model takes it: [height, width, 3] of red, green, blue, UINT8 or FLOAT32. */
public class TensorImage {
  private final DataType type;
  private TensorBuffer pixels;

  public TensorImage() {
    this(DataType.UINT8);
  }

  public TensorImage(DataType dataType) {
    type = dataType;
  }

  /** Android's image; its alpha is left out. */
  public void load(Bitmap bitmap) {
    int width = bitmap.getWidth();
    int height = bitmap.getHeight();
    int[] argb = new int[width * height];
    bitmap.getPixels(argb, 0, width, 0, 0, width, height);
    loadArgb(argb, height, width);
  }

  /** Rows of 0xAARRGGBB, as Android and java.awt.image.BufferedImage.getRGB give them. */
  public void loadArgb(int[] argb, int height, int width) {
    if (argb.length != height * width) throw new IllegalArgumentException("expected " + height + " x " + width + " pixels, found " + argb.length);
    int[] rgb = new int[3 * argb.length];
    for (int i = 0; i < argb.length; ++i) {
      rgb[3 * i] = argb[i] >> 16 & 0xff;
      rgb[3 * i + 1] = argb[i] >> 8 & 0xff;
      rgb[3 * i + 2] = argb[i] & 0xff;
    }
    load(rgb, new int[] {height, width, 3});
  }

  /** Red, green and blue of each pixel; shape is [h, w, 3] or [1, h, w, 3]. */
  public void load(int[] rgb, int[] shape) {
    TensorBuffer buffer = TensorBuffer.createFixedSize(shape, type);
    buffer.loadArray(rgb, shape);
    load(buffer);
  }

  public void load(TensorBuffer buffer) {
    int[] shape = buffer.getShape();
    boolean batch = shape.length == 4 && shape[0] == 1;
    if (!(shape.length == 3 || batch) || shape[shape.length - 1] != 3) {
      throw new IllegalArgumentException("Only supports image shape in (h, w, c) or (1, h, w, c), and channels representing R, G, B in order. Found " + java.util.Arrays.toString(shape));
    }
    pixels = buffer.getDataType() == type ? buffer : TensorBuffer.createFrom(buffer, type);
  }

  public DataType getDataType() {
    return type;
  }

  public TensorBuffer getTensorBuffer() {
    if (pixels == null) throw new IllegalStateException("No image has been loaded yet.");
    return pixels;
  }

  public ByteBuffer getBuffer() {
    return getTensorBuffer().getBuffer();
  }

  public int getHeight() {
    int[] shape = getTensorBuffer().getShape();
    return shape[shape.length - 3];
  }

  public int getWidth() {
    int[] shape = getTensorBuffer().getShape();
    return shape[shape.length - 2];
  }
}
