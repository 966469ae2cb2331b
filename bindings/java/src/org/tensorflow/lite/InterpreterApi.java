// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.io.File;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.tensorflow.lite.acceleration.ValidatedAccelerationConfig;

/**
 * A .tflite model that runs.
 *
 * <p>Inputs and outputs are direct or heap buffers of any byte order (a ByteBuffer's values are read in its order()), arrays of
 * any rank, or boxed scalars. One thread at a time: another one is refused with an IllegalStateException, as is any use after
 * close().
 */
public interface InterpreterApi extends AutoCloseable {
  /** How an interpreter is made. Read once, when it is. */
  class Options {
    /** Where the runtime comes from. octet is the application's own. */
    public enum TfLiteRuntime {
      FROM_APPLICATION_ONLY,
      FROM_SYSTEM_ONLY,
      PREFER_SYSTEM_OVER_APPLICATION
    }

    int numThreads = -1;
    Boolean useNNAPI;
    Boolean allowCancellation;
    Boolean useXNNPACK;
    TfLiteRuntime runtime = TfLiteRuntime.FROM_APPLICATION_ONLY;
    ValidatedAccelerationConfig validatedAccelerationConfig;
    final List<Delegate> delegates = new ArrayList<>();
    final List<DelegateFactory> delegateFactories = new ArrayList<>();

    public Options() {}

    public Options(Options other) {
      numThreads = other.numThreads;
      useNNAPI = other.useNNAPI;
      allowCancellation = other.allowCancellation;
      useXNNPACK = other.useXNNPACK;
      runtime = other.runtime;
      validatedAccelerationConfig = other.validatedAccelerationConfig;
      delegates.addAll(other.delegates);
      delegateFactories.addAll(other.delegateFactories);
    }

    /** -1: the runtime chooses (one thread). */
    public Options setNumThreads(int numThreads) {
      this.numThreads = numThreads;
      return this;
    }

    public int getNumThreads() {
      return numThreads;
    }

    public Options setUseNNAPI(boolean useNNAPI) {
      this.useNNAPI = useNNAPI;
      return this;
    }

    public boolean getUseNNAPI() {
      return useNNAPI != null && useNNAPI;
    }

    /** Allows {@link Interpreter#setCancelled}. */
    public Options setCancellable(boolean allow) {
      this.allowCancellation = allow;
      return this;
    }

    public boolean isCancellable() {
      return allowCancellation != null && allowCancellation;
    }

    public Options addDelegate(Delegate delegate) {
      delegates.add(delegate);
      return this;
    }

    public List<Delegate> getDelegates() {
      return Collections.unmodifiableList(delegates);
    }

    public Options addDelegateFactory(DelegateFactory delegateFactory) {
      delegateFactories.add(delegateFactory);
      return this;
    }

    public List<DelegateFactory> getDelegateFactories() {
      return Collections.unmodifiableList(delegateFactories);
    }

    public Options setRuntime(TfLiteRuntime runtime) {
      this.runtime = runtime;
      return this;
    }

    public TfLiteRuntime getRuntime() {
      return runtime;
    }

    public Options setAccelerationConfig(ValidatedAccelerationConfig config) {
      validatedAccelerationConfig = config;
      return this;
    }

    public ValidatedAccelerationConfig getAccelerationConfig() {
      return validatedAccelerationConfig;
    }

    /** Kept for the programs that call it: octet's own kernels take XNNPACK's place either way. */
    public Options setUseXNNPACK(boolean useXNNPACK) {
      this.useXNNPACK = useXNNPACK;
      return this;
    }

    public boolean getUseXNNPACK() {
      return useXNNPACK == null || useXNNPACK;
    }
  }

  /** The file is mapped, not read: it must not change while the interpreter lives. */
  static InterpreterApi create(File modelFile, Options options) {
    return new Interpreter(modelFile, options == null ? null : new Interpreter.Options(options));
  }

  /** A direct buffer is used in place and must not change while the interpreter lives; others are copied once. */
  static InterpreterApi create(ByteBuffer byteBuffer, Options options) {
    return new Interpreter(byteBuffer, options == null ? null : new Interpreter.Options(options));
  }

  /** For models of one input and one output (of more outputs: the first is read). */
  void run(Object input, Object output);

  /** Output placeholders by index; a null one is left unread. */
  void runForMultipleInputsOutputs(Object[] inputs, Map<Integer, Object> outputs);

  /** Plans memory for the current shapes. The first run does it, too. */
  void allocateTensors();

  void resizeInput(int idx, int[] dims);

  /** Strict: only dimensions that the model leaves free (-1) may change. */
  void resizeInput(int idx, int[] dims, boolean strict);

  int getInputTensorCount();

  int getInputIndex(String opName);

  Tensor getInputTensor(int inputIndex);

  int getOutputTensorCount();

  int getOutputIndex(String opName);

  Tensor getOutputTensor(int outputIndex);

  /** Inputs and outputs by the names of a signature. A null key: the model's only one. */
  default void runSignature(Map<String, Object> inputs, Map<String, Object> outputs, String signatureKey) {
    throw new UnsupportedOperationException("runSignature");
  }

  default void runSignature(Map<String, Object> inputs, Map<String, Object> outputs) {
    runSignature(inputs, outputs, null);
  }

  default Tensor getInputTensorFromSignature(String inputName, String signatureKey) {
    throw new UnsupportedOperationException("getInputTensorFromSignature");
  }

  default Tensor getOutputTensorFromSignature(String outputName, String signatureKey) {
    throw new UnsupportedOperationException("getOutputTensorFromSignature");
  }

  default String[] getSignatureKeys() {
    throw new UnsupportedOperationException("getSignatureKeys");
  }

  default String[] getSignatureInputs(String signatureKey) {
    throw new UnsupportedOperationException("getSignatureInputs");
  }

  default String[] getSignatureOutputs(String signatureKey) {
    throw new UnsupportedOperationException("getSignatureOutputs");
  }

  /** Of the last run; null before the first. */
  Long getLastNativeInferenceDurationNanoseconds();

  /** Frees native memory; again: nothing. A run in another thread ends first. */
  @Override
  void close();
}
