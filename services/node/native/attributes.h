/* attributes.h: the fields of a received message as its attributes: TensorAttribute, LateAttribute. */
#ifndef RTMESH_NODE_ATTRIBUTES_H
#define RTMESH_NODE_ATTRIBUTES_H

#include "received.h"

/* An attribute of the class of a message: an object's own attributes, in its dict, come before it. It holds a text,
** which is part of no cycle. */
struct attribute {
    PyObject_HEAD
    PyObject *name;
};

static PyTypeObject *tensor_attribute_type, *late_attribute_type;

/* (shape, dtype, offset) of a Tensor that lies where the one before it did; NULL: not known, or an error is set. */
static PyObject *array_place(const struct received *self, PyObject *name) {
    if (!self->places || !self->bytes.obj || !array_type) return NULL;
    PyObject *arrays = PyTuple_GetItem(self->places, PLACES_ARRAYS);
    PyObject *place = arrays ? PyDict_GetItemWithError(arrays, name) : NULL;
    return place && PyTuple_Check(place) && PyTuple_Size(place) == 3 ? place : NULL;
}

/* As numpy.ndarray(shape, dtype, buffer, offset). */
static PyObject *array_at(const struct received *self, PyObject *place) {
    PyObject *shape = PyTuple_GetItem(place, 0), *dtype = PyTuple_GetItem(place, 1), *at = PyTuple_GetItem(place, 2);
    return PyObject_CallFunctionObjArgs(array_type, shape, dtype, self->bytes.obj, at, NULL);
}

/* From now on the attribute is found in the message's own dict. */
static int remember_attribute(struct received *self, PyObject *name, PyObject *value) {
    if (!self->attributes) self->attributes = PyDict_New();
    return self->attributes ? PyDict_SetItem(self->attributes, name, value) : -1;
}

static PyObject *tensor_of(struct received *self, PyObject *name) {
    PyObject *place = array_place(self, name);
    if (!place && PyErr_Occurred()) return NULL;
    PyObject *array = place ? array_at(self, place) : PyObject_GetItem((PyObject *)self, name);
    if (array && remember_attribute(self, name, array) < 0) Py_CLEAR(array);
    return array;
}

/* The bytes between the header and the first Tensor, as a template knows them; NULL: it is not known, or an error. */
static PyObject *other_bytes(const struct received *self) {
    PyObject *template = self->places ? PyTuple_GetItem(self->places, PLACES_TEMPLATE) : NULL;
    if (!template || !PyObject_TypeCheck(template, template_type) || !self->bytes.obj) return NULL;
    Py_ssize_t end = ((struct template *)template)->others_end;
    if (end < HEADER_SIZE || end > self->bytes.len) return NULL;
    return PyBytes_FromStringAndSize((const char *)self->bytes.buf + HEADER_SIZE, end - HEADER_SIZE);
}

static PyObject *parsed_others(const struct received *self) {
    PyObject *from_string = ((struct decoder *)self->type)->from_string, *bytes = other_bytes(self);
    if (!bytes) return NULL;
    PyObject *others = PyObject_CallFunctionObjArgs(from_string, bytes, NULL);
    Py_DECREF(bytes);
    return others;
}

/* The fields that are no Tensors, parsed when they are first asked for. A new reference. */
static PyObject *others_of(struct received *self) {
    if (is_there(self->others)) return Py_NewRef(self->others);
    PyObject *others = parsed_others(self);
    if (!others && PyErr_Occurred() && !may_try_again()) return NULL;
    if (!others) return PyObject_CallMethod((PyObject *)self, "_other_fields", NULL);
    PyObject *before = self->others;
    self->others = Py_NewRef(others);
    Py_XDECREF(before);
    return others;
}

static PyObject *late_field(struct received *self, PyObject *name) {
    PyObject *others = others_of(self);
    PyObject *value = others ? PyObject_GetAttr(others, name) : NULL;
    Py_XDECREF(others);
    return value;
}

static PyObject *attribute_of(
    PyObject *attribute, PyObject *message, PyObject *(*get)(struct received *, PyObject *)) {
    if (!message || message == Py_None) return Py_NewRef(attribute);
    if (PyObject_TypeCheck(message, received_type))
        return get((struct received *)message, ((struct attribute *)attribute)->name);
    PyErr_SetString(PyExc_TypeError, "a field is an attribute of a received message");
    return NULL;
}

static PyObject *tensor_attribute_get(PyObject *attribute, PyObject *message, PyObject *owner) {
    return attribute_of(attribute, message, tensor_of);
}

static PyObject *late_attribute_get(PyObject *attribute, PyObject *message, PyObject *owner) {
    return attribute_of(attribute, message, late_field);
}

/* TensorAttribute(name), LateAttribute(name) */
static PyObject *attribute_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *name;
    if (!PyArg_ParseTuple(arguments, "U", &name)) return NULL;
    struct attribute *self = (struct attribute *)new_object(type);
    if (!self) return NULL;
    self->name = Py_NewRef(name);
    PyUnicode_InternInPlace(&self->name);
    return (PyObject *)self;
}

static void attribute_free(PyObject *object) {
    Py_XDECREF(((struct attribute *)object)->name);
    free_object(object);
}

static PyType_Slot tensor_attribute_slots[] = {
    {Py_tp_new, attribute_new},
    {Py_tp_dealloc, attribute_free},
    {Py_tp_descr_get, tensor_attribute_get},
    {0, NULL},
};

static PyType_Slot late_attribute_slots[] = {
    {Py_tp_new, attribute_new},
    {Py_tp_dealloc, attribute_free},
    {Py_tp_descr_get, late_attribute_get},
    {0, NULL},
};

static PyType_Spec tensor_attribute_spec = {
    "rtmesh.node._wire.TensorAttribute", sizeof(struct attribute), 0, Py_TPFLAGS_DEFAULT, tensor_attribute_slots,
};

static PyType_Spec late_attribute_spec = {
    "rtmesh.node._wire.LateAttribute", sizeof(struct attribute), 0, Py_TPFLAGS_DEFAULT, late_attribute_slots,
};

#endif
