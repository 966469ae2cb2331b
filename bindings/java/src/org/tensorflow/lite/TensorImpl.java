// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;

/**
 * One input or output of one entry point. What it says of itself is a copy on Java's side, so that no question of a program's reaches
 * memory that is gone. Methods that take an address are called by the thread that holds the interpreter.
 */
final class TensorImpl implements Tensor {
  private final NativeHandle handle;
  private final int position;
  private final boolean output;
  private final String name;
  final String key; // The signature's name for it.
  private int index;
  private int typeCode;
  private DataType type; // Null: none of Java's.
  private int[] shape;
  private int[] signature;
  private QuantizationParams quantization;
  private long bytes;
  private ByteBuffer memory; // The native tensor; never handed out.
  private ByteBuffer mirror; // A copy for asReadOnlyBuffer(), from its first call on.
  private Buffer bound; // The program's direct buffer in which the tensor lies instead: nothing is copied. Kept, so that its memory stays.
  private long boundOffset;
  private boolean bindable; // As far as is known of this plan.

  TensorImpl(NativeHandle handle, long it, int position, boolean output) {
    this.handle = handle;
    this.position = position;
    this.output = output;
    byte[][] names = Native.names(it, position, output);
    name = Native.text(names[0]);
    key = Native.text(names[1]);
    refresh(it);
  }

  /** After what may have changed shapes or memory. */
  void refresh(long it) {
    int[] d = Native.describe(it, position, output);
    index = d[0];
    typeCode = d[1];
    type = isJavas(typeCode) ? DataType.of(typeCode) : null;
    bytes = ((long) d[3] << 32) | (d[2] & 0xffffffffL);
    quantization = d[6] == 1 ? new QuantizationParams(Float.intBitsToFloat(d[4]), d[5]) : new QuantizationParams(0, 0);
    int rank = d[7];
    shape = Arrays.copyOfRange(d, 8, 8 + rank);
    signature = Arrays.copyOfRange(d, 8 + rank, 8 + 2 * rank);
    memory = Native.memory(it, position, output);
    if (memory != null) memory.order(ByteOrder.nativeOrder());
    bound = null; // New memory is the tensor's own.
    bindable = true;
    if (mirror != null && mirror.capacity() != bytes) mirror = null;
  }

  /** A new shape that the next allocate makes true. */
  void resized(int[] dims) {
    shape = dims.clone();
    if (type != null && type != DataType.STRING) bytes = (long) numElements() * type.byteSize();
    memory = null;
    mirror = null;
  }

  private static boolean isJavas(int code) {
    return code == 0 || (code >= 2 && code <= 7) || code == 9;
  }

  @Override
  public DataType dataType() {
    handle.checkOpen();
    return type == null ? DataType.of(typeCode) : type;
  }

  @Override
  public int numDimensions() {
    handle.checkOpen();
    return shape.length;
  }

  @Override
  public int numBytes() {
    handle.checkOpen();
    return (int) bytes;
  }

  @Override
  public int numElements() {
    handle.checkOpen();
    int n = 1;
    for (int d : shape) n *= d;
    return n;
  }

  @Override
  public int[] shape() {
    handle.checkOpen();
    return shape.clone();
  }

  @Override
  public int[] shapeSignature() {
    handle.checkOpen();
    return signature.clone();
  }

  @Override
  public int index() {
    handle.checkOpen();
    return index;
  }

  @Override
  public String name() {
    handle.checkOpen();
    return name;
  }

  @Override
  public QuantizationParams quantizationParams() {
    handle.checkOpen();
    return quantization;
  }

