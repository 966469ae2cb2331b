// SPDX-License-Identifier: Apache-2.0
// What FileUtil uses of Android's class, to compile against; Android brings the real one.
package android.content;

import android.content.res.AssetManager;

public abstract class Context {
  public abstract AssetManager getAssets();
}
