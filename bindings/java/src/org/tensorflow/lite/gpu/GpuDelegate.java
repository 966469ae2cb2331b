// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.gpu;

import java.util.HashMap;
import java.util.Map;
import org.tensorflow.lite.Delegate;
import org.tensorflow.lite.OctetDelegate;

/** The GPU. Ask {@link CompatibilityList} first: where this build or this device has none the constructor says so. */
public class GpuDelegate implements Delegate {
  private final OctetDelegate delegate;

  public static class Options extends GpuDelegateFactory.Options {
    public Options() {}
  }

  public GpuDelegate() {
    this(new GpuDelegateFactory.Options());
  }

  public GpuDelegate(GpuDelegateFactory.Options options) {
    Map<String, String> o = new HashMap<>();
    o.put("precision", options.isPrecisionLossAllowed() ? "float16" : "float32");
    if (options.getForceBackend() == GpuDelegateFactory.Options.GpuBackend.OPENCL) o.put("api", "opencl");
    if (options.getForceBackend() == GpuDelegateFactory.Options.GpuBackend.OPENGL) o.put("api", "gles");
    if (options.getSerializationDir() != null) o.put("cache", options.getSerializationDir());
    delegate = new OctetDelegate("gpu", o);
  }

  @Override
  public long getNativeHandle() {
    return delegate.getNativeHandle();
  }

  @Override
  public void close() {
    delegate.close();
  }
}