  @Override
  public ByteBuffer asReadOnlyBuffer() {
    handle.enter();
    try {
      if (memory == null) {
        throw new IllegalArgumentException("Internal error: Tensor hasn't been allocated. (" + name + "; call allocateTensors() or run() first; tensors of strings have no buffer)");
      }
      if (mirror == null) {
        mirror = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.nativeOrder());
        renewMirror();
      }
      return mirror.asReadOnlyBuffer().order(ByteOrder.nativeOrder());
    } finally {
      handle.leave();
    }
  }

  void renewMirror() {
    if (mirror == null) return;
    mirror.clear();
    if (bound == null) {
      memory.clear();
      mirror.put(memory);
    } else {
      put(bound, boundOffset, mirror);
    }
    mirror.clear();
  }

  /** The tensor lies in the program's buffer from now on, where that can be: of its own bytes' order, and no other end's. */
  private boolean bind(long it, Buffer buffer, long offset) {
    if (buffer == bound && offset == boundOffset && !output) return true;
    if (!bindable || swap(buffer) != 1) return false;
    int code = Native.bind(it, position, output, buffer, offset);
    if (code != 0) {
      bindable = code != Native.UNSUPPORTED;
      return false;
    }
    bound = buffer;
    boundOffset = offset;
    return true;
  }

  private void unbind(long it) {
    if (bound == null) return;
    Native.bind(it, position, output, null, 0);
    bound = null;
  }

  /** Before a run: computed in place where `dst`, of which copyTo() will say what is wrong with it, allows it. */
  void place(long it, Object dst, boolean isStatic) {
    if (isStatic && type != DataType.STRING && dst instanceof Buffer) {
      Buffer b = (Buffer) dst;
      int width = b instanceof ByteBuffer ? 1 : type != null && type.sameInJava(Values.typeOf(b, type)) ? type.byteSize() : 0;
      if (b.isDirect() && !b.isReadOnly() && (long) b.remaining() * width >= bytes && bind(it, b, (long) b.position() * width)) return;
    }
    unbind(it);
  }

  /** The shape that the tensor would need for this input; null where it fits. */
  int[] shapeIfDifferent(Object input) {
    if (input == null || input instanceof Buffer) return null;
    checkType(input);
    int[] wanted = Values.shapeOf(input, type);
    return Arrays.equals(wanted, shape) ? null : wanted;
  }

  void setTo(long it, Object src, boolean isStatic) {
    if (src == null) throw new IllegalArgumentException("Null inputs are allowed only if the Tensor is bound to a buffer handle. (" + name + ")");
    if (src instanceof Buffer) {
      write(it, (Buffer) src, isStatic);
    } else if (type == DataType.STRING) {
      InterpreterImpl.check(Native.setStrings(it, position, Values.packStrings(src)), "");
    } else {
      unbind(it);
      memory.clear();
      Values.write(src, memory);
    }
    renewMirror();
  }

  void copyTo(long it, Object dst) {
    if (dst instanceof Buffer) {
      read(it, (Buffer) dst);
      return;
    }
    checkType(dst);
    int[] found = Values.shapeOf(dst, type);
    if (!Arrays.equals(found, shape) || !Values.isArray(dst)) {
      throw new IllegalArgumentException(String.format("Cannot copy from a TensorFlowLite tensor (%s) with shape %s to a Java object with shape %s.",
          name, Arrays.toString(shape), Arrays.toString(found)) + (found.length == shape.length ? "" : " Ranks differ: wrap or unwrap the batch dimension."));
    }
    if (type == DataType.STRING) {
      if (!(dst instanceof Object[])) throw typeMismatch(dst);
      byte[] packed = Native.getStrings(it, position);
      if (packed != null) Values.unpackStrings(packed, dst);
      return;
    }
    memory.clear();
    Values.read(memory, dst);
  }

  private void checkType(Object o) {
    DataType found = Values.typeOf(o, type);
    if (type == null || !type.sameInJava(found)) throw typeMismatch(o);
  }

  private IllegalArgumentException typeMismatch(Object o) {
    return new IllegalArgumentException(String.format(
        "Cannot convert between a TensorFlowLite tensor with type %s and a Java object of type %s (which is compatible with the TensorFlowLite type %s).",
        dataType(), o.getClass().getName(), Values.typeOf(o, type)) + " The tensor is " + name + advice(dataType()));
  }

  private String advice(DataType type) {
    if (type != DataType.INT8 && type != DataType.UINT8) return ".";
    return ": pass bytes, quantized as round(real / " + quantization.getScale() + ") + " + quantization.getZeroPoint() + ".";
  }

  // Width of the elements behind a buffer's indices: a ByteBuffer counts bytes, others their own elements, which must be the tensor's.
  private int width(Buffer b, String direction) {
    if (type == DataType.STRING) throw new IllegalArgumentException("The tensor (" + name + ") holds strings: pass an array of String");
    if (b instanceof ByteBuffer) return 1;
    if (!(b instanceof FloatBuffer || b instanceof IntBuffer || b instanceof LongBuffer || b instanceof ShortBuffer)) {
      throw new IllegalArgumentException("Unexpected " + direction + " buffer type: " + b);
    }
    checkType(b);
    return type.byteSize();
  }

  private int swap(Buffer b) {
    return type == null || Values.orderOf(b) == ByteOrder.nativeOrder() ? 1 : type.byteSize();
  }

  // A buffer that was filled and not rewound counts whole, as does one whose limit was forgotten.
  private void write(long it, Buffer src, boolean isStatic) {
    int width = width(src, "input");
    long offset = (long) src.remaining() * width == bytes ? (long) src.position() * width : 0;
    if (offset == 0 && (long) src.remaining() * width != bytes && (long) src.capacity() * width != bytes) {
      throw new IllegalArgumentException(String.format("Cannot copy to a TensorFlowLite tensor (%s) with %d bytes from a Java Buffer with %d bytes.",
          name, bytes, (long) src.capacity() * width) + hint((long) src.capacity() * width));
    }
    if (isStatic && src.isDirect() && bind(it, src, offset)) return;
    unbind(it);
    if (src.isDirect()) {
      Native.copy(it, position, false, src, offset, swap(src));
      return;
    }
    memory.clear();
    put(src, offset, memory);
  }

  // The tensor's bytes from the buffer's byte `offset` on.
  private void put(Buffer src, long offset, ByteBuffer to) {
    if (src instanceof ByteBuffer) {
      ByteBuffer from = ((ByteBuffer) src).duplicate().order(((ByteBuffer) src).order());
      from.clear();
      from.position((int) offset);
      from.limit((int) (offset + bytes));
      Values.copy(from, to, type == null ? 1 : Math.max(1, type.byteSize()));
      return;
    }
    int first = (int) offset / type.byteSize();
    putTyped(src, to, first, first + (int) (bytes / type.byteSize()));
  }

  private static void putTyped(Buffer src, ByteBuffer to, int first, int end) {
    if (src instanceof FloatBuffer) {
      FloatBuffer from = ((FloatBuffer) src).duplicate();
      from.limit(end).position(first);
      to.asFloatBuffer().put(from);
    } else if (src instanceof IntBuffer) {
      IntBuffer from = ((IntBuffer) src).duplicate();
      from.limit(end).position(first);
      to.asIntBuffer().put(from);
    } else if (src instanceof LongBuffer) {
      LongBuffer from = ((LongBuffer) src).duplicate();
      from.limit(end).position(first);
      to.asLongBuffer().put(from);
    } else {
      ShortBuffer from = ((ShortBuffer) src).duplicate();
      from.limit(end).position(first);
      to.asShortBuffer().put(from);
    }
  }

  // From the buffer's position on, which moves behind what was written.
  private void read(long it, Buffer dst) {
    int width = width(dst, "output");
    if (dst.isReadOnly()) throw new IllegalArgumentException("The buffer for the output " + name + " is read-only");
    if ((long) dst.remaining() * width < bytes) {
      long capacity = (long) dst.capacity() * width;
      throw new IllegalArgumentException(String.format("Cannot copy from a TensorFlowLite tensor (%s) with %d bytes to a Java Buffer with %d bytes.",
          name, bytes, capacity) + (capacity >= bytes ? " " + (long) dst.remaining() * width + " of them remain behind its position: call rewind() before run()." : hint(capacity)));
    }
    int position = dst.position();
    if (dst.isDirect()) {
      if (bound == null) Native.copy(it, this.position, true, dst, (long) position * width, swap(dst)); // Else it was computed there.
      dst.position(position + (int) (bytes / width));
      return;
    }
    memory.clear();
    if (dst instanceof ByteBuffer) {
      Values.copy(memory, (ByteBuffer) dst, type == null ? 1 : Math.max(1, type.byteSize()));
      dst.position(position + (int) bytes);
    } else if (dst instanceof FloatBuffer) {
      ((FloatBuffer) dst).put(memory.asFloatBuffer());
    } else if (dst instanceof IntBuffer) {
      ((IntBuffer) dst).put(memory.asIntBuffer());
    } else if (dst instanceof LongBuffer) {
      ((LongBuffer) dst).put(memory.asLongBuffer());
    } else {
      ((ShortBuffer) dst).put(memory.asShortBuffer());
    }
  }

  /** What a wrong number of bytes most likely means. */
  private String hint(long found) {
    int width = type == null ? 1 : type.byteSize();
    String what = " The tensor is " + type + " " + Arrays.toString(shape) + ": " + numElements() + " elements of " + width + (width == 1 ? " byte." : " bytes.");
    if (width == 4 && found * 4 == bytes) return what + " One byte per element was passed: convert uint8 values to " + type + ", four bytes each.";
    if (width == 1 && found == bytes * 4) return what + " Four bytes per element were passed" + advice(type);
    if (found > 0 && bytes > 0 && found % bytes == 0) return what + " Is this a batch of " + found / bytes + "? Call resizeInput() first.";
    return what;
  }
}
