// SPDX-License-Identifier: Apache-2.0
// org.octet.telemetry records what it is told, from many threads, and does nothing after close; telemetry_java.py reads what lies in the spool.
// Usage: TelemetryTest CONFIG
import java.nio.file.Paths;
import org.octet.telemetry.Series;
import org.octet.telemetry.Telemetry;

public final class TelemetryTest {
  public static void main(String[] args) throws Exception {
    try {
      Telemetry.open(Paths.get(args[0] + ".none"));
      throw new AssertionError("a configuration that is not there");
    } catch (IllegalArgumentException e) {
      if (!e.getMessage().contains(".none")) throw e;
    }
    Telemetry telemetry = Telemetry.open(Paths.get(args[0]));
    Series series = telemetry.series(new Series.Key("d\u00e9tecteur", "7").precision("int8").threads(2).nodes(64, 60, 1).arenaBytes(1 << 20));
    Thread[] threads = new Thread[4];
    for (int t = 0; t < threads.length; ++t) {
      threads[t] = new Thread(() -> {
        for (int i = 0; i < 50; ++i) series.inference(10, 0, 1000, 0);
      });
      threads[t].start();
    }
    for (Thread t : threads) t.join();
    series.stage(Series.Stage.LOAD, 5);
    series.operator("CONV_2D", 700);
    series.error("invoke");
    series.count(Series.Count.SHADOW_MISMATCH);
    series.fallback("RESIZE_BILINEAR", "type");
    if (telemetry.lost() != 0) throw new AssertionError("lost " + telemetry.lost());
    telemetry.flush();
    Thread late = new Thread(() -> {
      for (int i = 0; i < 100_000; ++i) series.inference(1);
    });
    late.start();
    telemetry.close(); // Beside a thread that records.
    late.join();
    series.operator("AFTER", 1);
    telemetry.flush();
    telemetry.close();
    if (telemetry.lost() != 0) throw new AssertionError("lost after close");
    time(args[0] + ".timed");
  }

  // What recording costs: printed, and bounded where even a busy machine stays below.
  private static void time(String config) {
    try (Telemetry telemetry = Telemetry.open(Paths.get(config))) {
      Series series = telemetry.series(new Series.Key("timed", "1"));
      double best = Double.MAX_VALUE;
      for (int round = 0; round < 50; ++round) {
        long start = System.nanoTime();
        for (int i = 0; i < 1000; ++i) series.inference(1000);
        best = Math.min(best, (System.nanoTime() - start) / 1000.0);
      }
      System.out.println("Java: " + Math.round(best) + " ns to record an inference");
      if (best > 1000) throw new AssertionError("recording takes " + best + " ns");
    }
  }
}
