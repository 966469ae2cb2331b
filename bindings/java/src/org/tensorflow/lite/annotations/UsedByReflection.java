// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite.annotations;

import java.lang.annotation.ElementType;
import java.lang.annotation.Target;

/** Keeps what JNI or reflection asks for by name from being renamed or removed. */
@Target({ElementType.CONSTRUCTOR, ElementType.FIELD, ElementType.METHOD, ElementType.TYPE})
public @interface UsedByReflection {
  String value();
}
