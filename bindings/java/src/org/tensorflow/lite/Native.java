// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/**
 * octet.h as native methods (octet_jni.cc). What can fail returns the error's text, null when all is well; addresses go out through
 * `result[0]`. Callers hold the interpreter (NativeHandle) while they are in here.
 */
final class Native {
  private Native() {}

  static final String VERSION = "0.1.0"; // Of the native library that belongs to these classes.
  private static final String LIBRARY = "octet_jni";
  private static boolean loaded;

  static synchronized void load() {
    if (loaded) return;
    try {
      if (!loadFromJar()) System.loadLibrary(LIBRARY); // Android: the apk's own folder.
    } catch (UnsatisfiedLinkError e) {
      throw new UnsatisfiedLinkError("Failed to load native TensorFlow Lite methods. Neither these classes' jar holds " + resource()
          + " nor is lib" + LIBRARY + ".so on java.library.path: " + e.getMessage());
    }
    String found = text(version());
    if (!VERSION.equals(found)) {
      throw new UnsatisfiedLinkError("lib" + LIBRARY + " is of version " + found + ", these classes need " + VERSION + "; is another octet on the class or library path?");
    }
    loaded = true;
  }

  private static String resource() {
    String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    if (arch.equals("amd64")) arch = "x86_64";
    if (arch.equals("arm64")) arch = "aarch64";
    return "/octet/native/linux-" + arch + "/lib" + LIBRARY + ".so";
  }

  private static boolean loadFromJar() {
    try (InputStream in = Native.class.getResourceAsStream(resource())) {
      if (in == null) return false;
      File file = File.createTempFile("lib" + LIBRARY, ".so");
      try {
        Files.copy(in, file.toPath(), StandardCopyOption.REPLACE_EXISTING);
        System.load(file.getAbsolutePath());
      } finally {
        file.delete(); // The mapping stays.
      }
      return true;
    } catch (IOException e) {
      throw new UnsatisfiedLinkError("cannot unpack " + resource() + " into " + System.getProperty("java.io.tmpdir") + ": " + e);
    }
  }

  static String text(byte[] utf8) {
    return utf8 == null ? null : new String(utf8, StandardCharsets.UTF_8);
  }

  private static native byte[] version();

  static native byte[] openFile(byte[] path, long[] result);

  /** The buffer must be direct and outlive the model. */
  static native byte[] openBuffer(ByteBuffer model, long[] result);

  static native void closeModel(long model);

  static native byte[][] signatures(long model);

  static native byte[] create(long model, int threads, long[] result);

  static native void close(long interpreter);

  static native byte[] openDelegate(byte[] name, byte[][] keys, byte[][] values, long[] result);

  static native void closeDelegate(long delegate);

  /** The interpreter keeps what it needs of it. */
  static native byte[] addDelegate(long interpreter, long delegate);

  static native byte[] select(long interpreter, byte[] signature);

  static native int count(long interpreter, boolean outputs);

  /** The tensor's name, and the signature's for it. */
  static native byte[][] names(long interpreter, int i, boolean output);

  /** Index, type, bytes (low, high word), scale's bits, zero point, number of scales, rank, dims, signature dims. */
  static native int[] describe(long interpreter, int i, boolean output);

  /** The tensor's memory until the next allocate or close; null when it has none. */
  static native ByteBuffer memory(long interpreter, int i, boolean output);

  static native byte[] resize(long interpreter, int input, int[] dims);

  static native byte[] allocate(long interpreter);

  static native boolean isStatic(long interpreter);

  static native byte[] invoke(long interpreter);

  static native void hold(long interpreter, boolean held);

  static native byte[] resetVariables(long interpreter);

  /** Between a tensor and a direct buffer, from its byte `offset` on. swap: width of the elements whose bytes turn round, or 1. */
  static native void copy(long interpreter, int i, boolean output, Buffer direct, long offset, int swap);

  /**
   * The tensor lies in the direct buffer, from its byte `offset` on, until the next allocate; null gives it its own memory again. Not 0: a
   * code of octet.h, and the tensor lies where it lay; never where another end of the model lies in the same memory.
   */
  static native int bind(long interpreter, int i, boolean output, Buffer direct, long offset);

  static final int UNSUPPORTED = 3; // No buffer will do.

  static native byte[] setStrings(long interpreter, int input, byte[] packed);

  /** Null when the output holds no strings yet. */
  static native byte[] getStrings(long interpreter, int output);
}
