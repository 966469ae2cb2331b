// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

/** Element types of tensors. */
public enum DataType {
  FLOAT32(0, 4),
  INT32(2, 4),
  UINT8(3, 1),
  INT64(4, 8),
  /** Text: its elements have no fixed size. */
  STRING(5, -1),
  BOOL(6, 1),
  INT16(7, 2),
  INT8(9, 1);

  private static final DataType[] ALL = values();
  private final int code; // OctetDType.
  private final int bytes;

  DataType(int code, int bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  /** Bytes of one element; -1 for STRING. */
  public int byteSize() {
    return bytes;
  }

  /** Java has one word for int8 and uint8. */
  boolean sameInJava(DataType other) {
    return this == other || (isByte() && other.isByte());
  }

  private boolean isByte() {
    return this == INT8 || this == UINT8;
  }

  static DataType of(int code) {
    for (DataType type : ALL) {
      if (type.code == code) return type;
    }
    throw new IllegalArgumentException("DataType error: DataType " + code + " is not recognized in Java; read the tensor through asReadOnlyBuffer()");
  }
}
