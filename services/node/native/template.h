/* template.h: whether a message is laid out as the one before it. */
#ifndef RTMESH_NODE_TEMPLATE_H
#define RTMESH_NODE_TEMPLATE_H

#include "header.h"

enum { MOST_MARKS = 16, MOST_NUMBERS = 64, TAG_BYTES = 5 };

/* The varint at *at, moved behind it; false if it does not end before `end` or is longer than `most` bytes. */
static bool read_varint(const unsigned char *bytes, Py_ssize_t *at, Py_ssize_t end, int most, uint64_t *value) {
    *value = 0;
    for (int i = 0; i < most && *at < end; i++) {
        unsigned char byte = bytes[(*at)++];
        *value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) return true;
    }
    return false;
}

/* Moves *at behind the payload of a field; false if it does not end by `end`, or is a group: those are rare. */
static bool skip_payload(const unsigned char *bytes, Py_ssize_t *at, Py_ssize_t end, unsigned wire_type) {
    uint64_t length = 0;
    switch (wire_type) {
        case 0: return read_varint(bytes, at, end, 10, &length);
        case 1: length = 8; break;
        case 5: length = 4; break;
        case 2:
            if (!read_varint(bytes, at, end, 10, &length)) return false;
            break;
        default: return false;
    }
    if (length > (uint64_t)(end - *at)) return false;
    *at += (Py_ssize_t)length;
    return true;
}

/* Template: a layout, to be tried on messages. Bytes that must stand where they did are its marks. */
struct mark {
    Py_ssize_t start, length;
    const unsigned char *bytes;
};

struct template {
    PyObject_HEAD Py_ssize_t length, others_end;
    PyObject *owner; /* of the bytes of the marks */
    Py_ssize_t mark_count, number_count;
    struct mark marks[MOST_MARKS];
    uint32_t numbers[MOST_NUMBERS];
};

static PyTypeObject *template_type;

static bool is_set_apart(const struct template *self, uint64_t number) {
    for (Py_ssize_t i = 0; i < self->number_count; i++)
        if (self->numbers[i] == number) return true;
    return false;
}

/* Whether fields, none of them set apart, fill the bytes from the header to the first tensor. */
static bool others_fit(const struct template *self, const unsigned char *bytes) {
    Py_ssize_t at = HEADER_SIZE;
    while (at < self->others_end) {
        uint64_t tag;
        if (!read_varint(bytes, &at, self->others_end, TAG_BYTES, &tag)) return false;
        if (tag < 8 || tag > UINT32_MAX || is_set_apart(self, tag >> 3)) return false;
        if (!skip_payload(bytes, &at, self->others_end, (unsigned)(tag & 7))) return false;
    }
    return true;
}

static bool fits(const struct template *self, const Py_buffer *buffer) {
    const unsigned char *bytes = buffer->buf;
    if (buffer->len != self->length || !is_header(bytes, buffer->len)) return false;
    for (Py_ssize_t i = 0; i < self->mark_count; i++)
        if (memcmp(bytes + self->marks[i].start, self->marks[i].bytes, (size_t)self->marks[i].length) != 0)
            return false;
    return others_fit(self, bytes);
}

/* Template.header(buffer) -> the header of a message that is laid out like this; None if it is not. */
static PyObject *template_header(PyObject *self, PyObject *object) {
    Py_buffer buffer;
    if (PyObject_GetBuffer(object, &buffer, PyBUF_SIMPLE) < 0) return NULL;
    struct header header;
    bool does_fit = fits((struct template *)self, &buffer);
    if (does_fit) read_header(buffer.buf, &header);
    PyBuffer_Release(&buffer);
    return does_fit ? header_object(&header) : Py_NewRef(Py_None);
}

/* One mark, (start, bytes), which must lie within the message. */
static int add_mark(struct template *self, PyObject *pair) {
    struct mark *mark = &self->marks[self->mark_count];
    PyObject *start = PyTuple_GetItem(pair, 0), *bytes = start ? PyTuple_GetItem(pair, 1) : NULL;
    char *data;
    if (!bytes || PyBytes_AsStringAndSize(bytes, &data, &mark->length) < 0) return -1;
    mark->start = PyLong_AsSsize_t(start);
    if (mark->start == -1 && PyErr_Occurred()) return -1;
    mark->bytes = (const unsigned char *)data;
    if (mark->start < 0 || mark->start > self->length || mark->length > self->length - mark->start) {
        PyErr_SetString(PyExc_ValueError, "a mark lies outside of the message");
        return -1;
    }
    self->mark_count++;
    return 0;
}

static int add_number(struct template *self, PyObject *value) {
    unsigned long number = PyLong_AsUnsignedLong(value);
    if (number == (unsigned long)-1 && PyErr_Occurred()) return -1;
    self->numbers[self->number_count++] = (uint32_t)number;
    return 0;
}

static int fill(struct template *self, PyObject *marks, PyObject *numbers) {
    Py_ssize_t mark_count = PyTuple_Size(marks), number_count = PyTuple_Size(numbers);
    if (mark_count < 0 || number_count < 0) return -1;
    if (mark_count > MOST_MARKS || number_count > MOST_NUMBERS || self->others_end > self->length) {
        PyErr_SetString(PyExc_ValueError, "too much for a template");
        return -1;
    }
    for (Py_ssize_t i = 0; i < mark_count; i++)
        if (add_mark(self, PyTuple_GetItem(marks, i)) < 0) return -1;
    for (Py_ssize_t i = 0; i < number_count; i++)
        if (add_number(self, PyTuple_GetItem(numbers, i)) < 0) return -1;
    return 0;
}

/* Template(length, others_end, marks, numbers): the length of a message, where its first tensor begins, bytes that
** stand in it as ((start, bytes), …), and the numbers of fields that may not stand before that tensor. */
static PyObject *template_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    Py_ssize_t length, others_end;
    PyObject *marks, *numbers;
    if (!PyArg_ParseTuple(
            arguments, "nnO!O!", &length, &others_end, &PyTuple_Type, &marks, &PyTuple_Type, &numbers))
        return NULL;
    struct template *self = (struct template *)new_object(type);
    if (!self) return NULL;
    self->length = length;
    self->others_end = others_end;
    self->owner = Py_NewRef(marks);
    if (fill(self, marks, numbers) == 0) return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static void template_free(PyObject *object) {
    Py_XDECREF(((struct template *)object)->owner);
    free_object(object);
}

static PyMethodDef template_methods[] = {
    {"header", template_header, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot template_slots[] = {
    {Py_tp_new, template_new},
    {Py_tp_dealloc, template_free},
    {Py_tp_methods, template_methods},
    {0, NULL},
};

static PyType_Spec template_spec = {
    "rtmesh.node._wire.Template", sizeof(struct template), 0, Py_TPFLAGS_DEFAULT, template_slots,
};

#endif
