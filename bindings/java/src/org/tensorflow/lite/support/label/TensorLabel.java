// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.label;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tensorflow.lite.support.tensorbuffer.TensorBuffer;

/** Scores by their labels. */
public class TensorLabel {
  private final List<String> labels;
  private final TensorBuffer scores;

  /** Labels for the last dimension, in its order. */
  public TensorLabel(List<String> axisLabels, TensorBuffer tensorBuffer) {
    if (axisLabels.size() != tensorBuffer.getFlatSize()) {
      throw new IllegalArgumentException("Label number " + axisLabels.size() + " mismatch the shape on the last axis: " + tensorBuffer.getFlatSize() + " scores");
    }
    labels = new ArrayList<>(axisLabels);
    scores = tensorBuffer;
  }

  public Map<String, Float> getMapWithFloatValue() {
    Map<String, Float> map = new LinkedHashMap<>();
    for (int i = 0; i < labels.size(); ++i) map.put(labels.get(i), scores.getFloatValue(i));
    return map;
  }

  public List<Category> getCategoryList() {
    List<Category> categories = new ArrayList<>();
    for (int i = 0; i < labels.size(); ++i) categories.add(new Category(labels.get(i), scores.getFloatValue(i)));
    return categories;
  }
}
