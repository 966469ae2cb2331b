# SPDX-License-Identifier: Apache-2.0
"""Telemetry for Python programs that run models themselves (docs/telemetry.md).

    with octet.telemetry.Telemetry("telemetry.json") as telemetry:
        series = telemetry.series(model="detector", version="7", precision="int8")
        start = time.perf_counter_ns()
        interpreter.invoke()
        series.inference(invoke=time.perf_counter_ns() - start)

A thin cover over octet/telemetry.h in liboctet_telemetry.so, a library of its own: the interpreter's module stays free of
databases and networks. $OCTET_TELEMETRY_LIBRARY says where it is, else the package's folder, else the system's.
"""
import ctypes
import os
import pathlib

STAGES = ("queue", "copy_in", "invoke", "copy_out", "total", "load", "prepare", "first")
COUNTS = ("deadline_miss", "shadow", "shadow_mismatch", "lost_frame")


class _Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 1020)]


class _Key(ctypes.Structure):
    _fields_ = ([("struct_size", ctypes.c_size_t)] + [(n, ctypes.c_char_p) for n in ("model", "version", "sha256", "precision", "delegate", "runtime", "build")]
                + [(n, ctypes.c_int32) for n in ("threads", "nodes", "delegated", "partitions")] + [("arena_bytes", ctypes.c_int64)])


def _library():
    name = "liboctet_telemetry.so"
    beside = pathlib.Path(__file__).parent / name
    lib = ctypes.CDLL(os.environ.get("OCTET_TELEMETRY_LIBRARY") or (str(beside) if beside.exists() else name))
    handle, number, ns = ctypes.c_void_p, ctypes.c_int32, ctypes.c_uint64
    for function, result, arguments in (
        ("open", handle, [ctypes.c_char_p, ctypes.POINTER(_Error)]), ("close", None, [handle]), ("series", number, [handle, ctypes.POINTER(_Key)]),
        ("name", number, [handle, ctypes.c_char_p]), ("inference", None, [handle, number, ctypes.POINTER(ns)]),
        ("stage", None, [handle, number, ctypes.c_int, ns]),
        ("operator", None, [handle, number, number, ns]), ("error", None, [handle, number, number]), ("count", None, [handle, number, ctypes.c_int]),
        ("fallback", None, [handle, number, number, number]), ("lost", ns, [handle]), ("flush", None, [handle]),
    ):
        f = getattr(lib, f"octet_telemetry_{function}")
        f.restype, f.argtypes = result, arguments
    return lib


class Series:
    """One loaded model. Any thread may record; nothing here waits."""

    def __init__(self, telemetry, number):
        self._telemetry, self._number = telemetry, number

    def inference(self, invoke, queue=0, copy_in=0, copy_out=0, total=None):
        """Nanoseconds of one inference that went well; `total` is the sum where it is not given."""
        total = queue + copy_in + invoke + copy_out if total is None else total
        self._call("inference", (ctypes.c_uint64 * 5)(queue, copy_in, invoke, copy_out, total))

    def stage(self, name, ns):
        self._call("stage", STAGES.index(name), ns)

    def operator(self, op, ns):
        self._call("operator", self._telemetry._name(op), ns)

    def error(self, code):
        self._call("error", self._telemetry._name(code))

    def count(self, what):
        self._call("count", COUNTS.index(what))

    def fallback(self, op, reason):
        self._call("fallback", self._telemetry._name(op), self._telemetry._name(reason))

    def _call(self, function, *arguments):
        t = self._telemetry
        getattr(t._lib, f"octet_telemetry_{function}")(t._handle, self._number, *arguments)


class Telemetry:
    """Raises ValueError when the configuration is wrong; a disk or network that fails is tried again."""

    def __init__(self, config):
        self._lib, self._names, error = _library(), {}, _Error()
        self._handle = self._lib.octet_telemetry_open(os.fsencode(config), ctypes.byref(error))
        if not self._handle:
            raise ValueError(error.text.decode(errors="replace"))

    def series(self, model, version="", **facts):
        """Further facts: sha256, precision, delegate, runtime, build, threads, nodes, delegated, partitions, arena_bytes."""
        texts = {k: v.encode() if isinstance(v, str) else v for k, v in {"model": model, "version": version, **facts}.items()}
        return Series(self, self._lib.octet_telemetry_series(self._handle, ctypes.byref(_Key(ctypes.sizeof(_Key), **texts))))

    @property
    def lost(self):
        """Events that found no room in memory."""
        return self._lib.octet_telemetry_lost(self._handle)

    def flush(self):
        self._lib.octet_telemetry_flush(self._handle)

    def close(self):
        """Commits the open window. Without effect the second time; what is recorded after it goes nowhere."""
        handle, self._handle = self._handle, None  # First: closing waits for the disk, and other threads may record meanwhile.
        self._lib.octet_telemetry_close(handle)

    def _name(self, text):
        if text not in self._names:
            self._names[text] = self._lib.octet_telemetry_name(self._handle, text.encode())
        return self._names[text]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
