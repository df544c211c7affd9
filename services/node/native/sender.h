/* sender.h: rtmesh.node._wire.Sender, which gives messages their header and publishes them. */
#ifndef RTMESH_NODE_SENDER_H
#define RTMESH_NODE_SENDER_H

#include "trail.h"

struct sender {
    PyObject_HEAD
    PyObject *ring, *try_publish_parts, *now_ns, *sequence_name, *epoch_name;
    struct trail *trail;
    uint64_t origin;
    Py_ssize_t max_bytes;
};

static PyTypeObject *sender_type;

static int number_of(PyObject *object, PyObject *name, uint64_t *number) {
    PyObject *value = PyObject_GetAttr(object, name);
    if (!value) return -1;
    *number = PyLong_AsUnsignedLongLong(value);
    Py_DECREF(value);
    return *number == UINT64_MAX && PyErr_Occurred() ? -1 : 0;
}

/* The header of a message that is sent now; also the time, as an object. */
static PyObject *stamp(const struct sender *self, struct header *header) {
    uint64_t epoch;
    if (number_of(self->ring, self->sequence_name, &header->sequence) < 0) return NULL;
    if (number_of(self->ring, self->epoch_name, &epoch) < 0) return NULL;
    PyObject *now = PyObject_CallFunctionObjArgs(self->now_ns, NULL);
    if (!now) return NULL;
    header->epoch = (uint32_t)epoch;
    header->publish_time_ns = (uint64_t)PyLong_AsLongLong(now);
    if (header->publish_time_ns == UINT64_MAX && PyErr_Occurred()) {
        Py_DECREF(now);
        return NULL;
    }
    trail_continue(self->trail, self->origin, header);
    return now;
}

/* All buffers of a message: its header, then the rest. */
static PyObject *parts_of(const struct header *header, PyObject *rest) {
    unsigned char bytes[HEADER_SIZE];
    write_header(header, bytes);
    Py_ssize_t count = PyTuple_Size(rest);
    PyObject *parts = count < 0 ? NULL : PyTuple_New(count + 1);
    PyObject *first = parts ? PyBytes_FromStringAndSize((const char *)bytes, HEADER_SIZE) : NULL;
    if (!first) {
        Py_XDECREF(parts);
        return NULL;
    }
    (void)PyTuple_SetItem(parts, 0, first);
    for (Py_ssize_t i = 0; i < count; i++)
        (void)PyTuple_SetItem(parts, i + 1, Py_NewRef(PyTuple_GetItem(rest, i)));
    return parts;
}

/* What try_publish_parts() of the ring returns; NULL with an error set. */
static PyObject *published(
    const struct sender *self, const struct header *header, PyObject *rest, PyObject *now, PyObject *align_at) {
    PyObject *parts = parts_of(header, rest), *result = NULL;
    PyObject *origin = PyLong_FromUnsignedLongLong(header->origin);
    PyObject *origin_time = PyLong_FromLongLong((int64_t)header->origin_time_ns);
    if (parts && origin && origin_time)
        result = PyObject_CallFunctionObjArgs(
            self->try_publish_parts, parts, now, align_at, origin, origin_time, NULL);
    Py_XDECREF(parts);
    Py_XDECREF(origin);
    Py_XDECREF(origin_time);
    return result;
}

static PyObject *publish(const struct sender *self, PyObject *rest, PyObject *align_at) {
    struct header header;
    PyObject *now = stamp(self, &header);
    if (!now) return NULL;
    PyObject *result = published(self, &header, rest, now, align_at);
    Py_DECREF(now);
    if (result == Py_True) trail_note_sent(self->trail, &header);
    return result;
}

/* publish((rest, length, align_at)) -> True; False if a `block` reader's queue is full; None if it may not be sent. */
static PyObject *sender_publish(PyObject *object, PyObject *ready) {
    const struct sender *self = (const struct sender *)object;
    PyObject *rest, *align_at;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(ready, "O!nO", &PyTuple_Type, &rest, &length, &align_at)) return NULL;
    if (length > self->max_bytes || self->trail->is_refusing) Py_RETURN_NONE;
    return publish(self, rest, align_at);
}

static int name_what_is_asked(struct sender *self) {
    self->try_publish_parts = PyObject_GetAttrString(self->ring, "try_publish_parts");
    self->sequence_name = PyUnicode_InternFromString("sequence");
    self->epoch_name = PyUnicode_InternFromString("epoch");
    return self->try_publish_parts && self->sequence_name && self->epoch_name ? 0 : -1;
}

/* Sender(ring, trail, now_ns, origin, max_bytes) */
static PyObject *sender_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *ring, *trail, *now_ns;
    unsigned long long origin;
    Py_ssize_t max_bytes;
    if (!PyArg_ParseTuple(arguments, "OO!OKn", &ring, trail_type, &trail, &now_ns, &origin, &max_bytes))
        return NULL;
    struct sender *self = (struct sender *)new_object(type);
    if (!self) return NULL;
    self->ring = Py_NewRef(ring);
    self->trail = (struct trail *)Py_NewRef(trail);
    self->now_ns = Py_NewRef(now_ns);
    self->origin = origin;
    self->max_bytes = max_bytes;
    if (name_what_is_asked(self) == 0) return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static void sender_free(PyObject *object) {
    struct sender *self = (struct sender *)object;
    Py_XDECREF(self->ring);
    Py_XDECREF((PyObject *)self->trail);
    Py_XDECREF(self->now_ns);
    Py_XDECREF(self->try_publish_parts);
    Py_XDECREF(self->sequence_name);
    Py_XDECREF(self->epoch_name);
    free_object(object);
}

static PyMethodDef sender_methods[] = {
    {"publish", sender_publish, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

/* No part of the collector: neither a ring nor a clock knows who sends. */
static PyType_Slot sender_slots[] = {
    {Py_tp_new, sender_new},
    {Py_tp_dealloc, sender_free},
    {Py_tp_methods, sender_methods},
    {0, NULL},
};

static PyType_Spec sender_spec = {
    "rtmesh.node._wire.Sender", sizeof(struct sender), 0, Py_TPFLAGS_DEFAULT, sender_slots,
};

#endif
