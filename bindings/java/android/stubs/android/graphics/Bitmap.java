// SPDX-License-Identifier: Apache-2.0
// What TensorImage uses of Android's class, to compile against; Android brings the real one.
package android.graphics;

public final class Bitmap {
  private Bitmap() {}

  public native int getWidth();

  public native int getHeight();

  public native void getPixels(int[] pixels, int offset, int stride, int x, int y, int width, int height);
}
