// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.label;

import java.util.Objects;

/** A label and its score. */
public final class Category {
  private final String label;
  private final float score;

  public Category(String label, float score) {
    this.label = label;
    this.score = score;
  }

  public String getLabel() {
    return label;
  }

  public float getScore() {
    return score;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Category && ((Category) o).label.equals(label) && ((Category) o).score == score;
  }

  @Override
  public int hashCode() {
    return Objects.hash(label, score);
  }

  @Override
  public String toString() {
    return "<Category \"" + label + "\" (score=" + score + ")>";
  }
}
