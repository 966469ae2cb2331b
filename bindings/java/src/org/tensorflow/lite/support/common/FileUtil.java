// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.common;

import android.content.Context;
import android.content.res.AssetFileDescriptor;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Labels and models from files. */
public class FileUtil {
  private FileUtil() {}

  /** A label a line, in UTF-8; empty lines are left out. */
  public static List<String> loadLabels(InputStream inputStream) throws IOException {
    return loadLabels(inputStream, StandardCharsets.UTF_8);
  }

  public static List<String> loadLabels(InputStream inputStream, Charset cs) throws IOException {
    List<String> labels = new ArrayList<>();
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(inputStream, cs))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (!line.trim().isEmpty()) labels.add(line);
      }
    }
    return labels;
  }

  public static List<String> loadLabels(Context context, String filePath) throws IOException {
    return loadLabels(context, filePath, StandardCharsets.UTF_8);
  }

  public static List<String> loadLabels(Context context, String filePath, Charset cs) throws IOException {
    return loadLabels(context.getAssets().open(filePath), cs);
  }

  /** A model in the app's assets, as it lies in the package (noCompress "tflite"). */
  public static MappedByteBuffer loadMappedFile(Context context, String filePath) throws IOException {
    try (AssetFileDescriptor file = context.getAssets().openFd(filePath);
        FileInputStream stream = new FileInputStream(file.getFileDescriptor())) {
      return stream.getChannel().map(FileChannel.MapMode.READ_ONLY, file.getStartOffset(), file.getDeclaredLength());
    }
  }
}
