// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

/** Versions, and the native library. */
public final class TensorFlowLite {
  private TensorFlowLite() {}

  /** The same as {@link #schemaVersion()}; known by this name from old programs. */
  @Deprecated
  public static String version() {
    return schemaVersion();
  }

  /** The version of TensorFlow Lite that the runtime is compatible with. */
  public static String runtimeVersion(InterpreterApi.Options.TfLiteRuntime runtime) {
    requireApplication(runtime, "runtimeVersion");
    return "2.19.0";
  }

  public static String runtimeVersion() {
    return runtimeVersion(InterpreterApi.Options.TfLiteRuntime.FROM_APPLICATION_ONLY);
  }

  /** The version of the .tflite format. */
  public static String schemaVersion(InterpreterApi.Options.TfLiteRuntime runtime) {
    requireApplication(runtime, "schemaVersion");
    return "3";
  }

  public static String schemaVersion() {
    return schemaVersion(InterpreterApi.Options.TfLiteRuntime.FROM_APPLICATION_ONLY);
  }

  /** Loads the native library now instead of with the first interpreter. */
  public static void init() {
    Native.load();
  }

  /** octet is the application's runtime: it never hands work to a system's. */
  static void requireApplication(InterpreterApi.Options.TfLiteRuntime runtime, String method) {
    if (runtime != InterpreterApi.Options.TfLiteRuntime.FROM_SYSTEM_ONLY) return;
    throw new IllegalStateException("TfLiteRuntime.FROM_SYSTEM_ONLY: there is no system TF Lite runtime here, octet is the application's own; call ." + method
        + " with FROM_APPLICATION_ONLY or PREFER_SYSTEM_OVER_APPLICATION");
  }
}
