// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.common;

import java.util.ArrayList;
import java.util.List;
import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

/** Steps on numbers, one after the other. */
public final class TensorProcessor {
  private final List<TensorOperator> operators;

  private TensorProcessor(List<TensorOperator> operators) {
    this.operators = operators;
  }

  public TensorBuffer process(TensorBuffer input) {
    for (TensorOperator op : operators) input = op.apply(input);
    return input;
  }

  public static final class Builder {
    private final List<TensorOperator> operators = new ArrayList<>();

    public Builder add(TensorOperator op) {
      operators.add(op);
      return this;
    }

    public TensorProcessor build() {
      return new TensorProcessor(new ArrayList<>(operators));
    }
  }
}
