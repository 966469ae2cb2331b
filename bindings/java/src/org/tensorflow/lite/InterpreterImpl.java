// SPDX-License-Identifier: Apache-2.0
package org.tensorflow.lite;

import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.tensorflow.lite.nnapi.NnApiDelegate;

/** The API over one native interpreter and its entry points: the first subgraph, and a signature each. */
class InterpreterImpl implements InterpreterApi {
  static class Options extends InterpreterApi.Options {
    Boolean allowFp16PrecisionForFp32;
    Boolean allowBufferHandleOutput;

    public Options() {}

    public Options(InterpreterApi.Options other) {
      super(other);
    }

    public Options(Options other) {
      super(other);
      allowFp16PrecisionForFp32 = other.allowFp16PrecisionForFp32;
      allowBufferHandleOutput = other.allowBufferHandleOutput;
    }
  }

  /** The inputs and outputs of one way into the model. */
  private static final class Entry {
    final byte[] key; // Of the native interpreter: empty for the first subgraph.
    final TensorImpl[] inputs;
    final TensorImpl[] outputs;
    boolean allocated;
    boolean isStatic;

    Entry(NativeHandle handle, long it, byte[] key) {
      this.key = key;
      inputs = new TensorImpl[Native.count(it, false)];
      outputs = new TensorImpl[Native.count(it, true)];
      for (int i = 0; i < inputs.length; ++i) inputs[i] = new TensorImpl(handle, it, i, false);
      for (int i = 0; i < outputs.length; ++i) outputs[i] = new TensorImpl(handle, it, i, true);
    }
  }

  private final NativeHandle handle;
  private final boolean cancellable;
  private final String[] signatureKeys;
  private final Map<String, Entry> signatures = new HashMap<>(); // Those that were used.
  private final Entry main;
  private Entry selected;
  private long lastNanoseconds = -1;

  InterpreterImpl(File modelFile, Options options) {
    Native.load();
    long[] result = new long[1];
    check(Native.openFile(modelFile.getPath().getBytes(StandardCharsets.UTF_8), result), "Contents of " + modelFile + " does not encode a valid TensorFlow Lite model: ");
    handle = open(result, options == null ? new Options() : options, null);
    cancellable = options != null && options.isCancellable();
    signatureKeys = keys(result[0]);
    main = selected = firstEntry();
  }

  InterpreterImpl(ByteBuffer model, Options options) {
    Native.load();
    long[] result = new long[1];
    ByteBuffer direct = direct(model);
    check(Native.openBuffer(direct, result), "ByteBuffer is not a valid TensorFlow Lite model flatbuffer: ");
    handle = open(result, options == null ? new Options() : options, direct);
    cancellable = options != null && options.isCancellable();
    signatureKeys = keys(result[0]);
    main = selected = firstEntry();
  }

  /** Native code reads in place what is direct; a heap buffer's remaining bytes are copied once. */
  private static ByteBuffer direct(ByteBuffer model) {
    if (model == null) {
      throw new IllegalArgumentException("Model ByteBuffer should be either a MappedByteBuffer of the model file, or a direct ByteBuffer using "
          + "ByteOrder.nativeOrder() which contains bytes of model content. It is null.");
    }
    if (model.isDirect()) return model;
    ByteBuffer from = model.duplicate();
    if (!from.hasRemaining()) from.clear();
    ByteBuffer copy = ByteBuffer.allocateDirect(from.remaining());
    copy.put(from);
    return copy;
  }

  private NativeHandle open(long[] result, Options options, ByteBuffer memory) {
    long model = result[0];
    boolean done = false;
    long it = 0;
    try {
      refuseUnsupported(options);
      check(Native.create(model, options.numThreads, result), "Internal error: Cannot create interpreter: ");
      it = result[0];
      result[0] = model;
      addDelegates(it, options);
      NativeHandle made = new NativeHandle(this, model, it, memory);
      done = true;
      return made;
    } finally {
      if (!done) {
        if (it != 0) Native.close(it);
        Native.closeModel(model);
      }
    }
  }

  /** What would otherwise silently run on the CPU. */
  private static void refuseUnsupported(Options options) {
    TensorFlowLite.requireApplication(options.runtime, "setRuntime");
    if (options.validatedAccelerationConfig != null) options.validatedAccelerationConfig.apply(options);
    if (options.numThreads < -1) throw new IllegalArgumentException("numThreads must be -1 (the runtime chooses) or more, found " + options.numThreads);
  }

