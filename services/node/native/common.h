/* common.h: what the parts of the extension share. */
#ifndef RTMESH_NODE_COMMON_H
#define RTMESH_NODE_COMMON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>

/* One interpreter has this module (single-phase initialisation), so its types are plain globals. */
static PyObject *array_type; /* numpy.ndarray, once it was told */

/* A new object of a type, all zeros; NULL with an error set. */
static void *new_object(PyTypeObject *type) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return allocate(type, 0);
}

/* The last of an object, when all that it held has been let go. */
static void free_object(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* 0, or -1 with an error set: of a call for its effect. */
static int done(PyObject *result) {
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* Whether what has gone wrong in C may be tried in Python, which says what is wrong if it still is. */
static bool may_try_again(void) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) return false;
    PyErr_Clear();
    return true;
}

/* use_array_type(type): numpy.ndarray; numpy itself is not known here. */
static PyObject *use_array_type(PyObject *module, PyObject *type) {
    PyObject *before = array_type;
    array_type = Py_NewRef(type);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

#endif
