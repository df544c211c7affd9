/* python_common.h: what the parts of the extension share: errors, arguments, the mapping of a segment. */
#ifndef RTMESH_PYTHON_COMMON_H
#define RTMESH_PYTHON_COMMON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "rtmesh_ring.h"

/* One interpreter has this module (single-phase initialisation), so its types are plain globals. */
static PyTypeObject *mapping_type, *view_type, *reader_type, *writer_type, *doorbell_type;
static PyObject *errors_module; /* rtmesh.shm.errors */

/* Copies of this size and above, and waits, are done without the GIL. */
#define LARGE_COPY_BYTES 32768

static const char *error_name(enum rtm_result result) {
    switch (result) {
        case RTM_MISMATCH: return "LayoutMismatchError";
        case RTM_CORRUPT: return "CorruptRingError";
        case RTM_WRITER_SITS: return "WriterAttachedError";
        case RTM_READER_SITS: return "ReaderAttachedError";
        case RTM_NO_SPARE: return "NoSpareReaderError";
        case RTM_TOO_LARGE: return "MessageTooLargeError";
        case RTM_ENDED: return "StreamEndedError";
        case RTM_WAS_GONE: return "ReaderGoneError";
        default: return "RingError";
    }
}

/* What to do about it, where the text does not say so. */
static const char *remedy_of(enum rtm_result result) {
    switch (result) {
        case RTM_CORRUPT: return "; stop its graph and start it again, which makes the segment anew";
        case RTM_WRITER_SITS:
        case RTM_READER_SITS: return "; end that process first";
        case RTM_NO_SPARE: return "; end another echo, hz or watch of this output";
        case RTM_TOO_LARGE: return "; raise the output's max_bytes";
        default: return "";
    }
}

/* Raises the Python error of a result, naming the segment. Returns NULL. */
static PyObject *raise_problem(enum rtm_result result, PyObject *name, const struct rtm_problem *problem) {
    if (result == RTM_NO_MEMORY) return PyErr_NoMemory();
    if (result == RTM_BAD_LAYOUT || result == RTM_BAD_RECORD)
        return PyErr_Format(PyExc_ValueError, "%U: %s", name, problem->text);
    PyObject *type = PyObject_GetAttrString(errors_module, error_name(result));
    if (type) PyErr_Format(type, "%U: %s%s", name, problem->text, remedy_of(result));
    Py_XDECREF(type);
    return NULL;
}

static void free_object(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static int as_u64(PyObject *value, uint64_t *result) {
    *result = PyLong_AsUnsignedLongLong(value);
    return *result == UINT64_MAX && PyErr_Occurred() ? -1 : 0;
}

static int as_i64(PyObject *value, int64_t *result) {
    *result = PyLong_AsLongLong(value);
    return *result == -1 && PyErr_Occurred() ? -1 : 0;
}

static int as_u32(PyObject *value, uint32_t *result) {
    uint64_t wide;
    if (as_u64(value, &wide) < 0) return -1;
    *result = (uint32_t)wide;
    if (wide <= UINT32_MAX) return 0;
    PyErr_SetString(PyExc_OverflowError, "the number is larger than 32 bits");
    return -1;
}

/* The time that a caller gave, or CLOCK_MONOTONIC: to ask for it from Python costs more than the rest of a take. */
static int as_time_ns(PyObject *value, int64_t *result) {
    if (value && value != Py_None) return as_i64(value, result);
    *result = rtm_monotonic_ns();
    return 0;
}

/* Sorts the arguments of a METH_FASTCALL | METH_KEYWORDS method into `values`, by `names`; the first
** `required` must be there, at most `positional` without a name. What is missing stays NULL. */
struct signature {
    const char *method;
    const char *const *names;
    Py_ssize_t count, required, positional;
};

static Py_ssize_t find_name(const struct signature *signature, PyObject *name) {
    for (Py_ssize_t i = 0; i < signature->count; i++)
        if (PyUnicode_CompareWithASCIIString(name, signature->names[i]) == 0) return i;
    return -1;
}

static int sort_arguments(
    const struct signature *signature, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
    PyObject **values) {
    for (Py_ssize_t i = 0; i < signature->count; i++) values[i] = i < nargs ? args[i] : NULL;
    if (nargs > signature->positional) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %zd positional arguments", signature->method,
                     signature->positional);
        return -1;
    }
    Py_ssize_t named = kwnames ? PyTuple_Size(kwnames) : 0;
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *name = PyTuple_GetItem(kwnames, i);
        Py_ssize_t at = find_name(signature, name);
        if (at < 0 || values[at]) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected argument '%U'", signature->method, name);
            return -1;
        }
        values[at] = args[nargs + i];
    }
    for (Py_ssize_t i = 0; i < signature->required; i++)
        if (!values[i]) {
            PyErr_Format(PyExc_TypeError, "%s() needs '%s'", signature->method, signature->names[i]);
            return -1;
        }
    return 0;
}

/* A copy; a large one lets other threads run meanwhile. */
static void copy_bytes(void *to, const void *from, size_t length) {
    if (length < LARGE_COPY_BYTES) {
        rtm_copy(to, from, length);
        return;
    }
    PyThreadState *thread = PyEval_SaveThread();
    rtm_copy(to, from, length);
    PyEval_RestoreThread(thread);
}

#endif