  private static void addDelegates(long it, Options options) {
    for (Delegate d : options.delegates) add(it, d);
    for (DelegateFactory f : options.delegateFactories) addOwn(it, f.create(RuntimeFlavor.APPLICATION));
    if (options.getUseNNAPI()) addOwn(it, new NnApiDelegate());
  }

  private static void addOwn(long it, Delegate d) {
    try {
      add(it, d);
    } finally {
      if (d != null) d.close(); // The native interpreter keeps what it needs.
    }
  }

  private static void add(long it, Delegate d) {
    if (d instanceof NnApiDelegate) ((NnApiDelegate) d).initWithInterpreterFactoryApi(new InterpreterFactoryImpl());
    long handle = d == null ? 0 : d.getNativeHandle();
    if (!OctetDelegate.isOpen(handle)) {
      throw new IllegalArgumentException("Internal error: Failed to apply delegate: expected an open GpuDelegate, NnApiDelegate or OctetDelegate (which loads external delegates by "
          + "their library), found " + (d == null ? "null" : d.getClass().getName()));
    }
    check(Native.addDelegate(it, handle), "Internal error: Failed to apply delegate: ");
  }

  private static String[] keys(long model) {
    byte[][] utf8 = Native.signatures(model);
    String[] keys = new String[utf8.length];
    for (int i = 0; i < keys.length; ++i) keys[i] = Native.text(utf8[i]);
    return keys;
  }

  private Entry firstEntry() {
    long it = handle.enter();
    try {
      return new Entry(handle, it, new byte[0]);
    } finally {
      handle.leave();
    }
  }

  static void check(byte[] error, String prefix) {
    if (error != null) throw new IllegalArgumentException(prefix + Native.text(error));
  }

  private void select(long it, Entry entry) {
    if (selected == entry) return;
    check(Native.select(it, entry.key), "");
    selected = entry;
  }

  private Entry signature(long it, String key) {
    if (key == null) {
      if (signatureKeys.length != 1) {
        throw new IllegalArgumentException("Input error: SignatureDef signatureKey should not be null. null is only allowed if the model has a single Signature. Available Signatures: "
            + Arrays.toString(signatureKeys));
      }
      key = signatureKeys[0];
    }
    Entry entry = signatures.get(key);
    if (entry != null) return entry;
    if (!Arrays.asList(signatureKeys).contains(key)) {
      throw new IllegalArgumentException("Input error: Signature " + key + " not found. Available Signatures: " + Arrays.toString(signatureKeys));
    }
    byte[] utf8 = key.getBytes(StandardCharsets.UTF_8);
    check(Native.select(it, utf8), "Input error: ");
    entry = new Entry(handle, it, utf8);
    selected = entry;
    signatures.put(key, entry);
    return entry;
  }

  // ---- Running: the caller holds the interpreter ----

  private void resize(long it, Entry entry, int i, int[] dims) {
    check(Native.resize(it, i, dims), "Internal error: Failed to resize " + i + "-th input: ");
    entry.inputs[i].resized(dims);
    entry.allocated = false;
  }

  private void allocate(long it, Entry entry) {
    if (entry.allocated) return;
    byte[] error = Native.allocate(it);
    if (error != null) throw new IllegalStateException("Internal error: Unexpected failure when preparing tensor allocations: " + Native.text(error));
    for (TensorImpl t : entry.inputs) t.refresh(it);
    for (TensorImpl t : entry.outputs) t.refresh(it);
    entry.isStatic = Native.isStatic(it);
    entry.allocated = true;
  }

  private void invoke(long it, Entry entry) {
    long start = System.nanoTime();
    byte[] error = Native.invoke(it);
    lastNanoseconds = System.nanoTime() - start;
    check(error, "Internal error: Failed to run on the given Interpreter: ");
    for (TensorImpl t : entry.outputs) {
      if (!entry.isStatic) t.refresh(it);
      t.renewMirror();
    }
  }

  private static TensorImpl at(TensorImpl[] all, int i, String kind) {
    if (i < 0 || i >= all.length) throw new IllegalArgumentException("Invalid " + kind + " Tensor index: " + i + "; the model has " + all.length);
    return all[i];
  }

  private static void resizeTo(InterpreterImpl self, long it, Entry entry, int i, Object input) {
    int[] dims = at(entry.inputs, i, "input").shapeIfDifferent(input);
    if (dims != null) self.resize(it, entry, i, dims);
  }

