// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.gpu;

import org.tensorflow.lite.Delegate;
import org.tensorflow.lite.DelegateFactory;
import org.tensorflow.lite.RuntimeFlavor;

/** Makes a {@link GpuDelegate} when the interpreter is made. */
public class GpuDelegateFactory implements DelegateFactory {
  private final Options options;

  public GpuDelegateFactory() {
    this(new Options());
  }

  public GpuDelegateFactory(Options options) {
    this.options = options;
  }

  @Override
  public Delegate create(RuntimeFlavor runtimeFlavor) {
    return new GpuDelegate(options);
  }

  public static class Options {
    /** One answer after a pause: least latency. */
    public static final int INFERENCE_PREFERENCE_FAST_SINGLE_ANSWER = 0;
    /** Many answers in a row: throughput and power. */
    public static final int INFERENCE_PREFERENCE_SUSTAINED_SPEED = 1;

    /** Through which interface the GPU is driven. */
    public enum GpuBackend {
      UNSET(0),
      OPENCL(1),
      OPENGL(2);

      private final int value;

      GpuBackend(int value) {
        this.value = value;
      }

      public int value() {
        return value;
      }
    }

    private boolean precisionLossAllowed = true;
    private boolean quantizedModelsAllowed = true;
    private int inferencePreference = INFERENCE_PREFERENCE_FAST_SINGLE_ANSWER;
    private String serializationDir;
    private String modelToken;
    private GpuBackend forceBackend = GpuBackend.UNSET;

    public Options() {}

    public Options setPrecisionLossAllowed(boolean allowed) {
      precisionLossAllowed = allowed;
      return this;
    }

    public boolean isPrecisionLossAllowed() {
      return precisionLossAllowed;
    }

    public Options setQuantizedModelsAllowed(boolean allowed) {
      quantizedModelsAllowed = allowed;
      return this;
    }

    public boolean areQuantizedModelsAllowed() {
      return quantizedModelsAllowed;
    }

    public Options setInferencePreference(int preference) {
      inferencePreference = preference;
      return this;
    }

    public int getInferencePreference() {
      return inferencePreference;
    }

    /** Where compiled programs are kept, and the model's name in there. */
    public Options setSerializationParams(String serializationDir, String modelToken) {
      this.serializationDir = serializationDir;
      this.modelToken = modelToken;
      return this;
    }

    public String getSerializationDir() {
      return serializationDir;
    }

    public String getModelToken() {
      return modelToken;
    }

    public Options setForceBackend(GpuBackend forceBackend) {
      this.forceBackend = forceBackend;
      return this;
    }

    public GpuBackend getForceBackend() {
      return forceBackend;
    }
  }
}
