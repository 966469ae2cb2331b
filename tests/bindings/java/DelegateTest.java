// SPDX-License-Identifier: Apache-2.0
// What octet's jar has beside the original's: a delegate in a library, built against TensorFlow Lite's opaque interface. It finds the
// functions that it calls back in octet's library. (ApiTest keeps to the original's classes: java_original compiles it against those.)
// Usage: java -cp octet-lite.jar:CLASSES DelegateTest MODELS LIBRARY
import java.io.File;
import java.util.Collections;
import java.util.HashMap;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.OctetDelegate;

public final class DelegateTest {
  public static void main(String[] args) {
    try (OctetDelegate delegate = new OctetDelegate(args[1], new HashMap<>());
        Interpreter it = new Interpreter(new File(args[0], "add.tflite"), new Interpreter.Options().addDelegate(delegate))) {
      float[][] y = new float[1][4];
      it.runForMultipleInputsOutputs(new Object[] {new float[][] {{1, 2, 3, 4}}, new float[][] {{10, 20, 30, 40}}}, Collections.singletonMap(0, y));
      if (y[0][3] != 44f) throw new AssertionError("4 + 40 gave " + y[0][3]);
    }
    System.out.println("a delegate that calls back: passed");
  }

  private DelegateTest() {}
}