  private static void requireAll(Entry entry, int given) {
    if (given < entry.inputs.length) {
      throw new IllegalArgumentException("Input error: the model has " + entry.inputs.length + " inputs, found " + given + ": use runForMultipleInputsOutputs with all of them");
    }
  }

  @Override
  public void run(Object input, Object output) {
    long it = handle.enter();
    try {
      select(it, main);
      requireAll(main, 1);
      resizeTo(this, it, main, 0, input);
      allocate(it, main);
      main.inputs[0].setTo(it, input, main.isStatic);
      for (int i = 0; i < main.outputs.length; ++i) main.outputs[i].place(it, i == 0 ? output : null, main.isStatic);
      invoke(it, main);
      if (output != null) at(main.outputs, 0, "output").copyTo(it, output);
    } finally {
      handle.leave();
    }
  }

  @Override
  public void runForMultipleInputsOutputs(Object[] inputs, Map<Integer, Object> outputs) {
    if (inputs == null || inputs.length == 0) throw new IllegalArgumentException("Input error: Inputs should not be null or empty.");
    if (outputs == null) throw new IllegalArgumentException("Input error: Outputs should not be null.");
    long it = handle.enter();
    try {
      select(it, main);
      for (int i = 0; i < inputs.length; ++i) resizeTo(this, it, main, i, inputs[i]);
      requireAll(main, inputs.length);
      allocate(it, main);
      for (int i = 0; i < inputs.length; ++i) main.inputs[i].setTo(it, inputs[i], main.isStatic);
      for (int i = 0; i < main.outputs.length; ++i) main.outputs[i].place(it, outputs.get(i), main.isStatic);
      invoke(it, main);
      int found = 0; // By index, not by iterator: nothing is made per run.
      for (int i = 0; i < main.outputs.length; ++i) {
        Object output = outputs.get(i);
        if (output != null) main.outputs[i].copyTo(it, output);
        if (output != null || outputs.containsKey(i)) ++found;
      }
      if (found != outputs.size()) {
        for (Integer i : outputs.keySet()) at(main.outputs, i, "output");
      }
    } finally {
      handle.leave();
    }
  }

  @Override
  public void runSignature(Map<String, Object> inputs, Map<String, Object> outputs, String signatureKey) {
    if (inputs == null || inputs.isEmpty()) throw new IllegalArgumentException("Input error: Inputs should not be null or empty.");
    if (outputs == null) throw new IllegalArgumentException("Input error: Outputs should not be null.");
    long it = handle.enter();
    try {
      Entry entry = signature(it, signatureKey);
      select(it, entry);
      for (String name : inputs.keySet()) byKey(entry.inputs, name, "input");
      for (String name : outputs.keySet()) byKey(entry.outputs, name, "output");
      for (int i = 0; i < entry.inputs.length; ++i) {
        Object input = inputs.get(entry.inputs[i].key);
        if (input == null) throw new IllegalArgumentException("Input error: input " + entry.inputs[i].key + " of the signature is missing or null");
        resizeTo(this, it, entry, i, input);
      }
      allocate(it, entry);
      for (TensorImpl t : entry.inputs) t.setTo(it, inputs.get(t.key), entry.isStatic);
      for (TensorImpl t : entry.outputs) t.place(it, outputs.get(t.key), entry.isStatic);
      invoke(it, entry);
      for (TensorImpl t : entry.outputs) {
        Object output = outputs.get(t.key);
        if (output != null) t.copyTo(it, output);
      }
    } finally {
      handle.leave();
    }
  }

  @Override
  public void runSignature(Map<String, Object> inputs, Map<String, Object> outputs) {
    handle.checkOpen();
    runSignature(inputs, outputs, null);
  }

  private static TensorImpl byKey(TensorImpl[] all, String key, String kind) {
    if (key == null) throw new IllegalArgumentException("Invalid " + kind + " tensor name provided (null)");
    for (TensorImpl t : all) {
      if (t.key.equals(key)) return t;
    }
    throw new IllegalArgumentException("Input error: " + kind + " " + key + " not found. The signature has: " + Arrays.toString(keysOf(all)));
  }

  private static String[] keysOf(TensorImpl[] all) {
    String[] keys = new String[all.length];
    for (int i = 0; i < keys.length; ++i) keys[i] = all[i].key;
    return keys;
  }

  // ---- Shapes and tensors ----

  @Override
  public void allocateTensors() {
    long it = handle.enter();
    try {
      select(it, main);
      allocate(it, main);
    } finally {
      handle.leave();
    }
  }

