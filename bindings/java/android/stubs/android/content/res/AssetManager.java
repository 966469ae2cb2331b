// SPDX-License-Identifier: Apache-2.0
// What FileUtil uses of Android's class, to compile against; Android brings the real one.
package android.content.res;

import java.io.IOException;
import java.io.InputStream;

public final class AssetManager {
  private AssetManager() {}

  public native AssetFileDescriptor openFd(String name) throws IOException;

  public native InputStream open(String name) throws IOException;
}
