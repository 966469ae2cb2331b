// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.lang.reflect.Array;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Java's values beside a tensor's memory: types and shapes of arrays, copies of arrays of any rank, strings. */
final class Values {
  private Values() {}

  static boolean isArray(Object o) {
    return o.getClass().isArray();
  }

  /** The type that a Java value stands for. Where the tensor holds strings, bytes are one of them. */
  static DataType typeOf(Object o, DataType tensor) {
    Class<?> c = o.getClass();
    while (c.isArray()) c = c.getComponentType();
    boolean array = isArray(o);
    if (c == float.class || (!array && c == Float.class) || o instanceof FloatBuffer) return DataType.FLOAT32;
    if (c == int.class || (!array && c == Integer.class) || o instanceof IntBuffer) return DataType.INT32;
    if (c == short.class || (!array && c == Short.class) || o instanceof ShortBuffer) return DataType.INT16;
    if (c == long.class || (!array && c == Long.class) || o instanceof LongBuffer) return DataType.INT64;
    if (c == byte.class || (!array && c == Byte.class)) return tensor == DataType.STRING ? DataType.STRING : DataType.UINT8;
    if (c == boolean.class || (!array && c == Boolean.class)) return DataType.BOOL;
    if (c == String.class) return DataType.STRING;
    throw new IllegalArgumentException("DataType error: cannot resolve DataType of " + o.getClass().getName());
  }

  static int[] shapeOf(Object o, DataType tensor) {
    int rank = 0;
    Class<?> c = o.getClass();
    for (; c.isArray(); c = c.getComponentType()) ++rank;
    if (tensor == DataType.STRING && c == byte.class && rank > 0) --rank; // The innermost array is one string.
    int[] shape = new int[rank];
    measure(o, 0, shape);
    return shape;
  }

  private static void measure(Object o, int dim, int[] shape) {
    if (dim == shape.length) return;
    int length = Array.getLength(o);
    if (length == 0) throw new IllegalArgumentException("Array lengths cannot be 0.");
    if (shape[dim] == 0) {
      shape[dim] = length;
    } else if (shape[dim] != length) {
      throw new IllegalArgumentException(String.format("Mismatched lengths (%d and %d) in dimension %d", shape[dim], length, dim));
    }
    if (dim + 1 == shape.length) return;
    for (Object part : (Object[]) o) {
      if (part == null) throw new IllegalArgumentException("An array of dimension " + (dim + 1) + " is null");
      measure(part, dim + 1, shape);
    }
  }

  /** Fills memory, in native order, from an array of any rank or a boxed scalar. */
  static void write(Object o, ByteBuffer memory) {
    if (o instanceof float[]) {
      float[] a = (float[]) o;
      memory.asFloatBuffer().put(a);
      advance(memory, a.length * 4);
    } else if (o instanceof int[]) {
      int[] a = (int[]) o;
      memory.asIntBuffer().put(a);
      advance(memory, a.length * 4);
    } else if (o instanceof byte[]) {
      memory.put((byte[]) o);
    } else if (o instanceof long[]) {
      long[] a = (long[]) o;
      memory.asLongBuffer().put(a);
      advance(memory, a.length * 8);
    } else if (o instanceof short[]) {
      short[] a = (short[]) o;
      memory.asShortBuffer().put(a);
      advance(memory, a.length * 2);
    } else if (o instanceof boolean[]) {
      for (boolean b : (boolean[]) o) memory.put((byte) (b ? 1 : 0));
    } else if (o instanceof float[][]) {
      for (float[] row : (float[][]) o) { // The many short rows of images: no view for each.
        for (float f : row) memory.putFloat(f);
      }
    } else if (o instanceof Object[]) {
      for (Object part : (Object[]) o) write(part, memory);
    } else {
      writeScalar(o, memory);
    }
  }

  private static void writeScalar(Object o, ByteBuffer memory) {
    if (o instanceof Float) memory.putFloat((Float) o);
    else if (o instanceof Integer) memory.putInt((Integer) o);
    else if (o instanceof Long) memory.putLong((Long) o);
    else if (o instanceof Short) memory.putShort((Short) o);
    else if (o instanceof Byte) memory.put((Byte) o);
    else memory.put((byte) ((Boolean) o ? 1 : 0));
  }