  @Override
  public void resizeInput(int idx, int[] dims) {
    resizeInput(idx, dims, false);
  }

  @Override
  public void resizeInput(int idx, int[] dims, boolean strict) {
    long it = handle.enter();
    try {
      if (idx < 0 || idx >= main.inputs.length) {
        throw new IllegalArgumentException("Input error: Can not resize " + idx + "-th input for a model having " + main.inputs.length + " inputs.");
      }
      int[] now = main.inputs[idx].shape();
      if (Arrays.equals(now, dims)) return;
      if (strict) checkStrict(idx, dims, now, main.inputs[idx].shapeSignature());
      select(it, main);
      resize(it, main, idx, dims);
    } finally {
      handle.leave();
    }
  }

  private static void checkStrict(int idx, int[] dims, int[] now, int[] signature) {
    String prefix = "Internal error: Failed to resize " + idx + "-th input: ";
    if (dims.length != now.length) throw new IllegalArgumentException(prefix + "the tensor has " + now.length + " dimensions, found " + dims.length);
    for (int d = 0; d < dims.length; ++d) {
      if (dims[d] == now[d] || signature[d] == -1) continue;
      throw new IllegalArgumentException(prefix + "Attempting to resize dimension " + d + " of input " + idx + " with value " + now[d] + " to " + dims[d]
          + ". ResizeInputTensorStrict only allows mutating unknown dimensions identified by -1.");
    }
  }

  @Override
  public int getInputTensorCount() {
    handle.checkOpen();
    return main.inputs.length;
  }

  @Override
  public int getInputIndex(String opName) {
    return indexOf(main.inputs, opName, "input");
  }

  @Override
  public Tensor getInputTensor(int inputIndex) {
    handle.checkOpen();
    return at(main.inputs, inputIndex, "input");
  }

  @Override
  public int getOutputTensorCount() {
    handle.checkOpen();
    return main.outputs.length;
  }

  @Override
  public int getOutputIndex(String opName) {
    return indexOf(main.outputs, opName, "output");
  }

  /** Its shape may be that of the last run: where a model's outputs depend on its data, run first. */
  @Override
  public Tensor getOutputTensor(int outputIndex) {
    handle.checkOpen();
    return at(main.outputs, outputIndex, "output");
  }

  private int indexOf(TensorImpl[] all, String name, String kind) {
    handle.checkOpen();
    Map<String, Integer> names = new LinkedHashMap<>();
    for (int i = 0; i < all.length; ++i) names.put(all[i].name(), i);
    Integer found = names.get(name);
    if (found != null) return found;
    throw new IllegalArgumentException(String.format("Input error: '%s' is not a valid name for any %s. Names of %ss and their indexes are %s", name, kind, kind, names));
  }

  @Override
  public Tensor getInputTensorFromSignature(String inputName, String signatureKey) {
    return byKey(signatureEntry(signatureKey).inputs, inputName, "input");
  }

  @Override
  public Tensor getOutputTensorFromSignature(String outputName, String signatureKey) {
    return byKey(signatureEntry(signatureKey).outputs, outputName, "output");
  }

  private Entry signatureEntry(String key) {
    long it = handle.enter();
    try {
      return signature(it, key);
    } finally {
      handle.leave();
    }
  }

  @Override
  public String[] getSignatureKeys() {
    handle.checkOpen();
    return signatureKeys.clone();
  }

  @Override
  public String[] getSignatureInputs(String signatureKey) {
    return keysOf(signatureEntry(signatureKey).inputs);
  }

  @Override
  public String[] getSignatureOutputs(String signatureKey) {
    return keysOf(signatureEntry(signatureKey).outputs);
  }

  @Override
  public Long getLastNativeInferenceDurationNanoseconds() {
    handle.checkOpen();
    return lastNanoseconds < 0 ? null : Long.valueOf(lastNanoseconds);
  }

  void resetVariables() {
    long it = handle.enter();
    try {
      check(Native.resetVariables(it), "Internal error: Failed to reset variable tensors: ");
    } finally {
      handle.leave();
    }
  }

  /** True ends the run in another thread soon and refuses all to come, until false. */
  void hold(boolean held) {
    handle.checkOpen();
    if (!cancellable) throw new IllegalStateException("Cannot cancel the inference. Have you called InterpreterApi.Options.setCancellable?");
    handle.hold(held);
  }

  @Override
  public void close() {
    handle.close();
  }
}
