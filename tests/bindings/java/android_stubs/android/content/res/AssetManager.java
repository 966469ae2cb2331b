// SPDX-License-Identifier: Apache-2.0
// A stand-in for Android's class: as much as examples/android uses.
package android.content.res;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;

/** Assets lie in the folder that the property assets names. */
public final class AssetManager {
  public AssetFileDescriptor openFd(String name) throws IOException {
    File file = new File(System.getProperty("assets"), name);
    return new AssetFileDescriptor(new RandomAccessFile(file, "r"), file.length());
  }
}
