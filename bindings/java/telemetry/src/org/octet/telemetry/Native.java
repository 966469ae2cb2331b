// SPDX-License-Identifier: Apache-2.0
package org.octet.telemetry;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/** octet/telemetry.h as native methods (octet_telemetry_jni.cc). The library lies in the jar, else on java.library.path. A handle of 0 does nothing. */
final class Native {
  private Native() {}

  private static final String LIBRARY = "octet_telemetry_jni";
  private static boolean loaded;

  static synchronized void load() {
    if (loaded) return;
    String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT).replace("amd64", "x86_64").replace("arm64", "aarch64");
    String resource = "/octet/native/linux-" + arch + "/lib" + LIBRARY + ".so";
    try (InputStream in = Native.class.getResourceAsStream(resource)) {
      if (in == null) {
        System.loadLibrary(LIBRARY);
      } else {
        File file = File.createTempFile("lib" + LIBRARY, ".so");
        try {
          Files.copy(in, file.toPath(), StandardCopyOption.REPLACE_EXISTING);
          System.load(file.getAbsolutePath());
        } finally {
          file.delete(); // The mapping stays.
        }
      }
    } catch (IOException e) {
      throw new UnsatisfiedLinkError("cannot unpack " + resource + " into " + System.getProperty("java.io.tmpdir") + ": " + e);
    }
    loaded = true;
  }

  /** The error's text; null when all is well and the address is in result[0]. */
  static native byte[] open(byte[] config, long[] result);

  static native void close(long handle);

  /** Texts and numbers in the order of Series.Key. */
  static native int series(long handle, byte[][] texts, long[] numbers);

  static native int name(long handle, byte[] text);

  static native int inference(long handle, int series, long queue, long copyIn, long invoke, long copyOut);

  static native int stage(long handle, int series, int stage, long ns);

  static native int operator(long handle, int series, int op, long ns);

  static native int error(long handle, int series, int code);

  static native int count(long handle, int series, int what);

  static native int fallback(long handle, int series, int op, int reason);

  static native long lost(long handle);

  static native void flush(long handle);
}
