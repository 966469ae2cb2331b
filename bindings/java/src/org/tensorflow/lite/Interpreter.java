// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.io.File;
import java.nio.ByteBuffer;

/** {@link InterpreterApi} with what programs of TensorFlow Lite's standalone runtime use. */
public final class Interpreter extends InterpreterImpl implements InterpreterApi {
  public static class Options extends InterpreterImpl.Options {
    private boolean compressQuantizationZeroPoints;

    public Options() {}

    public Options(InterpreterApi.Options options) {
      super(options);
    }

    Options(InterpreterImpl.Options options) {
      super(options);
    }

    @Override
    public Options setUseXNNPACK(boolean useXNNPACK) {
      super.setUseXNNPACK(useXNNPACK);
      return this;
    }

    @Override
    public Options setNumThreads(int numThreads) {
      super.setNumThreads(numThreads);
      return this;
    }

    @Override
    public Options setUseNNAPI(boolean useNNAPI) {
      super.setUseNNAPI(useNNAPI);
      return this;
    }

    /** Allowed, not ordered: octet's CPU kernels compute float32 in float32. */
    @Deprecated
    public Options setAllowFp16PrecisionForFp32(boolean allow) {
      allowFp16PrecisionForFp32 = allow;
      return this;
    }

    @Override
    public Options addDelegate(Delegate delegate) {
      super.addDelegate(delegate);
      return this;
    }

    @Override
    public Options addDelegateFactory(DelegateFactory delegateFactory) {
      super.addDelegateFactory(delegateFactory);
      return this;
    }

    public Options setAllowBufferHandleOutput(boolean allow) {
      allowBufferHandleOutput = allow;
      return this;
    }

    @Override
    public Options setCancellable(boolean allow) {
      super.setCancellable(allow);
      return this;
    }

    @Override
    public Options setRuntime(InterpreterApi.Options.TfLiteRuntime runtime) {
      super.setRuntime(runtime);
      return this;
    }

    /** Kept for the programs that call it: octet does not expand zero points in the first place. */
    public Options setCompressQuantizationZeroPoints(boolean compress) {
      compressQuantizationZeroPoints = compress;
      return this;
    }

    public boolean getCompressQuantizationZeroPoints() {
      return compressQuantizationZeroPoints;
    }
  }

  public Interpreter(File modelFile) {
    this(modelFile, null);
  }

  public Interpreter(File modelFile, Options options) {
    super(modelFile, options);
  }

  public Interpreter(ByteBuffer byteBuffer) {
    this(byteBuffer, null);
  }

  public Interpreter(ByteBuffer byteBuffer, Options options) {
    super(byteBuffer, options);
  }

  /** Recurrent states and other variables back to zero. */
  public void resetVariableTensors() {
    resetVariables();
  }

  /** From any thread: true ends the run that is under way soon and refuses those to come, until false. */
  public void setCancelled(boolean cancelled) {
    hold(cancelled);
  }
}
