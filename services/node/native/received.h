/* received.h: rtmesh.node._wire.Received, a received message: a view on the bytes that it lies in. */
#ifndef RTMESH_NODE_RECEIVED_H
#define RTMESH_NODE_RECEIVED_H

#include "template.h"

/* What rtmesh.node.places.Places is in C: a tuple. */
enum { PLACES_ARRAYS = 2, PLACES_TEMPLATE = 3, PLACES_SIZE = 4 };

/* Decoder: what a type of messages needs to decode them (decoder.h). It is part of no cycle: it holds classes, and
** places, which hold none of this. */
struct decoder {
    PyObject_HEAD
    PyTypeObject *received;      /* the class of its messages, a subtype of Received */
    PyObject *from_string;       /* of the class that protobuf has for them */
    PyObject *places;            /* of the last message, NULL if those are not to be tried on others */
    const struct template *last; /* in `places` */
    bool has_tensors;
};

/* User code may set attributes of a message, and so close a cycle: it is known to the garbage collector. */
struct received {
    PyObject_HEAD
    PyObject *attributes, *weak_references; /* a dict; a list of Python's */
    struct header header;
    PyObject *values; /* HeaderValues of it, NULL until asked for */
    PyObject *type;   /* its MessageType, a Decoder */
    PyObject *others; /* the fields that are no Tensors, parsed; NULL or None: not yet */
    PyObject *places; /* where its Tensors lie; NULL: its type has none */
    PyObject *source; /* the message as it came, NULL: `others` has all of it */
    PyObject *keep;   /* what is to live as long */
    Py_buffer bytes;  /* that `places` speak of: `source`, or the same message merged by protobuf */
};

static PyTypeObject *decoder_type, *received_type;

static bool is_there(const PyObject *object) { return object && object != Py_None; }

static PyObject *new_ref_if_there(PyObject *object) { return is_there(object) ? Py_NewRef(object) : NULL; }

/* The header from HeaderValues, and what is found in `buffer`: 0, or -1 with an error set. */
static int received_fill(struct received *self, PyObject *values, PyObject *buffer) {
    if (header_from(values, &self->header) < 0) return -1;
    self->values = Py_NewRef(values);
    return is_there(buffer) ? PyObject_GetBuffer(buffer, &self->bytes, PyBUF_SIMPLE) : 0;
}

/* Received(type, header, others=None, places=None, source=None, buffer=None, keep=None) */
static PyObject *received_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *of, *values, *others = NULL, *places = NULL, *source = NULL, *buffer = NULL, *keep = NULL;
    if (!PyArg_ParseTuple(
            arguments, "O!O|OOOOO", decoder_type, &of, &values, &others, &places, &source, &buffer, &keep))
        return NULL;
    if (is_there(places) && (!PyTuple_Check(places) || PyTuple_Size(places) != PLACES_SIZE))
        return PyErr_Format(PyExc_TypeError, "the places of a message are %d", PLACES_SIZE);
    struct received *self = (struct received *)new_object(type);
    if (!self) return NULL;
    self->type = Py_NewRef(of);
    self->others = new_ref_if_there(others);
    self->places = new_ref_if_there(places);
    self->source = new_ref_if_there(source);
    self->keep = new_ref_if_there(keep);
    if (received_fill(self, values, buffer) == 0) return (PyObject *)self;
    Py_DECREF((PyObject *)self);
    return NULL;
}

/* Not what the message lies in, which knows nothing of it: were the collector to clear a memoryview of which this still
** holds the buffer, Python could not free it any more. */
static int received_traverse(PyObject *object, visitproc visit, void *arg) {
    struct received *self = (struct received *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->attributes);
    Py_VISIT(self->values);
    Py_VISIT(self->type);
    Py_VISIT(self->others);
    Py_VISIT(self->places);
    Py_VISIT(self->keep);
    return 0;
}

/* Whatever a cycle goes through besides these can be cleared itself. */
static int received_clear(PyObject *object) {
    struct received *self = (struct received *)object;
    Py_CLEAR(self->attributes);
    Py_CLEAR(self->keep);
    return 0;
}

static void received_free(PyObject *object) {
    struct received *self = (struct received *)object;
    PyObject_GC_UnTrack(object);
    if (self->weak_references) PyObject_ClearWeakRefs(object);
    received_clear(object);
    Py_XDECREF(self->values);
    Py_XDECREF(self->others);
    Py_XDECREF(self->places);
    if (self->bytes.obj) PyBuffer_Release(&self->bytes);
    Py_XDECREF(self->source);
    Py_XDECREF(self->type);
    free_object(object);
}

static PyObject *received_header(PyObject *object, void *unused) {
    struct received *self = (struct received *)object;
    if (!self->values) self->values = header_object(&self->header);
    return Py_XNewRef(self->values);
}

static PyObject *received_buffer(PyObject *object, void *unused) {
    PyObject *exporter = ((struct received *)object)->bytes.obj;
    return exporter ? PyMemoryView_FromObject(exporter) : PyErr_Format(PyExc_ValueError, "the message has no buffer");
}

static PyMemberDef received_members[] = {
    {"_type", T_OBJECT, offsetof(struct received, type), READONLY, NULL},
    {"_others", T_OBJECT, offsetof(struct received, others), 0, NULL},
    {"_places", T_OBJECT, offsetof(struct received, places), READONLY, NULL},
    {"_source", T_OBJECT, offsetof(struct received, source), READONLY, NULL},
    {"_keep", T_OBJECT, offsetof(struct received, keep), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(struct received, attributes), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct received, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef received_attributes[] = {
    {"header", received_header, NULL, "The header; zeros for what it does not say.", NULL},
    {"_buffer", received_buffer, NULL, NULL, NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot received_slots[] = {
    {Py_tp_new, received_new},           {Py_tp_dealloc, received_free},
    {Py_tp_traverse, received_traverse}, {Py_tp_clear, received_clear},
    {Py_tp_members, received_members},   {Py_tp_getset, received_attributes},
    {0, NULL},
};

static PyType_Spec received_spec = {
    "rtmesh.node._wire.Received", sizeof(struct received), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, received_slots,
};

#endif
