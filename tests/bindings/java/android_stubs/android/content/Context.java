// SPDX-License-Identifier: Apache-2.0
// A stand-in for Android's class: as much as examples/android uses.
package android.content;

import android.content.res.AssetManager;

public class Context {
  public AssetManager getAssets() {
    return new AssetManager();
  }
}
