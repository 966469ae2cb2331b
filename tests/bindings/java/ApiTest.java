// SPDX-License-Identifier: Apache-2.0
// The Java API on the small models of binding_models.cc. No test framework: a failed check throws.
// Only classes of the original: scripts/java_api_diff.sh compiles this file against those and runs it on octet's jar.
// Usage: java -cp octet-lite.jar:CLASSES ApiTest MODELS
import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.InterpreterApi;
import org.tensorflow.lite.InterpreterFactory;
import org.tensorflow.lite.Tensor;
import org.tensorflow.lite.TensorFlowLite;
import org.tensorflow.lite.gpu.CompatibilityList;
import org.tensorflow.lite.gpu.GpuDelegate;
import org.tensorflow.lite.nnapi.NnApiDelegate;

public final class ApiTest {
  private static File models;

  interface Action {
    void run() throws Exception;
  }

  static File model(String name) {
    return new File(models, name + ".tflite");
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }

  static void equal(Object found, Object expected) {
    check(found == null ? expected == null : found.equals(expected), "expected " + expected + ", found " + found);
  }

  static void refused(Class<? extends Throwable> kind, String part, Action action) {
    try {
      action.run();
    } catch (Throwable e) {
      check(kind.isInstance(e), "expected " + kind + ", found " + e);
      check(String.valueOf(e.getMessage()).contains(part), "expected a text with '" + part + "', found '" + e.getMessage() + "'");
      return;
    }
    throw new AssertionError("expected " + kind.getSimpleName() + ": " + part);
  }

  static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  // ---- What programs do ----

  static void arraysOfEveryType() {
    try (Interpreter it = new Interpreter(model("f32"))) {
      float[][][][] y = new float[1][2][1][3];
      it.run(new float[][] {{1, 2, 3}, {4, 5, 6}}, y);
      check(Arrays.deepEquals(y, new float[][][][] {{{{1, 2, 3}}, {{4, 5, 6}}}}), Arrays.deepToString(y));
    }
    try (Interpreter it = new Interpreter(model("i32"))) {
      int[][][][] y = new int[1][2][1][3];
      it.run(new int[][] {{1, 2, 3}, {4, 5, -6}}, y);
      equal(y[0][1][0][2], -6);
    }
    try (Interpreter it = new Interpreter(model("i64"))) {
      long[][][][] y = new long[1][2][1][3];
      it.run(new long[][] {{1, 2, 3}, {4, 5, -6L << 40}}, y);
      equal(y[0][1][0][2], -6L << 40);
    }
    try (Interpreter it = new Interpreter(model("i16"))) {
      short[][][][] y = new short[1][2][1][3];
      it.run(new short[][] {{1, 2, 3}, {4, 5, -6}}, y);
      equal(y[0][1][0][2], (short) -6);
    }
    for (String bytes : new String[] {"i8", "u8"}) {
      try (Interpreter it = new Interpreter(model(bytes))) {
        byte[][][][] y = new byte[1][2][1][3];
        it.run(new byte[][] {{1, 2, 3}, {4, 5, -6}}, y);
        equal(y[0][1][0][2], (byte) -6);
      }
    }
    try (Interpreter it = new Interpreter(model("bool"))) {
      boolean[][][][] y = new boolean[1][2][1][3];
      it.run(new boolean[][] {{true, false, true}, {false, false, true}}, y);
      check(y[0][0][0][0] && !y[0][1][0][0] && y[0][1][0][2], Arrays.deepToString(y));
    }
  }

  static void strings() {
    try (Interpreter it = new Interpreter(model("string"))) {
      String[][][][] y = new String[1][2][1][3];
      it.run(new String[][] {{"a", "", "größer"}, {"\ud83d\ude00", "e", "f"}}, y);
      check(Arrays.deepEquals(y, new String[][][][] {{{{"a", "", "größer"}}, {{"\ud83d\ude00", "e", "f"}}}}), Arrays.deepToString(y));
      byte[][][] raw = {{{65}, {}, {66, 67}}, {{68}, {69}, {70}}};
      it.run(raw, y);
      equal(y[0][0][0][2], "BC");
      equal(it.getInputTensor(0).dataType(), DataType.STRING);
      refused(IllegalArgumentException.class, "holds strings", () -> it.run(direct(24), y));
    }
  }

