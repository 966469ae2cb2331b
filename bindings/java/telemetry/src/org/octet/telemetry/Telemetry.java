// SPDX-License-Identifier: Apache-2.0
package org.octet.telemetry;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Telemetry for Java programs that run models themselves (docs/telemetry.md): what inferences take, into a spool on the device, and from there to the owner's collector.
 *
 * <pre>
 * try (Telemetry telemetry = Telemetry.open(Paths.get("telemetry.json"))) {
 *   Series series = telemetry.series(new Series.Key("detector", "7").precision("int8").threads(2));
 *   long start = System.nanoTime();
 *   interpreter.run(input, output);
 *   series.inference(System.nanoTime() - start);
 * }
 * </pre>
 *
 * Any thread may record at any time, also beside and after {@link #close()}: then nothing happens. Recording takes well under a microsecond and never waits for disk or network.
 */
public final class Telemetry implements AutoCloseable {
  private final Lock use;
  private final Lock end;
  private final ConcurrentHashMap<String, Integer> names = new ConcurrentHashMap<>();
  private long handle; // 0 after close. Guarded by the locks.

  private Telemetry(long handle) {
    ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    use = lock.readLock();
    end = lock.writeLock();
    this.handle = handle;
  }

  /** Starts by a configuration. What is wrong in it is an IllegalArgumentException; a disk or a network that fails is tried again. */
  public static Telemetry open(Path config) {
    Native.load();
    long[] result = new long[1];
    byte[] error = Native.open(utf8(config.toString()), result);
    if (error != null) throw new IllegalArgumentException(new String(error, StandardCharsets.UTF_8));
    return new Telemetry(result[0]);
  }

  /** A loaded model; once, before its inferences. */
  public Series series(Series.Key key) {
    return new Series(this, with(h -> Native.series(h, key.texts(), key.numbers())));
  }

  /** Events that found no room in memory since the start. */
  public long lost() {
    use.lock();
    try {
      return Native.lost(handle);
    } finally {
      use.unlock();
    }
  }

  /** Ends the open window and commits it, as far as the disk allows; may take seconds. */
  public void flush() {
    with(h -> {
      Native.flush(h);
      return 0;
    });
  }

  /** Commits what is recorded. Does not wait for the collector: what is not uploaded is kept for the next start. */
  @Override
  public void close() {
    end.lock();
    try {
      Native.close(handle);
      handle = 0;
    } finally {
      end.unlock();
    }
  }

  interface Call {
    int on(long handle);
  }

  /** The native side takes a handle of 0 and does nothing. */
  int with(Call call) {
    use.lock();
    try {
      return call.on(handle);
    } finally {
      use.unlock();
    }
  }

  int name(long handle, String text) {
    Integer known = names.get(text);
    if (known != null) return known;
    int number = Native.name(handle, utf8(text));
    if (handle != 0) names.put(text, number);
    return number;
  }

  static byte[] utf8(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }
}
