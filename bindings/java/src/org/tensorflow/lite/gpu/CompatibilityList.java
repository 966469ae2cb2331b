// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.gpu;

import java.io.Closeable;

/** Whether the GPU delegate runs here. */
public class CompatibilityList implements Closeable {
  public CompatibilityList() {}

  public boolean isDelegateSupportedOnThisDevice() {
    return false;
  }

  public GpuDelegate.Options getBestOptionsForThisDevice() {
    return new GpuDelegate.Options();
  }

  @Override
  public void close() {}
}
