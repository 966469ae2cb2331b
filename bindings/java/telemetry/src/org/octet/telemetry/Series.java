// SPDX-License-Identifier: Apache-2.0
package org.octet.telemetry;

/** One loaded model. Times are nanoseconds. */
public final class Series {
  /** What is measured beside plain inferences. */
  public enum Stage {
    QUEUE, COPY_IN, INVOKE, COPY_OUT, TOTAL, LOAD, PREPARE, FIRST
  }

  /** What is counted. */
  public enum Count {
    DEADLINE_MISS, SHADOW, SHADOW_MISMATCH, LOST_FRAME
  }

  /** What a model's figures are kept apart by; what is not known is left out. */
  public static final class Key {
    private final String[] texts = new String[7];
    private final long[] numbers = new long[5];

    /** As the owner calls them. */
    public Key(String model, String version) {
      texts[0] = model;
      texts[1] = version;
    }

    /** Of the model's file, 64 hexadecimal digits. */
    public Key sha256(String hex) {
      return text(2, hex);
    }

    public Key precision(String precision) {
      return text(3, precision);
    }

    public Key delegate(String delegate) {
      return text(4, delegate);
    }

    public Key runtime(String version, String build) {
      return text(5, version).text(6, build);
    }

    public Key threads(int threads) {
      return number(0, threads);
    }

    /** Of the plan: all nodes, those on the delegate, the parts. */
    public Key nodes(int all, int delegated, int partitions) {
      return number(1, all).number(2, delegated).number(3, partitions);
    }

    public Key arenaBytes(long bytes) {
      return number(4, bytes);
    }

    private Key text(int i, String text) {
      texts[i] = text;
      return this;
    }

    private Key number(int i, long value) {
      numbers[i] = value;
      return this;
    }

    byte[][] texts() {
      byte[][] all = new byte[texts.length][];
      for (int i = 0; i < all.length; ++i) all[i] = Telemetry.utf8(texts[i]);
      return all;
    }

    long[] numbers() {
      return numbers.clone();
    }
  }

  private final Telemetry telemetry;
  private final int number;

  Series(Telemetry telemetry, int number) {
    this.telemetry = telemetry;
    this.number = number;
  }

  /** An inference that went well. */
  public void inference(long invoke) {
    inference(0, 0, invoke, 0);
  }

  public void inference(long queue, long copyIn, long invoke, long copyOut) {
    telemetry.with(h -> Native.inference(h, number, queue, copyIn, invoke, copyOut));
  }

  public void stage(Stage stage, long ns) {
    telemetry.with(h -> Native.stage(h, number, stage.ordinal(), ns));
  }

  /** The time of all nodes of a kind in one inference. */
  public void operator(String op, long ns) {
    telemetry.with(h -> Native.operator(h, number, telemetry.name(h, op), ns));
  }

  public void error(String code) {
    telemetry.with(h -> Native.error(h, number, telemetry.name(h, code)));
  }

  public void count(Count what) {
    telemetry.with(h -> Native.count(h, number, what.ordinal()));
  }

  /** An inference in which the CPU ran what the delegate was to run. */
  public void fallback(String op, String reason) {
    telemetry.with(h -> Native.fallback(h, number, telemetry.name(h, op), telemetry.name(h, reason)));
  }
}
