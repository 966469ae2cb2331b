/* SPDX-License-Identifier: Apache-2.0
 *
 * octet._native: octet.h as two Python types, within the stable ABI of Python 3.9, so that one binary
 * serves every Python from then on. Tensors are handed out as addresses; octet/interpreter.py makes numpy
 * arrays of them that keep the interpreter alive. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "octet/octet.h"

typedef struct {
  PyObject_HEAD
  OctetModel* model;
  PyObject* content; /* The bytes that the model reads in place, or NULL. */
} ModelObject;

typedef struct {
  PyObject_HEAD
  OctetInterpreter* interpreter;
  int busy; /* Read and written only with the GIL held. */
} InterpreterObject;

static PyObject* g_model_type;

/* Files hold what they like as names. */
static PyObject* Text(const char* text) { return PyUnicode_DecodeUTF8(text ? text : "", text ? (Py_ssize_t)strlen(text) : 0, "replace"); }

/* The Python exception that LiteRT's users expect for each kind of failure. */
static PyObject* Raise(const OctetError* e) {
  PyObject* type = PyExc_RuntimeError;
  if (e->code == OCTET_INVALID_ARGUMENT || e->code == OCTET_INVALID_MODEL || e->code == OCTET_IO) type = PyExc_ValueError;
  if (e->code == OCTET_OUT_OF_MEMORY) type = PyExc_MemoryError;
  PyObject* text = Text(e->text);
  if (text) PyErr_SetObject(type, text);
  Py_XDECREF(text);
  return NULL;
}

/* ---- Model(path=None, content=None) */

static PyObject* ModelNew(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static char* names[] = {"path", "content", NULL};
  const char* path = NULL;
  PyObject* content = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|zO", names, &path, &content)) return NULL;
  allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  ModelObject* self = (ModelObject*)alloc(type, 0);
  if (!self) return NULL;
  OctetError error;
  if (content && content != Py_None) {
    char* data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(content, &data, &size) != 0) return Py_DECREF(self), NULL;
    Py_INCREF(content);
    self->content = content;
    self->model = octet_model_from_bytes(data, (size_t)size, &error);
  } else {
    self->model = octet_model_open(path, &error);
  }
  if (!self->model) return Py_DECREF(self), Raise(&error);
  return (PyObject*)self;
}

static void FreeObject(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  release(self);
  Py_DECREF(type);
}

static void ModelDealloc(ModelObject* self) {
  octet_model_close(self->model);
  Py_XDECREF(self->content);
  FreeObject((PyObject*)self);
}

static PyObject* ModelSignatures(ModelObject* self, PyObject* unused) {
  (void)unused;
  const int32_t n = octet_model_num_signatures(self->model);
  PyObject* list = PyList_New(n);
  for (int32_t i = 0; list && i < n; ++i) {
    PyObject* key = Text(octet_model_signature(self->model, i));
    if (!key || PyList_SetItem(list, i, key) != 0) return Py_DECREF(list), NULL;
  }
  return list;
}

static PyObject* ModelNumSubgraphs(ModelObject* self, PyObject* unused) {
  (void)unused;
  return PyLong_FromLong(octet_model_num_subgraphs(self->model));
}

static PyObject* Dims(const int32_t* dims, int32_t n) {
  PyObject* tuple = PyTuple_New(n);
  for (int32_t i = 0; tuple && i < n; ++i) PyTuple_SetItem(tuple, i, PyLong_FromLong(dims[i]));
  return tuple;
}
static PyObject* Scales(const float* scales, int32_t n) {
  PyObject* tuple = PyTuple_New(n);
  for (int32_t i = 0; tuple && i < n; ++i) PyTuple_SetItem(tuple, i, PyFloat_FromDouble(scales[i]));
  return tuple;
}

/* (name, dtype, shape, signature, address, bytes, scales, zero_points, axis, block_size) */
static PyObject* Described(const OctetTensor* t) {
  return Py_BuildValue("(NiNNKKNNii)", Text(t->name), (int)t->dtype, Dims(t->dims, t->rank), Dims(t->signature, t->rank),
                       (unsigned long long)(uintptr_t)t->data, (unsigned long long)t->bytes, Scales(t->scales, t->num_scales),
                       Dims(t->zero_points, t->num_scales), (int)t->axis, (int)t->block_size);
}

/* signature_subgraph(i) */
static PyObject* ModelSignatureSubgraph(ModelObject* self, PyObject* arg) {
  const long i = PyLong_AsLong(arg);
  return PyErr_Occurred() ? NULL : PyLong_FromLong(octet_model_signature_subgraph(self->model, (int32_t)i));
}

