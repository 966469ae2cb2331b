// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Who computes parts of models in the processor's place: "gpu", "nnapi", or the path of a library that has octet's interface
 * (octet/delegate.h) or TensorFlow Lite's external one. May be closed once its interpreters are made.
 */
public final class OctetDelegate implements Delegate, AutoCloseable {
  private static final Set<Long> OPEN = Collections.newSetFromMap(new ConcurrentHashMap<Long, Boolean>());

  private long handle;

  /** Fails where this build or this machine has no such delegate, and says which of them. */
  public OctetDelegate(String nameOrLibrary, Map<String, String> options) {
    Native.load();
    byte[][] keys = new byte[options.size()][];
    byte[][] values = new byte[options.size()][];
    int i = 0;
    for (Map.Entry<String, String> option : options.entrySet()) {
      keys[i] = option.getKey().getBytes(StandardCharsets.UTF_8);
      values[i++] = option.getValue().getBytes(StandardCharsets.UTF_8);
    }
    long[] result = new long[1];
    byte[] error = Native.openDelegate(nameOrLibrary.getBytes(StandardCharsets.UTF_8), keys, values, result);
    if (error != null) throw new UnsupportedOperationException("The delegate '" + nameOrLibrary + "' cannot be had: " + Native.text(error));
    handle = result[0];
    OPEN.add(handle);
  }

  /** 0 after close(). An octet delegate's, not a TfLiteDelegate's. */
  @Override
  public synchronized long getNativeHandle() {
    return handle;
  }

  @Override
  public synchronized void close() {
    if (handle == 0) return;
    OPEN.remove(handle);
    Native.closeDelegate(handle);
    handle = 0;
  }

  /** Whether an address is a delegate's that is open: others must not reach native code. */
  static boolean isOpen(long handle) {
    return OPEN.contains(handle);
  }
}
