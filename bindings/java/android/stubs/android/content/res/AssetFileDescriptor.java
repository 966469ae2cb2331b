// SPDX-License-Identifier: Apache-2.0
// What FileUtil uses of Android's class, to compile against; Android brings the real one.
package android.content.res;

import java.io.Closeable;
import java.io.FileDescriptor;

public abstract class AssetFileDescriptor implements Closeable {
  public abstract FileDescriptor getFileDescriptor();

  public abstract long getStartOffset();

  public abstract long getDeclaredLength();
}