static PyObject* ModelNumTensors(ModelObject* self, PyObject* arg) {
  const long subgraph = PyLong_AsLong(arg);
  return PyErr_Occurred() ? NULL : PyLong_FromLong(octet_model_num_tensors(self->model, (int32_t)subgraph));
}

static PyObject* ModelTensor(ModelObject* self, PyObject* args) {
  int subgraph, index;
  if (!PyArg_ParseTuple(args, "ii", &subgraph, &index)) return NULL;
  OctetTensor t;
  if (octet_model_tensor(self->model, subgraph, index, &t) != OCTET_OK)
    return PyErr_Format(PyExc_ValueError, "Invalid tensor index %d exceeds max tensor index %d", index, octet_model_num_tensors(self->model, subgraph) - 1);
  return Described(&t);
}

static PyMethodDef kModelMethods[] = {{"num_subgraphs", (PyCFunction)ModelNumSubgraphs, METH_NOARGS, "The first subgraph and those that control flow and signatures call."},
                                      {"signature_subgraph", (PyCFunction)ModelSignatureSubgraph, METH_O, "signature_subgraph(i): the subgraph that the i-th signature runs."},
                                      {"num_tensors", (PyCFunction)ModelNumTensors, METH_O, "num_tensors(subgraph); -1: there is no such subgraph."},
                                      {"tensor", (PyCFunction)ModelTensor, METH_VARARGS, "tensor(subgraph, index): as Interpreter.tensor, from the file; an address only of constants."},
                                      {"signatures", (PyCFunction)ModelSignatures, METH_NOARGS, "Keys of the model's signatures, in the file's order."}, {NULL, NULL, 0, NULL}};
static PyType_Slot kModelSlots[] = {{Py_tp_new, ModelNew}, {Py_tp_dealloc, ModelDealloc}, {Py_tp_methods, kModelMethods},
                                    {Py_tp_doc, "A verified .tflite model, shared by its interpreters."}, {0, NULL}};
static PyType_Spec kModelSpec = {"octet._native.Model", sizeof(ModelObject), 0, Py_TPFLAGS_DEFAULT, kModelSlots};

/* ---- Delegate(name, [(key, value)]) */

typedef struct {
  PyObject_HEAD
  OctetDelegateHandle* handle;
} DelegateObject;
static PyObject* g_delegate_type;

static PyObject* DelegateNew(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  (void)kwargs;
  const char *name, *keys[256], *values[256];
  PyObject* options;
  if (!PyArg_ParseTuple(args, "sO", &name, &options)) return NULL;
  const Py_ssize_t n = PyList_Size(options);
  if (n < 0 || n > 256) return n < 0 ? NULL : PyErr_Format(PyExc_ValueError, "a delegate has up to 256 options, found %zd", n);
  for (Py_ssize_t i = 0; i < n; ++i)
    if (!PyArg_ParseTuple(PyList_GetItem(options, i), "ss", &keys[i], &values[i])) return NULL;
  OctetError error;
  OctetDelegateHandle* handle = octet_delegate_open(name, keys, values, (int32_t)n, &error);
  if (!handle) return PyErr_SetString(error.code == OCTET_IO ? PyExc_OSError : PyExc_ValueError, error.text), NULL;
  allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  DelegateObject* self = (DelegateObject*)alloc(type, 0);
  if (self) self->handle = handle;
  else octet_delegate_close(handle);
  return (PyObject*)self;
}
static void DelegateDealloc(DelegateObject* self) {
  octet_delegate_close(self->handle);
  FreeObject((PyObject*)self);
}
static PyType_Slot kDelegateSlots[] = {{Py_tp_new, DelegateNew}, {Py_tp_dealloc, DelegateDealloc},
                                       {Py_tp_doc, "Who computes parts of models in the processor's place."}, {0, NULL}};
static PyType_Spec kDelegateSpec = {"octet._native.Delegate", sizeof(DelegateObject), 0, Py_TPFLAGS_DEFAULT, kDelegateSlots};

/* ---- Interpreter(model, threads, kernels, keep_all_tensors, signature, delegates) */

