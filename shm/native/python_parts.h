/* python_parts.h: a message that lies in several buffers, to be written one behind the other. */
#ifndef RTMESH_PYTHON_PARTS_H
#define RTMESH_PYTHON_PARTS_H

#include "python_common.h"

#define FEW_PARTS 8

struct parts {
    Py_ssize_t count;
    uint64_t length;
    Py_buffer few[FEW_PARTS], *buffers;
};

static void parts_release(struct parts *parts) {
    for (Py_ssize_t i = 0; i < parts->count; i++) PyBuffer_Release(&parts->buffers[i]);
    if (parts->buffers != parts->few) PyMem_Free(parts->buffers);
}

/* Holds the buffers of a tuple, each C-contiguous. -1 with an error set, and nothing held. */
static int parts_get(struct parts *parts, PyObject *tuple) {
    parts->count = 0;
    parts->length = 0;
    parts->buffers = parts->few;
    Py_ssize_t size = PyTuple_Size(tuple);
    if (size < 0) return -1;
    if (size > FEW_PARTS) parts->buffers = (Py_buffer *)PyMem_Malloc((size_t)size * sizeof(Py_buffer));
    if (!parts->buffers) {
        PyErr_NoMemory();
        return -1;
    }
    for (; parts->count < size; parts->count++) {
        Py_buffer *buffer = &parts->buffers[parts->count];
        if (PyObject_GetBuffer(PyTuple_GetItem(tuple, parts->count), buffer, PyBUF_SIMPLE) < 0) {
            parts_release(parts);
            return -1;
        }
        parts->length += (uint64_t)buffer->len;
    }
    return 0;
}

static void parts_copy(const struct parts *parts, unsigned char *to) {
    for (Py_ssize_t i = 0; i < parts->count; i++) {
        copy_bytes(to, parts->buffers[i].buf, (size_t)parts->buffers[i].len);
        to += parts->buffers[i].len;
    }
}

#endif