  static void buffersOfEveryKindAndOrder() {
    try (Interpreter it = new Interpreter(model("f32"))) {
      for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
        for (int kind = 0; kind < 4; ++kind) {
          ByteBuffer x = (kind % 2 == 0 ? ByteBuffer.allocateDirect(24) : ByteBuffer.allocate(24)).order(order);
          ByteBuffer y = (kind < 2 ? ByteBuffer.allocateDirect(24) : ByteBuffer.allocate(24)).order(order);
          for (int i = 0; i < 6; ++i) x.putFloat(i + 0.5f); // Not rewound: a filled buffer counts whole.
          it.run(x, y);
          equal(y.position(), 24);
          y.flip();
          for (int i = 0; i < 6; ++i) equal(y.getFloat(), i + 0.5f);
          FloatBuffer xs = x.clear().asFloatBuffer();
          FloatBuffer ys = y.clear().asFloatBuffer();
          for (int i = 0; i < 6; ++i) xs.put(i, i - 0.25f);
          it.run(xs, ys);
          for (int i = 0; i < 6; ++i) equal(ys.get(i), i - 0.25f);
        }
      }
      ByteBuffer large = direct(100); // A window in a larger one, on both sides.
      for (int i = 0; i < 6; ++i) large.putFloat(40 + 4 * i, i);
      large.position(40).limit(64);
      float[][][][] y = new float[1][2][1][3];
      it.run(large, y);
      equal(y[0][1][0][2], 5f);
      large.clear().position(12);
      it.run(large.duplicate().order(ByteOrder.nativeOrder()).position(40).limit(64), large);
      equal(large.position(), 36);
      equal(large.getFloat(12 + 20), 5f);
      refused(IllegalArgumentException.class, "read-only", () -> it.run(new float[2][3], direct(24).asReadOnlyBuffer()));
      it.run(direct(24).asReadOnlyBuffer(), y);
    }
    try (Interpreter it = new Interpreter(model("i32"))) {
      IntBuffer y = IntBuffer.allocate(6);
      it.run(IntBuffer.wrap(new int[] {1, 2, 3, 4, 5, 6}), y);
      equal(y.get(5), 6);
      refused(IllegalArgumentException.class, "Cannot convert between a TensorFlowLite tensor with type INT32", () -> it.run(FloatBuffer.allocate(6), y));
    }
  }

  static void modelsFromEveryBuffer() throws Exception {
    byte[] bytes = Files.readAllBytes(model("add").toPath());
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length);
    direct.put(bytes);
    FileChannel channel = FileChannel.open(model("add").toPath(), StandardOpenOption.READ);
    ByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
    channel.close();
    for (ByteBuffer b : new ByteBuffer[] {direct, mapped, ByteBuffer.wrap(bytes), ByteBuffer.wrap(bytes).asReadOnlyBuffer()}) {
      try (InterpreterApi it = InterpreterApi.create(b, new InterpreterApi.Options())) {
        equal(it.getInputTensorCount(), 2);
      }
    }
    refused(IllegalArgumentException.class, "Model ByteBuffer should be either a MappedByteBuffer", () -> new Interpreter((ByteBuffer) null));
    refused(IllegalArgumentException.class, "ByteBuffer is not a valid TensorFlow Lite model flatbuffer", () -> new Interpreter(direct(64)));
    refused(IllegalArgumentException.class, "nowhere.tflite does not encode a valid TensorFlow Lite model", () -> new Interpreter(new File("nowhere.tflite")));
    for (int cut : new int[] {0, 4, 8, 64, bytes.length / 2, bytes.length - 1}) {
      try (Interpreter it = new Interpreter(ByteBuffer.wrap(Arrays.copyOf(bytes, cut)))) {
        it.allocateTensors();
      } catch (IllegalArgumentException expected) {
        check(expected.getMessage().length() > 20, "a text");
      }
    }
  }

  static void severalInputsAndShapes() {
    try (InterpreterApi it = new InterpreterFactory().create(model("add"), new InterpreterApi.Options().setNumThreads(2))) {
      equal(it.getLastNativeInferenceDurationNanoseconds(), null);
      float[][] y = new float[3][4];
      Map<Integer, Object> outputs = new HashMap<>();
      outputs.put(0, y);
      float[][] x = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}}; // Resizes by itself.
      it.runForMultipleInputsOutputs(new Object[] {x, new float[][] {{1, 1, 1, 1}}}, outputs);
      equal(y[2][3], 13f);
      check(it.getLastNativeInferenceDurationNanoseconds() > 0, "a duration");
      check(Arrays.equals(it.getInputTensor(0).shape(), new int[] {3, 4}), "shape");
      check(Arrays.equals(it.getInputTensor(0).shapeSignature(), new int[] {-1, 4}), "signature");
      check(Arrays.equals(it.getOutputTensor(0).shape(), new int[] {3, 4}), "output shape");
      it.resizeInput(0, new int[] {2, 4}, true);
      it.allocateTensors();
      equal(it.getOutputTensor(0).numBytes(), 32);
      refused(IllegalArgumentException.class, "ResizeInputTensorStrict only allows", () -> it.resizeInput(1, new int[] {2, 4}, true));
      refused(IllegalArgumentException.class, "Can not resize 7-th input for a model having 2", () -> it.resizeInput(7, new int[] {1}));
      refused(IllegalArgumentException.class, "Invalid input Tensor index: 2", () -> it.getInputTensor(2));
      refused(IllegalArgumentException.class, "Invalid output Tensor index: -1", () -> it.getOutputTensor(-1));
      equal(it.getInputIndex("y"), 1);
      refused(IllegalArgumentException.class, "'z' is not a valid name for any input. Names of inputs and their indexes are {x=0, y=1}", () -> it.getInputIndex("z"));
      equal(it.getOutputIndex("sum"), 0);
      refused(IllegalArgumentException.class, "has 2 inputs, found 1", () -> it.run(new float[1][4], y));
      refused(IllegalArgumentException.class, "Inputs should not be null or empty", () -> it.runForMultipleInputsOutputs(new Object[0], outputs));
      refused(IllegalArgumentException.class, "Outputs should not be null", () -> it.runForMultipleInputsOutputs(new Object[] {x, x}, null));
      refused(IllegalArgumentException.class, "Null inputs are allowed only", () -> it.runForMultipleInputsOutputs(new Object[] {null, new float[1][4]}, outputs));
      refused(IllegalArgumentException.class, "Invalid input Tensor index: 2", () -> it.runForMultipleInputsOutputs(new Object[] {x, x, x}, outputs));
      refused(IllegalArgumentException.class, "Invalid output Tensor index: 5", () -> it.runForMultipleInputsOutputs(new Object[] {x, x}, Collections.singletonMap(5, y)));
      it.runForMultipleInputsOutputs(new Object[] {x, x}, new HashMap<>()); // Read through the tensor instead.
      equal(it.getOutputTensor(0).asReadOnlyBuffer().getFloat(44), 24f);
    }
  }

  static void shapesThatFollowTheData() {
    try (Interpreter it = new Interpreter(model("where"))) {
      it.run(new boolean[] {true, false, false, true, true, false}, null);
      check(Arrays.equals(it.getOutputTensor(0).shape(), new int[] {3, 1}), "three");
      long[][] y = new long[3][1];
      it.run(new boolean[] {false, false, true, true, false, true}, y);
      check(Arrays.deepEquals(y, new long[][] {{2}, {3}, {5}}), Arrays.deepToString(y));
      ByteBuffer raw = direct(48);
      it.run(new boolean[] {true, true, true, true, true, false}, raw);
      equal(raw.position(), 40);
    }
  }

  static void signatures() {
    try (Interpreter it = new Interpreter(model("add"))) {
      check(Arrays.equals(it.getSignatureKeys(), new String[] {"serve"}), "keys");
      check(Arrays.equals(it.getSignatureInputs("serve"), new String[] {"left", "right"}), "inputs");
      check(Arrays.equals(it.getSignatureOutputs("serve"), new String[] {"total"}), "outputs");
      Map<String, Object> in = new HashMap<>();
      Map<String, Object> out = new HashMap<>();
      float[][] y = new float[2][4];
      in.put("left", new float[][] {{1, 2, 3, 4}, {5, 6, 7, 8}});
      in.put("right", new float[][] {{1, 1, 1, 1}});
      out.put("total", y);
      it.runSignature(in, out, "serve");
      it.runSignature(in, out);
      equal(y[1][3], 9f);
      equal(it.getInputTensorFromSignature("left", "serve").name(), "x");
      equal(it.getOutputTensorFromSignature("total", "serve").shape()[0], 2);
      refused(IllegalArgumentException.class, "Input error: input middle not found", () -> it.getInputTensorFromSignature("middle", "serve"));
      refused(IllegalArgumentException.class, "Input error: Signature other not found", () -> it.runSignature(in, out, "other"));
      in.remove("right");
      refused(IllegalArgumentException.class, "right", () -> it.runSignature(in, out));
    }
    try (Interpreter it = new Interpreter(model("f32"))) {
      Map<String, Object> one = new HashMap<>();
      one.put("x", new float[2][3]);
      refused(IllegalArgumentException.class, "signatureKey should not be null", () -> it.runSignature(one, new HashMap<>()));
    }
  }

  static void tensorsSayWhatTheyAre() {
    Interpreter it = new Interpreter(model("i8"));
    Tensor t = it.getInputTensor(0);
    equal(t.dataType(), DataType.INT8);
    equal(t.numBytes(), 6);
    equal(t.numElements(), 6);
    equal(t.numDimensions(), 2);
    equal(t.quantizationParams().getScale(), 0.5f);
    equal(t.quantizationParams().getZeroPoint(), 3);
    equal(t.index(), 0);
    refused(IllegalArgumentException.class, "Tensor hasn't been allocated", () -> t.asReadOnlyBuffer());
    it.run(new byte[][] {{1, 2, 3}, {4, 5, 6}}, null);
    ByteBuffer view = it.getOutputTensor(0).asReadOnlyBuffer();
    equal(view.get(5), (byte) 6);
    it.run(new byte[][] {{1, 2, 3}, {4, 5, 7}}, null);
    equal(view.get(5), (byte) 7); // Follows.
    it.close();
    equal(view.get(5), (byte) 7); // And outlives.
    refused(IllegalStateException.class, "already been closed", () -> t.shape());
  }

  static void wrongUseIsExplained() {
    try (Interpreter it = new Interpreter(model("f32"))) {
      float[][][][] y = new float[1][2][1][3];
      refused(IllegalArgumentException.class, "Cannot copy to a TensorFlowLite tensor (x) with 24 bytes from a Java Buffer with 6 bytes. The tensor is FLOAT32 [2, 3]", () -> it.run(direct(6), y));
      refused(IllegalArgumentException.class, "One byte per element was passed", () -> it.run(direct(6), y));
      refused(IllegalArgumentException.class, "Is this a batch of 2?", () -> it.run(direct(48), y));
      refused(IllegalArgumentException.class, "Cannot convert between a TensorFlowLite tensor with type FLOAT32 and a Java object of type [[I (which is compatible with the TensorFlowLite type INT32).",
          () -> it.run(new int[2][3], y));
      refused(IllegalArgumentException.class, "Cannot copy from a TensorFlowLite tensor (y) with shape [1, 2, 1, 3] to a Java object with shape [2, 3].", () -> it.run(new float[2][3], new float[2][3]));
      refused(IllegalArgumentException.class, "with 24 bytes to a Java Buffer with 20 bytes", () -> it.run(new float[2][3], direct(20)));
      refused(IllegalArgumentException.class, "Mismatched lengths (3 and 2) in dimension 1", () -> it.run(new float[][] {{1, 2, 3}, {1, 2}}, y));
      refused(IllegalArgumentException.class, "Array lengths cannot be 0", () -> it.run(new float[2][0], y));
      refused(IllegalArgumentException.class, "cannot resolve DataType of java.lang.Object", () -> it.run(new Object(), y));
      refused(IllegalArgumentException.class, "cannot resolve DataType of [Ljava.lang.Float;", () -> it.run(new Float[] {1f}, y));
      refused(IllegalArgumentException.class, "Unexpected input buffer type", () -> it.run(java.nio.DoubleBuffer.allocate(6), y));
      ByteBuffer full = direct(24);
      it.run(new float[2][3], full);
      refused(IllegalArgumentException.class, "call rewind()", () -> it.run(new float[2][3], full));
      refused(IllegalStateException.class, "setCancellable", () -> it.setCancelled(true));
    }
    try (Interpreter it = new Interpreter(model("i8"))) {
      refused(IllegalArgumentException.class, "round(real / 0.5) + 3", () -> it.run(direct(24), null));
    }
    refused(IllegalArgumentException.class, "numThreads", () -> new Interpreter(model("f32"), new Interpreter.Options().setNumThreads(-2)));
    refused(IllegalStateException.class, "FROM_SYSTEM_ONLY", () -> new Interpreter(model("f32"), new Interpreter.Options().setRuntime(InterpreterApi.Options.TfLiteRuntime.FROM_SYSTEM_ONLY)));
  }

  static void closedIsClosed() {
    Interpreter it = new Interpreter(model("f32"));
    it.close();
    it.close();
    String text = "Internal error: The Interpreter has already been closed. It was opened at ApiTest.closedIsClosed(ApiTest.java:";
    refused(IllegalStateException.class, text, () -> it.run(new float[2][3], new float[1][2][1][3]));
    refused(IllegalStateException.class, text, () -> it.getInputTensor(0));
    refused(IllegalStateException.class, text, () -> it.resizeInput(0, new int[] {1}));
    refused(IllegalStateException.class, text, () -> it.allocateTensors());
    refused(IllegalStateException.class, text, () -> it.getSignatureKeys());
    refused(IllegalStateException.class, text, () -> it.resetVariableTensors());
  }

  // Each thread either runs or is refused, and close() in the middle is safe.
  static void threads() throws Exception {
    for (int round = 0; round < 20; ++round) {
      Interpreter it = new Interpreter(model("f32"));
      AtomicReference<Throwable> wrong = new AtomicReference<>();
      Thread[] threads = new Thread[4];
      for (int i = 0; i < threads.length; ++i) {
        threads[i] = new Thread(() -> {
          float[][][][] y = new float[1][2][1][3];
          ByteBuffer raw = direct(24);
          for (int k = 0; k < 2000; ++k) {
            try {
              it.run(raw, y);
            } catch (IllegalStateException e) {
              if (e.getMessage().contains("closed")) return;
              if (!e.getMessage().contains("another thread")) wrong.set(e);
            } catch (Throwable e) {
              wrong.set(e);
            }
          }
        });
        threads[i].start();
      }
      Thread.sleep(5);
      it.close();
      for (Thread t : threads) t.join();
      if (wrong.get() != null) throw new AssertionError(wrong.get());
    }
  }

  static void cancellation() throws Exception {
    try (Interpreter it = new Interpreter(model("slow"), new Interpreter.Options().setCancellable(true))) {
      it.allocateTensors();
      Thread canceller = new Thread(() -> {
        try {
          Thread.sleep(50);
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
        it.setCancelled(true);
      });
      canceller.start();
      ByteBuffer x = direct(4 << 18);
      long start = System.nanoTime();
      refused(IllegalArgumentException.class, "Internal error: Failed to run on the given Interpreter: ", () -> it.run(x, null));
      check(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(10), "cancelled late");
      canceller.join();
      refused(IllegalArgumentException.class, "cancelled", () -> it.run(x, null)); // It stays so,
      it.setCancelled(false);
      Thread closer = new Thread(it::close); // until it is taken back.
      Thread again = new Thread(() -> {
        try {
          Thread.sleep(30);
        } catch (InterruptedException e) {
          throw new AssertionError(e);
        }
        it.setCancelled(true);
        closer.start(); // While the run is still inside.
      });
      again.start();
      refused(IllegalArgumentException.class, "cancelled", () -> it.run(x, null));
      again.join();
      closer.join();
    }
  }

  @SuppressWarnings("resource")
  private static void forget() {
    new Interpreter(model("f32")).allocateTensors();
  }

  static void theForgottenAreFreedAndNamed() throws Exception {
    CountDownLatch heard = new CountDownLatch(1);
    AtomicReference<String> text = new AtomicReference<>();
    Handler handler = new Handler() {
      @Override
      public void publish(LogRecord record) {
        text.set(new SimpleFormatter().formatMessage(record));
        heard.countDown();
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
    Logger logger = Logger.getLogger("org.tensorflow.lite");
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    forget();
    for (int i = 0; i < 100 && heard.getCount() > 0; ++i) {
      System.gc();
      heard.await(50, TimeUnit.MILLISECONDS);
    }
    logger.removeHandler(handler);
    check(text.get() != null && text.get().contains("ApiTest.forget(ApiTest.java:"), "named the line: " + text.get());
  }

  static void delegatesAreNeverSilent() {
    try (CompatibilityList list = new CompatibilityList()) {
      if (list.isDelegateSupportedOnThisDevice()) new GpuDelegate(list.getBestOptionsForThisDevice()).close();
      else refused(UnsupportedOperationException.class, "'gpu'", () -> new GpuDelegate());
    }
    NnApiDelegate nnapi = new NnApiDelegate();
    refused(IllegalStateException.class, "Should not access delegate before interpreter has been constructed.", () -> nnapi.getNativeHandle());
    if (!new File("/system/lib64/libneuralnetworks.so").exists()) {
      refused(UnsupportedOperationException.class, "'nnapi'", () -> new Interpreter(model("f32"), new Interpreter.Options().setUseNNAPI(true)));
      refused(UnsupportedOperationException.class, "'nnapi'", () -> new Interpreter(model("f32"), new Interpreter.Options().addDelegate(nnapi)));
    }
    nnapi.close();
    refused(IllegalStateException.class, "after delegate has been closed", () -> nnapi.hasErrors());
    refused(IllegalArgumentException.class, "Failed to apply delegate: expected an open", () -> new Interpreter(model("f32"), new Interpreter.Options().addDelegate(() -> 12345)));
  }

  static long allocatedBytes() {
    return ((com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean()).getThreadAllocatedBytes(Thread.currentThread().getId());
  }

  static void nothingIsMadePerRun() {
    try (Interpreter it = new Interpreter(model("f32")); Interpreter two = new Interpreter(model("add"))) {
      ByteBuffer x = direct(24);
      ByteBuffer y = direct(24);
      FloatBuffer big = ByteBuffer.allocateDirect(24).order(ByteOrder.BIG_ENDIAN).asFloatBuffer();
      Object[] inputs = {direct(16), direct(16)};
      ByteBuffer sum = direct(16);
      Map<Integer, Object> outputs = new HashMap<>();
      outputs.put(0, sum);
      long before = 0;
      for (int i = 0; i < 30000; ++i) {
        if (i == 10000) before = allocatedBytes();
        y.rewind();
        it.run(x, y);
        big.rewind();
        it.run(big, big);
        sum.rewind();
        two.runForMultipleInputsOutputs(inputs, outputs);
      }
      long made = allocatedBytes() - before;
      check(made < 20000, made + " bytes in 20000 runs"); // Asking costs some hundred bytes by itself.
    }
  }

  static void timePerRun() {
    try (Interpreter it = new Interpreter(model("f32"))) {
      ByteBuffer x = direct(24);
      ByteBuffer y = direct(24);
      long best = Long.MAX_VALUE;
      for (int round = 0; round < 30; ++round) {
        long start = System.nanoTime();
        for (int i = 0; i < 10000; ++i) {
          y.rewind();
          it.run(x, y);
        }
        best = Math.min(best, (System.nanoTime() - start) / 10000);
      }
      System.out.println("run() of a model that does nothing, direct buffers: " + best + " ns");
    }
  }

  /** Direct buffers are the tensors' memory while a model runs: the same answers as by copies, whatever they share. */
  static void inPlace() {
    try (Interpreter it = new Interpreter(model("add"))) {
      FloatBuffer a = direct(16).asFloatBuffer();
      FloatBuffer b = direct(16).asFloatBuffer();
      FloatBuffer c = direct(32).asFloatBuffer();
      a.put(new float[] {1, 2, 3, 4}).rewind();
      b.put(new float[] {10, 20, 30, 40}).rewind();
      c.position(3);
      Map<Integer, Object> outputs = new HashMap<>();
      outputs.put(0, c);
      it.runForMultipleInputsOutputs(new Object[] {a, b}, outputs);
      equal(c.position(), 7);
      equal(c.get(3) + c.get(6), 55f);
      equal(it.getOutputTensor(0).asReadOnlyBuffer().asFloatBuffer().get(3), 44f);
      equal(it.getInputTensor(0).asReadOnlyBuffer().asFloatBuffer().get(3), 4f);

      a.rewind();
      b.rewind();
      outputs.put(0, a); // An input's own memory: as if it were copied.
      it.runForMultipleInputsOutputs(new Object[] {a, b}, outputs);
      equal(a.get(0) + a.get(3), 55f);
      equal(it.getOutputTensor(0).asReadOnlyBuffer().asFloatBuffer().get(0), 11f);

      a.rewind();
      outputs.put(0, b); // To and fro: what was an output is read now.
      c.limit(7).position(3);
      it.runForMultipleInputsOutputs(new Object[] {a, c}, outputs);
      equal(b.get(0), 22f);
      float[][] y = new float[1][4];
      outputs.put(0, y); // Arrays after buffers: the tensors' own memory again.
      it.runForMultipleInputsOutputs(new Object[] {new float[][] {{1, 1, 1, 1}}, new float[][] {{2, 2, 2, 2}}}, outputs);
      equal(y[0][3], 3f);
      equal(a.get(0) + b.get(0), 33f);

      ByteBuffer odd = direct(17);
      odd.position(1); // Not at a float's address: copied.
      odd.slice().order(ByteOrder.nativeOrder()).putFloat(12, 7);
      ByteBuffer shifted = odd.slice().order(ByteOrder.nativeOrder());
      it.runForMultipleInputsOutputs(new Object[] {shifted, new float[][] {{2, 2, 2, 2}}}, outputs);
      equal(y[0][3], 9f);
      outputs.put(0, direct(16).asIntBuffer());
      refused(IllegalArgumentException.class, "Cannot convert", () -> it.runForMultipleInputsOutputs(new Object[] {a, b}, outputs));
      it.resizeInput(0, new int[] {2, 4});
      ByteBuffer two = direct(32);
      outputs.put(0, two);
      it.runForMultipleInputsOutputs(new Object[] {direct(32), b.rewind()}, outputs);
      equal(two.getFloat(16), b.get(0));
    }
  }

  public static void main(String[] args) throws Exception {
    models = new File(args[0]);
    TensorFlowLite.init();
    equal(TensorFlowLite.schemaVersion(), "3");
    arraysOfEveryType();
    strings();
    buffersOfEveryKindAndOrder();
    modelsFromEveryBuffer();
    severalInputsAndShapes();
    shapesThatFollowTheData();
    signatures();
    tensorsSayWhatTheyAre();
    wrongUseIsExplained();
    closedIsClosed();
    threads();
    cancellation();
    theForgottenAreFreedAndNamed();
    delegatesAreNeverSilent();
    inPlace();
    nothingIsMadePerRun();
    timePerRun();
    System.out.println("Java API: all checks passed");
  }
}