static PyObject* InterpreterNew(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static char* names[] = {"model", "threads", "reference", "keep_all_tensors", "signature", "delegates", "deny", "shadow_share", NULL};
  ModelObject* model;
  OctetOptions options = {sizeof(OctetOptions)};
  int threads = 1, reference = 0, keep = 0;
  PyObject *delegates = NULL, *deny = NULL; /* A list; a list of bytes. */
  const OctetDelegateHandle* handles[16];
  const char* denied[256];
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|iiizOOd", names, (PyTypeObject*)g_model_type, &model, &threads, &reference, &keep, &options.signature,
                                   &delegates, &deny, &options.shadow_share))
    return NULL;
  options.num_delegates = delegates ? (int32_t)PyList_Size(delegates) : 0;
  if (options.num_delegates < 0 || options.num_delegates > 16) return options.num_delegates < 0 ? NULL : PyErr_Format(PyExc_ValueError, "at most 16 delegates");
  for (int32_t i = 0; i < options.num_delegates; ++i) {
    PyObject* delegate = PyList_GetItem(delegates, i);
    if (!PyObject_IsInstance(delegate, g_delegate_type)) return PyErr_Format(PyExc_TypeError, "expected a delegate of octet's load_delegate");
    handles[i] = ((DelegateObject*)delegate)->handle;
  }
  options.delegates = handles;
  options.num_deny = deny ? (int32_t)PyList_Size(deny) : 0;
  if (options.num_deny < 0 || options.num_deny > 256) return options.num_deny < 0 ? NULL : PyErr_Format(PyExc_ValueError, "at most 256 names to deny");
  for (int32_t i = 0; i < options.num_deny; ++i)
    if (!(denied[i] = PyBytes_AsString(PyList_GetItem(deny, i)))) return NULL;
  options.deny = denied;
  options.threads = threads;
  options.kernels = reference ? OCTET_KERNELS_REFERENCE : OCTET_KERNELS_FAST;
  options.keep_all_tensors = keep;
  allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  InterpreterObject* self = (InterpreterObject*)alloc(type, 0);
  if (!self) return NULL;
  OctetError error;
  self->interpreter = octet_interpreter_create(model->model, &options, &error);
  if (!self->interpreter) return Py_DECREF(self), Raise(&error);
  return (PyObject*)self;
}

static void InterpreterDealloc(InterpreterObject* self) {
  octet_interpreter_close(self->interpreter);
  FreeObject((PyObject*)self);
}

/* One thread at a time: a second one is told so instead of corrupting the first one's tensors. */
static int Enter(InterpreterObject* self) {
  if (self->busy) {
    PyErr_SetString(PyExc_RuntimeError, "The interpreter is in use by another thread; create one interpreter per thread (they share the model's weights).");
    return 0;
  }
  self->busy = 1;
  return 1;
}

static PyObject* Finish(InterpreterObject* self, OctetCode code, const OctetError* error) {
  self->busy = 0;
  if (code != OCTET_OK) return Raise(error);
  Py_RETURN_NONE;
}

static PyObject* Allocate(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  if (!Enter(self)) return NULL;
  OctetError error;
  OctetCode code;
  Py_BEGIN_ALLOW_THREADS
  code = octet_allocate(self->interpreter, &error);
  Py_END_ALLOW_THREADS
  return Finish(self, code, &error);
}

static PyObject* Invoke(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  if (!Enter(self)) return NULL;
  OctetError error;
  OctetCode code;
  Py_BEGIN_ALLOW_THREADS
  code = octet_invoke(self->interpreter, &error);
  Py_END_ALLOW_THREADS
  return Finish(self, code, &error);
}

static PyObject* ResetVariables(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  if (!Enter(self)) return NULL;
  OctetError error;
  return Finish(self, octet_reset_variables(self->interpreter, &error), &error);
}

static PyObject* Busy(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  return PyBool_FromLong(self->busy);
}

static PyObject* Select(InterpreterObject* self, PyObject* arg) {
  PyObject* utf8 = PyUnicode_AsUTF8String(arg);
  if (!utf8) return NULL;
  PyObject* result = NULL;
  if (Enter(self)) {
    OctetError error;
    result = Finish(self, octet_select(self->interpreter, PyBytes_AsString(utf8), &error), &error);
  }
  Py_DECREF(utf8);
  return result;
}

