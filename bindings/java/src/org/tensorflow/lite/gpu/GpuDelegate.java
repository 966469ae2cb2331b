// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.gpu;

import org.tensorflow.lite.Delegate;

/** The GPU. Ask {@link CompatibilityList} first: where this build has no GPU delegate the constructor says so. */
public class GpuDelegate implements Delegate {
  public static class Options extends GpuDelegateFactory.Options {
    public Options() {}
  }

  public GpuDelegate() {
    this(new GpuDelegateFactory.Options());
  }

  public GpuDelegate(GpuDelegateFactory.Options options) {
    throw new UnsupportedOperationException("This build of octet has no GPU delegate for Java; CompatibilityList.isDelegateSupportedOnThisDevice() tells beforehand. "
        + "Leave the delegate out to run on the CPU.");
  }

  @Override
  public long getNativeHandle() {
    return 0;
  }

  @Override
  public void close() {}
}
