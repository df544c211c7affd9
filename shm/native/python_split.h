/* python_split.h: rtmesh.shm._native.split_frame, what a relay does with a frame that came. */
#ifndef RTMESH_PYTHON_SPLIT_H
#define RTMESH_PYTHON_SPLIT_H

#include "python_common.h"
#include "rtmesh_frames.h"

static PyTypeObject *edge_data_type, *chunk_data_type;

static PyStructSequence_Field edge_data_fields[] = {
    {"number", NULL}, {"skip_position", NULL}, {"end_position", NULL}, {"records", NULL}, {NULL, NULL},
};

static PyStructSequence_Desc edge_data_description = {
    "rtmesh.shm._native.EdgeData", "What came for one edge; `records` lie in the frame.", edge_data_fields, 4,
};

static PyStructSequence_Field chunk_data_fields[] = {
    {"number", NULL}, {"position", NULL}, {"publish_time_ns", NULL}, {"total_bytes", NULL},
    {"offset", NULL}, {"part", NULL},     {NULL, NULL},
};

static PyStructSequence_Desc chunk_data_description = {
    "rtmesh.shm._native.ChunkData", "A part of one large message; it lies in the frame.", chunk_data_fields, 6,
};

static PyObject *sequence_of(PyTypeObject *type, PyObject *const *values, Py_ssize_t count) {
    PyObject *sequence = PyStructSequence_New(type);
    int is_whole = sequence != NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        is_whole = is_whole && values[i];
        if (sequence) PyStructSequence_SetItem(sequence, i, values[i]);
        else Py_XDECREF(values[i]);
    }
    if (is_whole) return sequence;
    Py_XDECREF(sequence);
    return NULL;
}

static PyObject *slice_of(PyObject *whole, const unsigned char *start, const struct rtm_field *field) {
    return PySequence_GetSlice(whole, field->data - start, field->end - start);
}

/* The data of a field, as Python has it. */
static PyObject *data_of(PyObject *whole, const unsigned char *start, const struct rtm_field *field) {
    PyObject *number = PyLong_FromUnsignedLong(field->number), *slice = slice_of(whole, start, field);
    if (field->tag == RTM_TAG_EDGES) {
        PyObject *values[] = {number, PyLong_FromUnsignedLongLong(field->skip_position),
                              PyLong_FromUnsignedLongLong(field->end_position), slice};
        return sequence_of(edge_data_type, values, 4);
    }
    PyObject *values[] = {number,
                          PyLong_FromUnsignedLongLong(field->position),
                          PyLong_FromLongLong(field->publish_time_ns),
                          PyLong_FromUnsignedLongLong(field->total_bytes),
                          PyLong_FromUnsignedLongLong(field->offset),
                          slice};
    return sequence_of(chunk_data_type, values, 6);
}

/* Appends and lets go of `value`; NULL: an error that is set already. */
static int append(PyObject *list, PyObject *value) {
    int result = value ? PyList_Append(list, value) : -1;
    Py_XDECREF(value);
    return result;
}

/* Sorts the fields of a frame into others (as bytes) and data. */
static int split_all(PyObject *whole, const Py_buffer *frame, PyObject *others, PyObject *data) {
    const unsigned char *start = (const unsigned char *)frame->buf, *at = start, *end = start + frame->len;
    struct rtm_field field;
    while (at < end) {
        if (rtm_get_field(&at, end, &field) != RTM_DONE) {
            PyErr_Format(PyExc_ValueError, "what came at byte %zd of %zd is no frame",
                         (Py_ssize_t)(field.start - start), frame->len);
            return -1;
        }
        int is_data = field.tag == RTM_TAG_EDGES || field.tag == RTM_TAG_CHUNK;
        PyObject *value = is_data ? data_of(whole, start, &field)
                                  : PyBytes_FromStringAndSize((const char *)field.start, at - field.start);
        if (append(is_data ? data : others, value) < 0) return -1;
    }
    return 0;
}

/* split_frame(frame) -> (others, data); ValueError: it is none */
static PyObject *split_frame(PyObject *module, PyObject *object) {
    Py_buffer frame;
    if (PyObject_GetBuffer(object, &frame, PyBUF_SIMPLE) < 0) return NULL;
    PyObject *whole = PyMemoryView_FromObject(object), *others = PyList_New(0), *data = PyList_New(0);
    int result = whole && others && data ? split_all(whole, &frame, others, data) : -1;
    PyBuffer_Release(&frame);
    Py_XDECREF(whole);
    if (result == 0) return Py_BuildValue("NN", others, data);
    Py_XDECREF(others);
    Py_XDECREF(data);
    return NULL;
}

static int add_frame_data(PyObject *module) {
    edge_data_type = PyStructSequence_NewType(&edge_data_description);
    chunk_data_type = PyStructSequence_NewType(&chunk_data_description);
    if (!edge_data_type || !chunk_data_type) return -1;
    return PyModule_AddType(module, edge_data_type) < 0 ? -1 : PyModule_AddType(module, chunk_data_type);
}

#endif
