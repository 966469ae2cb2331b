// SPDX-License-Identifier: Apache-2.0
// Cycles of create, run, close leave memory flat, the collector's included; every hundredth is forgotten.
// Usage: LeakTest MODELS [CYCLES]
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.tensorflow.lite.Interpreter;

public final class LeakTest {
  private static final Logger LOG = Logger.getLogger("org.tensorflow.lite");

  static long residentKilobytes() throws IOException {
    return Long.parseLong(new String(Files.readAllBytes(Paths.get("/proc/self/statm"))).split(" ")[1]) * 4;
  }

  public static void main(String[] args) throws Exception {
    LOG.setLevel(Level.OFF);
    File model = new File(args[0], "f32.tflite");
    int count = args.length > 1 ? Integer.parseInt(args[1]) : 2000;
    ByteBuffer input = ByteBuffer.allocateDirect(24).order(ByteOrder.nativeOrder());
    float[][][][] output = new float[1][2][1][3];
    long early = 0;
    for (int i = 0; i < count; ++i) {
      Interpreter it = new Interpreter(model);
      it.run(input, output);
      it.getOutputTensor(0).asReadOnlyBuffer();
      if (i % 100 != 0) it.close();
      if (i % 1000 == 0) System.gc();
      if (i == count / 5) early = residentKilobytes();
    }
    System.gc();
    long late = residentKilobytes();
    System.out.println("Java: " + count + " cycles of create, run, close; resident " + early + " kB after a fifth, " + late + " kB at the end");
    if (late - early > 16 * 1024) throw new AssertionError("memory grows"); // The heap's own pages come and go.
  }
}
