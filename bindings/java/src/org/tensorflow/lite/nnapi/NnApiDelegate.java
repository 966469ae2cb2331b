// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.nnapi;

import org.tensorflow.lite.Delegate;
import org.tensorflow.lite.InterpreterFactoryApi;

/** Android's neural networks API. */
public class NnApiDelegate implements Delegate, AutoCloseable {
  public static final class Options {
    public static final int EXECUTION_PREFERENCE_UNDEFINED = -1;
    public static final int EXECUTION_PREFERENCE_LOW_POWER = 0;
    public static final int EXECUTION_PREFERENCE_FAST_SINGLE_ANSWER = 1;
    public static final int EXECUTION_PREFERENCE_SUSTAINED_SPEED = 2;

    private int executionPreference = EXECUTION_PREFERENCE_UNDEFINED;
    private String acceleratorName;
    private String cacheDir;
    private String modelToken;
    private Integer maxPartitions;
    private Boolean useNnapiCpu;
    private Boolean allowFp16;
    private long supportLibraryHandle;

    public Options() {}

    public Options setExecutionPreference(int preference) {
      executionPreference = preference;
      return this;
    }

    public Options setAcceleratorName(String name) {
      acceleratorName = name;
      return this;
    }

    public Options setCacheDir(String cacheDir) {
      this.cacheDir = cacheDir;
      return this;
    }

    public Options setModelToken(String modelToken) {
      this.modelToken = modelToken;
      return this;
    }

    public Options setMaxNumberOfDelegatedPartitions(int limit) {
      maxPartitions = limit;
      return this;
    }

    public Options setUseNnapiCpu(boolean enable) {
      useNnapiCpu = enable;
      return this;
    }

    public Options setAllowFp16(boolean enable) {
      allowFp16 = enable;
      return this;
    }

    public Options setNnApiSupportLibraryHandle(long handle) {
      supportLibraryHandle = handle;
      return this;
    }

    public int getExecutionPreference() {
      return executionPreference;
    }

    public String getAcceleratorName() {
      return acceleratorName;
    }

    public String getCacheDir() {
      return cacheDir;
    }

    public String getModelToken() {
      return modelToken;
    }

    /** -1: the delegate's own choice. */
    public int getMaxNumberOfDelegatedPartitions() {
      return maxPartitions == null ? -1 : maxPartitions;
    }

    public Boolean getUseNnapiCpu() {
      return useNnapiCpu;
    }

    public boolean getAllowFp16() {
      return allowFp16 != null && allowFp16;
    }

    public long getNnApiSupportLibraryHandle() {
      return supportLibraryHandle;
    }
  }

  /** What a runtime implements. */
  public interface PrivateInterface extends Delegate, AutoCloseable {
    int getNnapiErrno();

    @Override
    void close();
  }

  private final Options options;
  private PrivateInterface implementation;
  private boolean closed;

  public NnApiDelegate() {
    this(new Options());
  }

  public NnApiDelegate(Options options) {
    this.options = options;
  }

  /** Called when the interpreter is made. */
  public void initWithInterpreterFactoryApi(InterpreterFactoryApi interpreterFactoryApi) {
    implementation = interpreterFactoryApi.createNnApiDelegateImpl(options);
  }

  @Override
  public long getNativeHandle() {
    return checked().getNativeHandle();
  }

  @Override
  public void close() {
    if (implementation != null) implementation.close();
    implementation = null;
    closed = true;
  }

  public int getNnapiErrno() {
    return checked().getNnapiErrno();
  }

  public boolean hasErrors() {
    return getNnapiErrno() != 0;
  }

  private PrivateInterface checked() {
    if (closed) throw new IllegalStateException("Should not access delegate after delegate has been closed.");
    if (implementation == null) throw new IllegalStateException("Should not access delegate before interpreter has been constructed.");
    return implementation;
  }
}
