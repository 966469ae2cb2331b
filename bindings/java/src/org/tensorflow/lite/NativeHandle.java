// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The native interpreter and who may use it: nobody after close(), one thread before. A close() while a thread is inside takes
 * effect when that thread leaves. An interpreter that was forgotten is closed once the collector found it, and the place where it was
 * opened is named.
 */
final class NativeHandle extends PhantomReference<Object> {
  private static final ReferenceQueue<Object> FORGOTTEN = new ReferenceQueue<>();
  private static final Set<NativeHandle> OPEN = Collections.newSetFromMap(new ConcurrentHashMap<NativeHandle, Boolean>());
  private static final AtomicIntegerFieldUpdater<NativeHandle> STATE = AtomicIntegerFieldUpdater.newUpdater(NativeHandle.class, "state");
  private static final Set<String> OWN = new HashSet<>();
  private static final int BUSY = 1;
  private static final int CLOSED = 2;

  static {
    for (Class<?> c : new Class<?>[] {NativeHandle.class, InterpreterImpl.class, Interpreter.class, InterpreterApi.class, InterpreterFactory.class, InterpreterFactoryImpl.class}) {
      OWN.add(c.getName());
    }
    Thread thread = new Thread("octet-cleaner") {
      @Override
      public void run() {
        clean();
      }
    };
    thread.setDaemon(true);
    thread.start();
  }

  private final long model;
  private final long interpreter;
  @SuppressWarnings("unused")
  private final Object memory; // What the model lies in.
  private final StackTraceElement opened;
  private volatile int state;
  private boolean freed; // Guarded by this.

  NativeHandle(Object owner, long model, long interpreter, Object memory) {
    super(owner, FORGOTTEN);
    this.model = model;
    this.interpreter = interpreter;
    this.memory = memory;
    opened = caller();
    OPEN.add(this);
  }

  /** The native interpreter, for this thread alone until leave(). */
  long enter() {
    if (!STATE.compareAndSet(this, 0, BUSY)) refuse();
    return interpreter;
  }

  void leave() {
    if (!STATE.compareAndSet(this, BUSY, 0)) free(); // Closed meanwhile.
  }

  void checkOpen() {
    if ((state & CLOSED) != 0) refuse();
  }

  /** From any thread, also beside a run. */
  synchronized void hold(boolean held) {
    checkOpen();
    if (!freed) Native.hold(interpreter, held);
  }

  private synchronized void free() {
    if (freed) return;
    freed = true;
    Native.close(interpreter);
    Native.closeModel(model);
  }

  void close() {
    for (;;) {
      int s = state;
      if ((s & CLOSED) != 0) return;
      if (!STATE.compareAndSet(this, s, s | CLOSED)) continue;
      OPEN.remove(this);
      clear();
      if (s == 0) free();
      return;
    }
  }

  private void refuse() {
    if ((state & CLOSED) != 0) throw new IllegalStateException("Internal error: The Interpreter has already been closed. It was opened at " + opened + ".");
    throw new IllegalStateException("The Interpreter is in use by another thread; give each thread an Interpreter of its own, or take turns. It was opened at " + opened + ".");
  }

  // The first line of the stack that is not ours.
  private static StackTraceElement caller() {
    StackTraceElement[] trace = new Throwable().getStackTrace();
    for (StackTraceElement e : trace) {
      if (!OWN.contains(e.getClassName())) return e;
    }
    return trace[trace.length - 1];
  }

  private static void clean() {
    for (;;) {
      try {
        NativeHandle forgotten = (NativeHandle) FORGOTTEN.remove();
        forgotten.close();
        Logger.getLogger("org.tensorflow.lite").log(Level.WARNING,
            "An Interpreter was never closed; its native memory is freed now. It was opened at {0}: call close() or use try-with-resources.", forgotten.opened);
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException e) {
        // A log handler of the application's failed: the next one that was forgotten is freed all the same.
      }
    }
  }
}
