// SPDX-License-Identifier: Apache-2.0
// A stand-in for Android's class: as much as examples/android uses.
package android.content.res;

import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.RandomAccessFile;

public class AssetFileDescriptor implements Closeable {
  private final RandomAccessFile file;
  private final long length;

  AssetFileDescriptor(RandomAccessFile file, long length) {
    this.file = file;
    this.length = length;
  }

  public FileDescriptor getFileDescriptor() {
    try {
      return file.getFD();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  public long getStartOffset() {
    return 0;
  }

  public long getDeclaredLength() {
    return length;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
