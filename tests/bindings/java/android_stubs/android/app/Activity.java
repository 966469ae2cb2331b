// SPDX-License-Identifier: Apache-2.0
// A stand-in for Android's class: as much as examples/android uses.
package android.app;

import android.content.Context;
import android.os.Bundle;

public class Activity extends Context {
  protected void onCreate(Bundle savedInstanceState) {}

  protected void onDestroy() {}

  public void create() {
    onCreate(null);
  }

  public void destroy() {
    onDestroy();
  }
}
