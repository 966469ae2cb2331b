// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.nnapi;

import org.tensorflow.lite.Delegate;

/** The native side of {@link NnApiDelegate}: not in this build, which it says. */
public class NnApiDelegateImpl implements NnApiDelegate.PrivateInterface, Delegate, AutoCloseable {
  public NnApiDelegateImpl(NnApiDelegate.Options options) {
    throw new UnsupportedOperationException("This build of octet has no NNAPI delegate; leave it out to run on the CPU.");
  }

  @Override
  public long getNativeHandle() {
    return 0;
  }

  @Override
  public int getNnapiErrno() {
    return 0;
  }

  @Override
  public void close() {}
}
