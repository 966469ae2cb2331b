// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.gpu;

import java.io.Closeable;
import java.util.Collections;
import org.tensorflow.lite.OctetDelegate;

/** Whether the GPU delegate runs here. */
public class CompatibilityList implements Closeable {
  private Boolean supported; // Null: not tried.

  public CompatibilityList() {}

  public boolean isDelegateSupportedOnThisDevice() {
    if (supported == null) {
      try (OctetDelegate gpu = new OctetDelegate("gpu", Collections.<String, String>emptyMap())) {
        supported = gpu.getNativeHandle() != 0;
      } catch (UnsupportedOperationException e) {
        supported = false;
      }
    }
    return supported;
  }

  public GpuDelegate.Options getBestOptionsForThisDevice() {
    return new GpuDelegate.Options();
  }

  @Override
  public void close() {}
}