  /** The way back, into an array whose shape was checked. */
  static void read(ByteBuffer memory, Object o) {
    if (o instanceof float[]) {
      float[] a = (float[]) o;
      memory.asFloatBuffer().get(a);
      advance(memory, a.length * 4);
    } else if (o instanceof int[]) {
      int[] a = (int[]) o;
      memory.asIntBuffer().get(a);
      advance(memory, a.length * 4);
    } else if (o instanceof byte[]) {
      memory.get((byte[]) o);
    } else if (o instanceof long[]) {
      long[] a = (long[]) o;
      memory.asLongBuffer().get(a);
      advance(memory, a.length * 8);
    } else if (o instanceof short[]) {
      short[] a = (short[]) o;
      memory.asShortBuffer().get(a);
      advance(memory, a.length * 2);
    } else if (o instanceof boolean[]) {
      boolean[] a = (boolean[]) o;
      for (int i = 0; i < a.length; ++i) a[i] = memory.get() != 0;
    } else if (o instanceof float[][]) {
      for (float[] row : (float[][]) o) {
        for (int i = 0; i < row.length; ++i) row[i] = memory.getFloat();
      }
    } else {
      for (Object part : (Object[]) o) read(memory, part);
    }
  }

  private static void advance(ByteBuffer memory, int bytes) {
    memory.position(memory.position() + bytes);
  }

  /** Between buffers of elements of one width whose byte orders may differ. Positions say from where; limits are exact. */
  static void copy(ByteBuffer from, ByteBuffer to, int width) {
    if (from.order() == to.order() || width == 1) to.put(from);
    else if (width == 2) to.asShortBuffer().put(from.asShortBuffer());
    else if (width == 4) to.asIntBuffer().put(from.asIntBuffer());
    else to.asLongBuffer().put(from.asLongBuffer());
  }

  /** int32 count, int32 offset[count + 1], characters: TensorFlow Lite's form. */
  static byte[] packStrings(Object o) {
    List<byte[]> all = new ArrayList<>();
    collect(o, all);
    int total = 4 * (all.size() + 2);
    for (byte[] s : all) total = Math.addExact(total, s.length);
    ByteBuffer packed = ByteBuffer.allocate(total).order(ByteOrder.nativeOrder());
    packed.putInt(all.size());
    int offset = 4 * (all.size() + 2);
    for (byte[] s : all) {
      packed.putInt(offset);
      offset += s.length;
    }
    packed.putInt(offset);
    for (byte[] s : all) packed.put(s);
    return packed.array();
  }

  private static void collect(Object o, List<byte[]> all) {
    if (o instanceof byte[]) {
      all.add((byte[]) o);
    } else if (o instanceof Object[]) {
      for (Object part : (Object[]) o) collect(part, all);
    } else if (o instanceof String) {
      all.add(((String) o).getBytes(StandardCharsets.UTF_8));
    } else {
      throw new IllegalArgumentException("A string of the input is " + (o == null ? "null" : "a " + o.getClass().getName()));
    }
  }

  static void unpackStrings(byte[] packed, Object to) {
    unpack(ByteBuffer.wrap(packed).order(ByteOrder.nativeOrder()), 0, to);
  }

  private static int unpack(ByteBuffer packed, int next, Object to) {
    Object[] array = (Object[]) to;
    for (int i = 0; i < array.length; ++i) {
      if (array[i] instanceof Object[]) {
        next = unpack(packed, next, array[i]);
      } else {
        int begin = packed.getInt(4 + 4 * next);
        int end = packed.getInt(8 + 4 * next);
        array[i] = new String(packed.array(), begin, end - begin, StandardCharsets.UTF_8);
        ++next;
      }
    }
    return next;
  }

  static ByteOrder orderOf(Buffer b) {
    if (b instanceof ByteBuffer) return ((ByteBuffer) b).order();
    if (b instanceof FloatBuffer) return ((FloatBuffer) b).order();
    if (b instanceof IntBuffer) return ((IntBuffer) b).order();
    if (b instanceof LongBuffer) return ((LongBuffer) b).order();
    return ((ShortBuffer) b).order();
  }
}
