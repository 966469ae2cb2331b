// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.image;

import org.tensorflow.lite.support.common.Operator;

/** A step on an image. */
public interface ImageOperator extends Operator<TensorImage> {
  @Override
  TensorImage apply(TensorImage image);
}