/* set_strings(input, buffer) and get_strings(output) -> bytes, in the form of octet.h. */
static PyObject* SetStrings(InterpreterObject* self, PyObject* args) {
  int input;
  const char* data;
  Py_ssize_t size;
  if (!PyArg_ParseTuple(args, "iy#", &input, &data, &size)) return NULL;
  if (!Enter(self)) return NULL;
  OctetError error;
  return Finish(self, octet_set_strings(self->interpreter, input, data, (size_t)size, &error), &error);
}
static PyObject* GetStrings(InterpreterObject* self, PyObject* arg) {
  const long output = PyLong_AsLong(arg);
  if (output == -1 && PyErr_Occurred()) return NULL;
  OctetError error;
  size_t bytes = 0;
  if (octet_get_strings(self->interpreter, (int32_t)output, NULL, 0, &bytes, &error) != OCTET_OK) return Raise(&error);
  PyObject* buffer = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bytes);
  if (buffer && octet_get_strings(self->interpreter, (int32_t)output, PyBytes_AsString(buffer), bytes, &bytes, &error) != OCTET_OK)
    return Py_DECREF(buffer), Raise(&error);
  return buffer;
}

static PyObject* Cancel(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  octet_cancel(self->interpreter);
  Py_RETURN_NONE;
}

static PyObject* Resize(InterpreterObject* self, PyObject* args) {
  int input;
  PyObject* shape;
  if (!PyArg_ParseTuple(args, "iO", &input, &shape)) return NULL;
  int32_t dims[OCTET_MAX_RANK];
  const Py_ssize_t rank = PySequence_Size(shape);
  if (rank < 0) return NULL;
  if (rank > OCTET_MAX_RANK) return PyErr_Format(PyExc_ValueError, "input %d: expected at most %d dimensions, found %zd", input, OCTET_MAX_RANK, rank);
  for (Py_ssize_t i = 0; i < rank; ++i) {
    PyObject* item = PySequence_GetItem(shape, i);
    const long d = item ? PyLong_AsLong(item) : -1;
    Py_XDECREF(item);
    if (PyErr_Occurred()) return NULL;
    if (d != (int32_t)d) return PyErr_Format(PyExc_ValueError, "input %d: dimension %zd is too large", input, i);
    dims[i] = (int32_t)d;
  }
  if (!Enter(self)) return NULL;
  OctetError error;
  return Finish(self, octet_resize_input(self->interpreter, input, dims, (int32_t)rank, &error), &error);
}

static PyObject* Tensor(InterpreterObject* self, PyObject* arg) {
  const long index = PyLong_AsLong(arg);
  if (index == -1 && PyErr_Occurred()) return NULL;
  OctetTensor t;
  if (index != (int32_t)index || octet_tensor(self->interpreter, (int32_t)index, &t) != OCTET_OK)
    return PyErr_Format(PyExc_ValueError, "Invalid tensor index %ld exceeds max tensor index %d", index, octet_num_tensors(self->interpreter) - 1);
  return Described(&t);
}

/* ends(outputs) -> [(tensor index, signature key)] */
static PyObject* Ends(InterpreterObject* self, PyObject* arg) {
  const int outputs = PyObject_IsTrue(arg);
  const int32_t n = outputs ? octet_num_outputs(self->interpreter) : octet_num_inputs(self->interpreter);
  PyObject* list = PyList_New(n);
  for (int32_t i = 0; list && i < n; ++i) {
    const int32_t index = outputs ? octet_output_index(self->interpreter, i) : octet_input_index(self->interpreter, i);
    const char* key = outputs ? octet_output_key(self->interpreter, i) : octet_input_key(self->interpreter, i);
    PyList_SetItem(list, i, Py_BuildValue("(iN)", (int)index, Text(key)));
  }
  return list;
}

static PyObject* NumTensors(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  return PyLong_FromLong(octet_num_tensors(self->interpreter));
}

static PyObject* IsStatic(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  return PyBool_FromLong(octet_is_static(self->interpreter));
}

/* nodes() -> [(op, kernel, inputs, outputs)] */
static PyObject* Nodes(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  const int32_t n = octet_num_nodes(self->interpreter);
  PyObject* list = PyList_New(n);
  for (int32_t i = 0; list && i < n; ++i) {
    OctetNode node;
    octet_node(self->interpreter, i, &node);
    PyList_SetItem(list, i, Py_BuildValue("(ssNN)", node.op, node.kernel, Dims(node.inputs, node.num_inputs), Dims(node.outputs, node.num_outputs)));
  }
  return list;
}

