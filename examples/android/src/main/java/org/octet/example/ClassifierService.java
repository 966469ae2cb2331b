// SPDX-License-Identifier: Apache-2.0
package org.octet.example;

import android.app.Service;
import android.content.Intent;
import android.content.res.AssetFileDescriptor;
import android.os.IBinder;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import org.tensorflow.lite.Interpreter;

/** One interpreter for all who ask; calls take turns. */
public class ClassifierService extends Service {
  private Interpreter interpreter;
  private ByteBuffer input;
  private ByteBuffer output;

  @Override
  public void onCreate() {
    super.onCreate();
    try {
      interpreter = new Interpreter(map("model.tflite"), new Interpreter.Options().setNumThreads(2));
    } catch (IOException e) {
      throw new IllegalStateException("the model is not in the app's assets", e);
    }
    interpreter.allocateTensors();
    input = ByteBuffer.allocateDirect(interpreter.getInputTensor(0).numBytes()).order(ByteOrder.nativeOrder());
    output = ByteBuffer.allocateDirect(interpreter.getOutputTensor(0).numBytes()).order(ByteOrder.nativeOrder());
  }

  /** The model as it lies in the package: nothing is read before it is used. */
  private MappedByteBuffer map(String asset) throws IOException {
    try (AssetFileDescriptor file = getAssets().openFd(asset);
        FileInputStream stream = new FileInputStream(file.getFileDescriptor())) {
      return stream.getChannel().map(FileChannel.MapMode.READ_ONLY, file.getStartOffset(), file.getDeclaredLength());
    }
  }

  /** Index of the highest score. Nothing is allocated. */
  public synchronized int classify(float[] pixels) {
    if (interpreter == null) throw new IllegalStateException("the service has been destroyed");
    input.rewind();
    input.asFloatBuffer().put(pixels);
    output.rewind();
    interpreter.run(input, output);
    int best = 0;
    for (int i = 1; i < output.capacity() / 4; ++i) {
      if (output.getFloat(4 * i) > output.getFloat(4 * best)) best = i;
    }
    return best;
  }

  @Override
  public IBinder onBind(Intent intent) {
    return null;
  }

  @Override
  public synchronized void onDestroy() {
    interpreter.close();
    interpreter = null;
    super.onDestroy();
  }
}
