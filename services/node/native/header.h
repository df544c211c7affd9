/* header.h: the header of a stream message, as a struct, as bytes and as rtmesh.node.wire.HeaderValues. */
#ifndef RTMESH_NODE_HEADER_H
#define RTMESH_NODE_HEADER_H

#include "common.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the fields of a header are copied as they lie in memory"
#endif

enum { HEADER_SIZE = 57, HEADER_FIELDS = 7 };

/* Times are bits of a signed number. */
struct header {
    uint64_t sequence, publish_time_ns, origin, origin_sequence, origin_time_ns;
    uint32_t epoch, origin_epoch;
};

/* What a header of ours begins with, and its fields: the tag before each, where it lies, and its size. */
static const unsigned char header_start[2] = {0x0A, HEADER_SIZE - 2};
static const struct header_field {
    unsigned char tag, at, size;
    bool is_signed;
    size_t offset;
} header_fields[HEADER_FIELDS] = {
    {0x09, 3, 8, false, offsetof(struct header, sequence)},
    {0x15, 12, 4, false, offsetof(struct header, epoch)},
    {0x19, 17, 8, true, offsetof(struct header, publish_time_ns)},
    {0x21, 26, 8, false, offsetof(struct header, origin)},
    {0x2D, 35, 4, false, offsetof(struct header, origin_epoch)},
    {0x31, 40, 8, false, offsetof(struct header, origin_sequence)},
    {0x39, 49, 8, true, offsetof(struct header, origin_time_ns)},
};

static PyTypeObject *header_type; /* rtmesh.node.wire.HeaderValues, once it was told */

static bool is_header(const unsigned char *bytes, Py_ssize_t length) {
    if (length < HEADER_SIZE || memcmp(bytes, header_start, sizeof header_start) != 0) return false;
    for (int i = 0; i < HEADER_FIELDS; i++)
        if (bytes[header_fields[i].at - 1] != header_fields[i].tag) return false;
    return true;
}

/* The header at `bytes`, of which is_header must be true. */
static void read_header(const unsigned char *bytes, struct header *header) {
    for (int i = 0; i < HEADER_FIELDS; i++) {
        const struct header_field *field = &header_fields[i];
        memcpy((char *)header + field->offset, bytes + field->at, field->size);
    }
}

static void write_header(const struct header *header, unsigned char *bytes) {
    memcpy(bytes, header_start, sizeof header_start);
    for (int i = 0; i < HEADER_FIELDS; i++) {
        const struct header_field *field = &header_fields[i];
        bytes[field->at - 1] = field->tag;
        memcpy(bytes + field->at, (const char *)header + field->offset, field->size);
    }
}

static PyObject *field_value(const struct header *header, const struct header_field *field) {
    uint64_t value = 0;
    memcpy(&value, (const char *)header + field->offset, field->size);
    return field->is_signed ? PyLong_FromLongLong((int64_t)value) : PyLong_FromUnsignedLongLong(value);
}

/* HeaderValues of a header. */
static PyObject *header_object(const struct header *header) {
    PyObject *values = PyTuple_New(HEADER_FIELDS);
    if (!values) return NULL;
    for (int i = 0; i < HEADER_FIELDS; i++) {
        PyObject *value = field_value(header, &header_fields[i]);
        if (!value || PyTuple_SetItem(values, i, value) < 0) {
            Py_DECREF(values);
            return NULL;
        }
    }
    if (!header_type) return values;
    /* As tuple.__new__(HeaderValues, values): its own constructor would take the values one by one. */
    newfunc new_tuple = (newfunc)PyType_GetSlot(&PyTuple_Type, Py_tp_new);
    PyObject *arguments = PyTuple_Pack(1, values), *object = NULL;
    if (arguments) object = new_tuple(header_type, arguments, NULL);
    Py_XDECREF(arguments);
    Py_DECREF(values);
    return object;
}

static int take_field(struct header *header, const struct header_field *field, PyObject *value) {
    uint64_t bits = field->is_signed ? (uint64_t)PyLong_AsLongLong(value) : PyLong_AsUnsignedLongLong(value);
    if (bits == UINT64_MAX && PyErr_Occurred()) return -1;
    if (field->size == 4 && bits > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "an epoch is larger than 32 bits");
        return -1;
    }
    memcpy((char *)header + field->offset, &bits, field->size);
    return 0;
}

/* The header that a tuple of seven numbers says, HeaderValues or not. -1 with an error set. */
static int header_from(PyObject *values, struct header *header) {
    if (!PyTuple_Check(values) || PyTuple_Size(values) != HEADER_FIELDS) {
        PyErr_Format(PyExc_TypeError, "a header is a tuple of %d fields", HEADER_FIELDS);
        return -1;
    }
    for (int i = 0; i < HEADER_FIELDS; i++)
        if (take_field(header, &header_fields[i], PyTuple_GetItem(values, i)) < 0) return -1;
    return 0;
}

/* pack_header((sequence, epoch, publish_time_ns, origin, …)) -> the header as field 1 of a message. */
static PyObject *pack_header(PyObject *module, PyObject *values) {
    struct header header;
    unsigned char bytes[HEADER_SIZE];
    if (header_from(values, &header) < 0) return NULL;
    write_header(&header, bytes);
    return PyBytes_FromStringAndSize((const char *)bytes, HEADER_SIZE);
}

/* written_header(buffer) -> the header that lies first in the form of pack_header; None if something else does. */
static PyObject *written_header(PyObject *module, PyObject *object) {
    Py_buffer buffer;
    struct header header;
    if (PyObject_GetBuffer(object, &buffer, PyBUF_SIMPLE) < 0) return NULL;
    bool is_there = is_header(buffer.buf, buffer.len);
    if (is_there) read_header(buffer.buf, &header);
    PyBuffer_Release(&buffer);
    return is_there ? header_object(&header) : Py_NewRef(Py_None);
}

/* use_header_type(type): HeaderValues, which is made in Python. */
static PyObject *use_header_type(PyObject *module, PyObject *type) {
    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "a type of tuples is needed");
        return NULL;
    }
    header_type = (PyTypeObject *)Py_NewRef(type);
    Py_RETURN_NONE;
}

#endif
