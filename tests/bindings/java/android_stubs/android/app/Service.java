// SPDX-License-Identifier: Apache-2.0
// A stand-in for Android's class: as much as examples/android uses.
package android.app;

import android.content.Context;
import android.content.Intent;
import android.os.IBinder;

public abstract class Service extends Context {
  public void onCreate() {}

  public void onDestroy() {}

  public abstract IBinder onBind(Intent intent);
}
