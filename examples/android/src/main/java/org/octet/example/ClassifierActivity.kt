// SPDX-License-Identifier: Apache-2.0
package org.octet.example

import android.app.Activity
import android.os.Bundle
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.nio.channels.FileChannel
import org.tensorflow.lite.Interpreter

/** The interpreter lives as long as the screen; every frame reuses its buffers. */
class ClassifierActivity : Activity() {
  private lateinit var interpreter: Interpreter
  private lateinit var input: FloatBuffer
  private lateinit var output: FloatBuffer

  override fun onCreate(savedInstanceState: Bundle?) {
    super.onCreate(savedInstanceState)
    val model = assets.openFd("model.tflite").use { file ->
      FileInputStream(file.fileDescriptor).channel.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
    }
    interpreter = Interpreter(model, Interpreter.Options().setNumThreads(2))
    interpreter.allocateTensors()
    input = floats(interpreter.getInputTensor(0).numElements())
    output = floats(interpreter.getOutputTensor(0).numElements())
  }

  private fun floats(count: Int) = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder()).asFloatBuffer()

  /** Index of the highest score. */
  fun classify(pixels: FloatArray): Int {
    input.rewind()
    input.put(pixels)
    output.rewind()
    interpreter.run(input, output)
    return (0 until output.capacity()).maxByOrNull { output[it] }!!
  }

  override fun onDestroy() {
    interpreter.close()
    super.onDestroy()
  }
}
