// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.support.tensorbuffer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.tensorflow.lite.DataType;

/** Numbers of a tensor, FLOAT32 or UINT8, in a direct buffer that an interpreter takes without copies on Java's side. */
public final class TensorBuffer {
  private final DataType type;
  private final boolean dynamic;
  private int[] shape;
  private ByteBuffer buffer;

  private TensorBuffer(DataType type, int[] shape, boolean dynamic) {
    if (type != DataType.FLOAT32 && type != DataType.UINT8) throw new IllegalArgumentException("TensorBuffer holds FLOAT32 or UINT8, not " + type);
    this.type = type;
    this.dynamic = dynamic;
    allocate(shape);
  }

  public static TensorBuffer createFixedSize(int[] shape, DataType dataType) {
    return new TensorBuffer(dataType, shape, false);
  }

  /** Takes the shape of what is loaded. */
  public static TensorBuffer createDynamic(DataType dataType) {
    return new TensorBuffer(dataType, new int[] {0}, true);
  }

  public static TensorBuffer createFrom(TensorBuffer buffer, DataType dataType) {
    TensorBuffer made = new TensorBuffer(dataType, buffer.shape, buffer.dynamic);
    made.loadArray(buffer.getFloatArray(), buffer.shape);
    return made;
  }

  private void allocate(int[] shape) {
    for (int d : shape) {
      if (d < 0) throw new IllegalArgumentException("a shape has no negative dimensions: " + Arrays.toString(shape));
    }
    this.shape = shape.clone();
    buffer = ByteBuffer.allocateDirect(Math.multiplyExact(elements(shape), getTypeSize())).order(ByteOrder.nativeOrder());
  }

  private static int elements(int[] shape) {
    int n = 1;
    for (int d : shape) n = Math.multiplyExact(n, d);
    return n;
  }

  /** The memory itself, from its start. */
  public ByteBuffer getBuffer() {
    buffer.rewind();
    return buffer;
  }

  public int getFlatSize() {
    return elements(shape);
  }

  public int[] getShape() {
    return shape.clone();
  }

  public DataType getDataType() {
    return type;
  }

  public int getTypeSize() {
    return type.byteSize();
  }

  public boolean isDynamic() {
    return dynamic;
  }

  public float getFloatValue(int index) {
    return type == DataType.FLOAT32 ? buffer.getFloat(4 * index) : buffer.get(index) & 0xff;
  }

  public int getIntValue(int index) {
    return (int) getFloatValue(index);
  }

  public float[] getFloatArray() {
    float[] values = new float[getFlatSize()];
    for (int i = 0; i < values.length; ++i) values[i] = getFloatValue(i);
    return values;
  }

  public int[] getIntArray() {
    int[] values = new int[getFlatSize()];
    for (int i = 0; i < values.length; ++i) values[i] = getIntValue(i);
    return values;
  }

  public void loadArray(float[] values) {
    loadArray(values, shape);
  }

  /** UINT8 takes values cut off behind the point and kept within 0 and 255. */
  public void loadArray(float[] values, int[] shape) {
    take(values.length, shape);
    for (int i = 0; i < values.length; ++i) set(i, values[i]);
  }

  public void loadArray(int[] values) {
    loadArray(values, shape);
  }

  public void loadArray(int[] values, int[] shape) {
    take(values.length, shape);
    for (int i = 0; i < values.length; ++i) set(i, values[i]);
  }

  public void loadBuffer(ByteBuffer values) {
    loadBuffer(values, shape);
  }

  /** Keeps the buffer itself where it is direct and of native order, else a copy. */
  public void loadBuffer(ByteBuffer values, int[] shape) {
    int wanted = elements(shape) * getTypeSize();
    if (values.capacity() != wanted) {
      throw new IllegalArgumentException("The size of byte buffer and the shape do not match. Expected: " + wanted + " Actual: " + values.capacity());
    }
    if (!dynamic && !Arrays.equals(shape, this.shape)) throw shapeIsFixed(shape);
    this.shape = shape.clone();
    values.rewind();
    if (values.isDirect() && values.order() == ByteOrder.nativeOrder() && !values.isReadOnly()) {
      buffer = values;
      return;
    }
    buffer = ByteBuffer.allocateDirect(wanted).order(ByteOrder.nativeOrder());
    for (int i = 0; i < elements(shape); ++i) set(i, type == DataType.FLOAT32 ? values.getFloat(4 * i) : values.get(i) & 0xff);
  }

  private void take(int count, int[] shape) {
    if (elements(shape) != count) throw new IllegalArgumentException("The size of the array to be loaded does not match the specified shape: " + count + " values, " + Arrays.toString(shape));
    if (Arrays.equals(shape, this.shape)) return;
    if (!dynamic) throw shapeIsFixed(shape);
    allocate(shape);
  }

  private IllegalArgumentException shapeIsFixed(int[] found) {
    return new IllegalArgumentException("the buffer's shape is fixed: expected " + Arrays.toString(shape) + ", found " + Arrays.toString(found));
  }

  private void set(int i, float value) {
    if (type == DataType.FLOAT32) buffer.putFloat(4 * i, value);
    else buffer.put(i, (byte) (int) Math.max(0, Math.min(255, value)));
  }
}
