// SPDX-License-Identifier: Apache-2.0
// Java: javac -cp octet-lite.jar Run.java && java -cp octet-lite.jar:. Run model.tflite
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tensorflow.lite.Interpreter;

public final class Run {
  public static void main(String[] args) {
    try (Interpreter interpreter = new Interpreter(new File(args.length > 0 ? args[0] : "model.tflite"))) {
      ByteBuffer input = ByteBuffer.allocateDirect(interpreter.getInputTensor(0).numBytes()).order(ByteOrder.nativeOrder());
      interpreter.allocateTensors();
      ByteBuffer output = ByteBuffer.allocateDirect(interpreter.getOutputTensor(0).numBytes()).order(ByteOrder.nativeOrder());
      interpreter.run(input, output);
      System.out.printf("%s: %d bytes, first value %.6g%n", interpreter.getOutputTensor(0).name(), output.capacity(), output.getFloat(0));
    }
  }
}
