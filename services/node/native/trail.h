/* trail.h: rtmesh.node._wire.Trail, where the present step comes from: what its sends carry on. */
#ifndef RTMESH_NODE_TRAIL_H
#define RTMESH_NODE_TRAIL_H

#include "header.h"

struct trail {
    PyObject_HEAD
    struct header header; /* of the message that triggered the step */
    struct header begun;  /* of the newest message that began an origin in this step */
    bool has_header, has_begun, is_refusing;
    PyObject *refusal; /* why nothing can be sent now, as text; empty: it can */
    uint64_t *own_origins;
    Py_ssize_t own_count;
};

static PyTypeObject *trail_type;

static bool is_own_origin(const struct trail *self, uint64_t origin) {
    for (Py_ssize_t i = 0; i < self->own_count; i++)
        if (self->own_origins[i] == origin) return true;
    return false;
}

/* A step begins, triggered by the message with `header`, or by none (NULL). One of the node's own origin has come
** full circle: a new one begins. */
static void trail_begin(struct trail *self, const struct header *header) {
    self->has_header = header && header->origin && !is_own_origin(self, header->origin);
    if (self->has_header) self->header = *header;
    self->has_begun = false;
}

/* Fills in the origin of a message that has the rest of its header: that of the step; or that of the first message
** of a step that had none, so that what it sends on several outputs can be joined downstream. The next one on
** the same output begins another. */
static void trail_continue(const struct trail *self, uint64_t own_origin, struct header *header) {
    const struct header *from = NULL;
    if (self->has_header) from = &self->header;
    else if (self->has_begun && self->begun.origin != own_origin) from = &self->begun;
    header->origin = from ? from->origin : own_origin;
    header->origin_epoch = from ? from->origin_epoch : header->epoch;
    header->origin_sequence = from ? from->origin_sequence : header->sequence;
    header->origin_time_ns = from ? from->origin_time_ns : header->publish_time_ns;
}

/* A message with that header was sent. */
static void trail_note_sent(struct trail *self, const struct header *header) {
    if (self->has_header) return;
    self->begun = *header;
    self->has_begun = true;
}

/* begin(header): None, or HeaderValues of the message that triggers the step. */
static PyObject *trail_begin_method(PyObject *object, PyObject *values) {
    struct header header;
    if (values != Py_None && header_from(values, &header) < 0) return NULL;
    trail_begin((struct trail *)object, values == Py_None ? NULL : &header);
    Py_RETURN_NONE;
}

static int take_origins(struct trail *self, PyObject *origins) {
    Py_ssize_t count = PyTuple_Size(origins);
    self->own_origins = (uint64_t *)PyMem_Calloc((size_t)count + 1, sizeof(uint64_t));
    if (!self->own_origins) {
        PyErr_NoMemory();
        return -1;
    }
    for (; self->own_count < count; self->own_count++) {
        uint64_t origin = PyLong_AsUnsignedLongLong(PyTuple_GetItem(origins, self->own_count));
        if (origin == UINT64_MAX && PyErr_Occurred()) return -1;
        self->own_origins[self->own_count] = origin;
    }
    return 0;
}

/* Trail(own_origins): of the messages that begin at this node. */
static PyObject *trail_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *iterable;
    if (!PyArg_ParseTuple(arguments, "O", &iterable)) return NULL;
    PyObject *origins = PySequence_Tuple(iterable);
    if (!origins) return NULL;
    struct trail *self = (struct trail *)new_object(type);
    if (self && ((self->refusal = PyUnicode_FromString("")) == NULL || take_origins(self, origins) < 0)) {
        Py_DECREF(self);
        self = NULL;
    }
    Py_DECREF(origins);
    return (PyObject *)self;
}

static void trail_free(PyObject *object) {
    Py_XDECREF(((struct trail *)object)->refusal);
    PyMem_Free(((struct trail *)object)->own_origins);
    free_object(object);
}

static PyObject *trail_header(PyObject *object, void *unused) {
    const struct trail *self = (const struct trail *)object;
    return self->has_header ? header_object(&self->header) : Py_NewRef(Py_None);
}

static PyObject *trail_refusal(PyObject *object, void *unused) {
    return Py_NewRef(((struct trail *)object)->refusal);
}

static int trail_set_refusal(PyObject *object, PyObject *value, void *unused) {
    if (!value || !PyUnicode_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "a refusal is a text");
        return -1;
    }
    struct trail *self = (struct trail *)object;
    PyObject *before = self->refusal;
    self->refusal = Py_NewRef(value);
    self->is_refusing = PyUnicode_GetLength(value) > 0;
    Py_DECREF(before);
    return 0;
}

static PyMethodDef trail_methods[] = {
    {"begin", trail_begin_method, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef trail_attributes[] = {
    {"header", trail_header, NULL, NULL, NULL},
    {"refusal", trail_refusal, trail_set_refusal, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot trail_slots[] = {
    {Py_tp_new, trail_new},
    {Py_tp_dealloc, trail_free},
    {Py_tp_methods, trail_methods},
    {Py_tp_getset, trail_attributes},
    {0, NULL},
};

static PyType_Spec trail_spec = {
    "rtmesh.node._wire.Trail", sizeof(struct trail), 0, Py_TPFLAGS_DEFAULT, trail_slots,
};

#endif
