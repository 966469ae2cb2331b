// SPDX-License-Identifier: Apache-2.0
// Kotlin: kotlinc -cp octet-lite.jar Run.kt -include-runtime -d run.jar && java -cp octet-lite.jar:run.jar RunKt model.tflite
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter

fun main(args: Array<String>) {
  Interpreter(File(args.getOrElse(0) { "model.tflite" }), Interpreter.Options().apply { setNumThreads(2) }).use { interpreter ->
    val input = ByteBuffer.allocateDirect(interpreter.getInputTensor(0).numBytes()).order(ByteOrder.nativeOrder())
    interpreter.allocateTensors()
    val output = interpreter.getOutputTensor(0)
    val scores = FloatArray(output.numElements())
    interpreter.run(input, java.nio.FloatBuffer.wrap(scores))
    println("%s: %d bytes, first value %.6g".format(output.name(), output.numBytes(), scores[0]))
  }
}
