// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.image;

import java.util.ArrayList;
import java.util.List;
import org.tensorflow.lite.support.common.Operator;
import org.tensorflow.lite.support.common.TensorOperator;
import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

/** Steps on an image, one after the other. */
public class ImageProcessor {
  private final List<Operator<TensorImage>> operators;

  private ImageProcessor(List<Operator<TensorImage>> operators) {
    this.operators = operators;
  }

  public TensorImage process(TensorImage image) {
    for (Operator<TensorImage> op : operators) image = op.apply(image);
    return image;
  }

  @SuppressWarnings("overloads") // The original's: a class that is both kinds of operator would have to say which.
  public static class Builder {
    private final List<Operator<TensorImage>> operators = new ArrayList<>();

    public Builder() {}

    public Builder add(ImageOperator op) {
      operators.add(op);
      return this;
    }

    public Builder add(TensorOperator op) {
      operators.add(image -> {
        TensorBuffer values = op.apply(image.getTensorBuffer());
        TensorImage result = new TensorImage(values.getDataType());
        result.load(values);
        return result;
      });
      return this;
    }

    public ImageProcessor build() {
      return new ImageProcessor(new ArrayList<>(operators));
    }
  }
}
