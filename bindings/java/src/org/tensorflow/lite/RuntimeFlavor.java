// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

/** Whose runtime it is: the application's own (octet's) or the system's. */
public enum RuntimeFlavor {
  APPLICATION,
  SYSTEM
}