/* delegates() -> [(name, nodes, total_nodes, mac_share, partitions, copies, copy_bytes, [(node, op, place, reason)], [failure])] */
static PyObject* Delegates(InterpreterObject* self, PyObject* unused) {
  (void)unused;
  const int32_t n = octet_num_delegates(self->interpreter);
  PyObject* list = PyList_New(n);
  for (int32_t i = 0; list && i < n; ++i) {
    OctetDelegateDetails d;
    octet_delegate_details(self->interpreter, i, &d);
    PyObject *reasons = PyList_New(d.num_reasons), *failures = PyList_New(d.num_failures);
    for (int32_t k = 0; reasons && k < d.num_reasons; ++k) {
      OctetDelegateReason r;
      octet_delegate_reason(self->interpreter, i, k, &r);
      PyList_SetItem(reasons, k, Py_BuildValue("(isNN)", (int)r.node, r.op, Text(r.place), Text(r.text)));
    }
    for (int32_t k = 0; failures && k < d.num_failures; ++k) PyList_SetItem(failures, k, Text(octet_delegate_failure(self->interpreter, i, k)));
    PyList_SetItem(list, i,
                   Py_BuildValue("(siidiiLNN)", d.name, (int)d.nodes, (int)d.total_nodes, d.mac_share, (int)d.partitions, (int)d.copies,
                                 (long long)d.copy_bytes, reasons, failures));
  }
  return list;
}

static PyMethodDef kInterpreterMethods[] = {
    {"delegates", (PyCFunction)Delegates, METH_NOARGS, "Who computes what: see Interpreter.get_delegate_details."},
    {"allocate", (PyCFunction)Allocate, METH_NOARGS, "Infers shapes, picks kernels, places memory."},
    {"invoke", (PyCFunction)Invoke, METH_NOARGS, "Computes, without the GIL."},
    {"reset_variables", (PyCFunction)ResetVariables, METH_NOARGS, "Recurrent states back to zero."},
    {"busy", (PyCFunction)Busy, METH_NOARGS, "True while another thread is inside."},
    {"cancel", (PyCFunction)Cancel, METH_NOARGS, "Ends an invoke() that runs in another thread."},
    {"select", (PyCFunction)Select, METH_O, "select(signature): another entry point; '' is the first subgraph."},
    {"set_strings", (PyCFunction)SetStrings, METH_VARARGS, "set_strings(input, buffer)"},
    {"get_strings", (PyCFunction)GetStrings, METH_O, "get_strings(output) -> buffer"},
    {"resize", (PyCFunction)Resize, METH_VARARGS, "resize(input, shape): takes effect with allocate()."},
    {"tensor", (PyCFunction)Tensor, METH_O, "tensor(index) -> (name, dtype, shape, signature, address, bytes, scales, zero_points, axis, block_size)"},
    {"ends", (PyCFunction)Ends, METH_O, "ends(outputs) -> [(tensor index, signature key)]"},
    {"is_static", (PyCFunction)IsStatic, METH_NOARGS, "True where every tensor's shape and place is final until the next resize."},
    {"num_tensors", (PyCFunction)NumTensors, METH_NOARGS, ""},
    {"nodes", (PyCFunction)Nodes, METH_NOARGS, "[(op, kernel, inputs, outputs)] in the order in which they run."},
    {NULL, NULL, 0, NULL}};
static PyType_Slot kInterpreterSlots[] = {{Py_tp_new, InterpreterNew}, {Py_tp_dealloc, InterpreterDealloc}, {Py_tp_methods, kInterpreterMethods},
                                          {Py_tp_doc, "One runnable instance of a model."}, {0, NULL}};
static PyType_Spec kInterpreterSpec = {"octet._native.Interpreter", sizeof(InterpreterObject), 0, Py_TPFLAGS_DEFAULT, kInterpreterSlots};

static PyObject* Version(PyObject* self, PyObject* unused) {
  (void)self, (void)unused;
  return PyUnicode_FromString(octet_version());
}
static PyMethodDef kModuleMethods[] = {{"version", Version, METH_NOARGS, "octet's version."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef kModule = {PyModuleDef_HEAD_INIT, "_native", "octet.h for Python", -1, kModuleMethods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
  PyObject* module = PyModule_Create(&kModule);
  if (!module) return NULL;
  g_model_type = PyType_FromSpec(&kModelSpec);
  g_delegate_type = PyType_FromSpec(&kDelegateSpec);
  PyObject* interpreter_type = PyType_FromSpec(&kInterpreterSpec);
  if (!g_model_type || !g_delegate_type || !interpreter_type) return NULL;
  Py_INCREF(g_model_type);
  Py_INCREF(g_delegate_type);
  if (PyModule_AddObject(module, "Delegate", g_delegate_type) != 0) return NULL;
  if (PyModule_AddObject(module, "Model", g_model_type) != 0 || PyModule_AddObject(module, "Interpreter", interpreter_type) != 0) return NULL;
  return module;
}
