// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.nnapi;

import java.util.HashMap;
import java.util.Map;
import org.tensorflow.lite.Delegate;
import org.tensorflow.lite.OctetDelegate;

/** The native side of {@link NnApiDelegate}. Where the system has no NNAPI, making one says so. */
public class NnApiDelegateImpl implements NnApiDelegate.PrivateInterface, Delegate, AutoCloseable {
  private final OctetDelegate delegate;

  public NnApiDelegateImpl(NnApiDelegate.Options options) {
    Map<String, String> o = new HashMap<>();
    if (options.getAcceleratorName() != null) o.put("accelerator", options.getAcceleratorName());
    if (options.getAllowFp16()) o.put("fp16", "1");
    if (options.getExecutionPreference() == NnApiDelegate.Options.EXECUTION_PREFERENCE_LOW_POWER) o.put("preference", "low_power");
    if (options.getExecutionPreference() == NnApiDelegate.Options.EXECUTION_PREFERENCE_SUSTAINED_SPEED) o.put("preference", "sustained");
    delegate = new OctetDelegate("nnapi", o);
  }

  @Override
  public long getNativeHandle() {
    return delegate.getNativeHandle();
  }

  @Override
  public int getNnapiErrno() {
    return 0;
  }

  @Override
  public void close() {
    delegate.close();
  }
}
