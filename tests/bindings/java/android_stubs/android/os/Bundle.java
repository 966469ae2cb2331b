// SPDX-License-Identifier: Apache-2.0
// A stand-in for Android's class: as much as examples/android uses.
package android.os;

public final class Bundle {}
