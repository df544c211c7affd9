/* encoder.h: rtmesh.node._wire.Encoder, a message given by its fields, made ready to be sent.
**
** What it does not know how to do it leaves to Python, which looks at all fields anew: so nothing may have been taken
** out of an iterator by then.
*/
#ifndef RTMESH_NODE_ENCODER_H
#define RTMESH_NODE_ENCODER_H

#include "scalars.h"

enum { MOST_DIMENSIONS = 8 };

/* A Tensor field, and how the last array that was given for it is written: an array like it is written alike. */
struct tensor_field {
    PyObject *name, *pieces; /* of the TensorField: what to write for a value */
    PyObject *dtype, *prefix; /* of the last array; NULL: there was none */
    bool is_repeated;
    int dimensions;
    Py_ssize_t shape[MOST_DIMENSIONS];
};

struct encoder {
    PyObject_HEAD
    PyObject *message_class, *other_names, *serialize;
    Py_ssize_t tensor_count, scalar_count;
    struct tensor_field *tensors;
    struct field *scalars; /* in the order of their numbers; not all of the others need be scalars */
};

static PyTypeObject *encoder_type;
static PyObject *dtype_name; /* "dtype" */

/* What there is of a message so far. */
struct encoding {
    PyObject *rest;         /* list of buffers that follow the header */
    Py_ssize_t length;      /* of them all, in bytes */
    Py_ssize_t align_at;    /* offset of the first tensor's data in the message; 0: there is none */
};

/* DONE, or FAILED with an error set; PASS: Python may know. */
enum outcome { FAILED = -1, PASS = 0, DONE = 1 };

static enum outcome append(struct encoding *encoding, PyObject *buffer, Py_ssize_t length) {
    if (PyList_Append(encoding->rest, buffer) < 0) return FAILED;
    encoding->length += length;
    return DONE;
}

static enum outcome append_array(struct encoding *encoding, PyObject *prefix, PyObject *array, Py_ssize_t length) {
    if (append(encoding, prefix, PyBytes_Size(prefix)) == FAILED) return FAILED;
    if (length == 0) return DONE;
    if (!encoding->align_at) encoding->align_at = HEADER_SIZE + encoding->length;
    return append(encoding, array, length);
}

/* Whether an array is of the dtype and shape of the last one, and lies in C order; its length in bytes. */
static enum outcome is_like_the_last(const struct tensor_field *field, PyObject *value, Py_ssize_t *length) {
    Py_buffer buffer;
    if (!field->prefix || (PyObject *)Py_TYPE(value) != array_type) return PASS;
    PyObject *dtype = PyObject_GetAttr(value, dtype_name);
    if (!dtype) return FAILED;
    Py_DECREF(dtype); /* the array keeps it */
    if (dtype != field->dtype) return PASS;
    if (PyObject_GetBuffer(value, &buffer, PyBUF_ND) < 0) {
        PyErr_Clear(); /* it lies otherwise */
        return PASS;
    }
    bool is_alike = buffer.ndim == field->dimensions;
    for (int i = 0; is_alike && i < buffer.ndim; i++) is_alike = buffer.shape[i] == field->shape[i];
    *length = buffer.len;
    PyBuffer_Release(&buffer);
    return is_alike ? DONE : PASS;
}

static void remember(struct tensor_field *field, PyObject *array, PyObject *prefix, const Py_buffer *buffer) {
    if (buffer->ndim > MOST_DIMENSIONS) return;
    PyObject *dtype = PyObject_GetAttr(array, dtype_name);
    if (!dtype) {
        PyErr_Clear();
        return;
    }
    PyObject *dtype_before = field->dtype, *prefix_before = field->prefix;
    field->dtype = dtype;
    field->prefix = Py_NewRef(prefix);
    field->dimensions = buffer->ndim;
    for (int i = 0; i < buffer->ndim; i++) field->shape[i] = buffer->shape[i];
    Py_XDECREF(dtype_before);
    Py_XDECREF(prefix_before);
}

/* A piece is (prefix, array, whether the array lies in memory otherwise than it is written). */
static enum outcome append_piece(struct tensor_field *field, PyObject *piece, struct encoding *encoding) {
    PyObject *prefix, *array;
    int is_awkward;
    Py_buffer buffer;
    if (!PyArg_ParseTuple(piece, "SOp", &prefix, &array, &is_awkward)) return FAILED;
    if (is_awkward) return PASS;
    if (PyObject_GetBuffer(array, &buffer, PyBUF_ND) < 0) return FAILED;
    if ((PyObject *)Py_TYPE(array) == array_type) remember(field, array, prefix, &buffer);
    Py_ssize_t length = buffer.len;
    PyBuffer_Release(&buffer);
    return append_array(encoding, prefix, array, length);
}

/* As TensorField says. */
static enum outcome append_pieces(struct tensor_field *field, PyObject *value, struct encoding *encoding) {
    enum outcome outcome = DONE;
    PyObject *pieces = PyObject_CallFunctionObjArgs(field->pieces, value, NULL);
    if (!pieces) return FAILED;
    Py_ssize_t count = PyList_Size(pieces);
    if (count < 0) outcome = FAILED;
    for (Py_ssize_t i = 0; i < count && outcome == DONE; i++)
        outcome = append_piece(field, PyList_GetItem(pieces, i), encoding);
    Py_DECREF(pieces);
    return outcome;
}

static bool is_list_or_tuple(PyObject *value) {
    return Py_TYPE(value) == &PyList_Type || Py_TYPE(value) == &PyTuple_Type;
}

static enum outcome append_tensor(struct tensor_field *field, PyObject *value, struct encoding *encoding) {
    Py_ssize_t length;
    if (field->is_repeated) return is_list_or_tuple(value) ? append_pieces(field, value, encoding) : PASS;
    enum outcome outcome = is_like_the_last(field, value, &length);
    if (outcome == DONE) return append_array(encoding, field->prefix, value, length);
    return outcome == FAILED ? FAILED : append_pieces(field, value, encoding);
}

static enum outcome append_tensors(const struct encoder *self, PyObject *fields, struct encoding *encoding) {
    for (Py_ssize_t i = 0; i < self->tensor_count; i++) {
        PyObject *value = PyDict_GetItemWithError(fields, self->tensors[i].name);
        if (!value && PyErr_Occurred()) return FAILED;
        if (!value || value == Py_None) continue;
        enum outcome outcome = append_tensor(&self->tensors[i], value, encoding);
        if (outcome != DONE) return outcome;
    }
    return DONE;
}

/* What protobuf takes as it is; numpy's types are made of these first. */
static bool is_plain(PyObject *value) {
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyFloat_Type || type == &PyLong_Type || type == &PyList_Type || type == &PyUnicode_Type ||
           type == &PyBytes_Type || type == &PyBool_Type || type == &PyTuple_Type || type == &PyDict_Type ||
           value == Py_None;
}

static bool is_tensor(const struct encoder *self, PyObject *name) {
    for (Py_ssize_t i = 0; i < self->tensor_count; i++)
        if (self->tensors[i].name == name || PyUnicode_Compare(self->tensors[i].name, name) == 0) return true;
    return false;
}

/* The fields that are no Tensors, in a dict of their own. */
static enum outcome gather_others(const struct encoder *self, PyObject *fields, PyObject *others) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(fields, &at, &name, &value)) {
        if (is_tensor(self, name)) continue;
        int is_known = PySet_Contains(self->other_names, name);
        if (is_known < 0) return FAILED;
        if (!is_known || !is_plain(value)) return PASS;
        if (PyDict_SetItem(others, name, value) < 0) return FAILED;
    }
    return DONE;
}

/* Bytes of the protobuf message with these fields; NULL with an error set. */
static PyObject *serialized(const struct encoder *self, PyObject *others) {
    PyObject *none = PyTuple_New(0), *bytes = NULL;
    PyObject *message = none ? PyObject_Call(self->message_class, none, others) : NULL;
    Py_XDECREF(none);
    if (message) bytes = PyObject_CallMethodObjArgs(message, self->serialize, NULL);
    Py_XDECREF(message);
    return bytes;
}

/* As protobuf does it, whatever the fields are. */
static enum outcome encode_by_protobuf(const struct encoder *self, PyObject *fields, PyObject **bytes) {
    PyObject *others = PyDict_New();
    if (!others) return FAILED;
    enum outcome outcome = gather_others(self, fields, others);
    if (outcome == DONE) *bytes = serialized(self, others);
    Py_DECREF(others);
    if (outcome != DONE || *bytes) return outcome;
    return may_try_again() ? PASS : FAILED; /* Python names the field */
}

/* How many of the fields are Tensors. */
static Py_ssize_t count_tensors(const struct encoder *self, PyObject *fields) {
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < self->tensor_count; i++)
        if (PyDict_GetItemWithError(fields, self->tensors[i].name)) count++;
    return count;
}

/* Writes the scalars among the fields, if all but the Tensors are scalars, each of its usual kind. */
static bool put_scalars(const struct encoder *self, PyObject *fields, struct bytes *bytes) {
    Py_ssize_t unknown = PyDict_Size(fields) - count_tensors(self, fields);
    for (Py_ssize_t i = 0; i < self->scalar_count && unknown > 0; i++) {
        PyObject *value = PyDict_GetItemWithError(fields, self->scalars[i].name);
        if (!value) continue;
        if (value != Py_None && !put_field(bytes, &self->scalars[i], value)) return false;
        unknown--;
    }
    return unknown == 0 && bytes->data;
}

/* The fields that are no Tensors, as bytes. */
static enum outcome encode_others(const struct encoder *self, PyObject *fields, PyObject **others) {
    struct bytes bytes;
    enum outcome outcome = PASS;
    bytes_begin(&bytes);
    if (put_scalars(self, fields, &bytes)) {
        *others = PyBytes_FromStringAndSize((const char *)bytes.data, (Py_ssize_t)bytes.length);
        outcome = *others ? DONE : FAILED;
    }
    bytes_free(&bytes);
    return outcome == PASS ? encode_by_protobuf(self, fields, others) : outcome;
}

/* The others lie before the Tensors. */
static enum outcome put_first(PyObject *others, struct encoding *encoding) {
    Py_ssize_t length = PyBytes_Size(others);
    if (length == 0) return DONE;
    encoding->length += length;
    if (encoding->align_at) encoding->align_at += length;
    return PyList_Insert(encoding->rest, 0, others) < 0 ? FAILED : DONE;
}

static enum outcome encode(const struct encoder *self, PyObject *fields, struct encoding *encoding) {
    PyObject *others = NULL;
    enum outcome outcome = append_tensors(self, fields, encoding);
    if (outcome == DONE) outcome = encode_others(self, fields, &others);
    if (outcome == DONE) outcome = put_first(others, encoding);
    Py_XDECREF(others);
    return outcome;
}

static PyObject *ready_message(const struct encoding *encoding) {
    PyObject *rest = PyList_AsTuple(encoding->rest);
    return rest ? Py_BuildValue("(Nnn)", rest, HEADER_SIZE + encoding->length, encoding->align_at) : NULL;
}

static bool has_plain_names(PyObject *fields) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(fields, &at, &name, &value))
        if (Py_TYPE(name) != &PyUnicode_Type) return false;
    return true;
}

/* encode(fields) -> (buffers behind the header, length of the message, offset of the first tensor's data); None if
** that is for Python to do. */
static PyObject *encoder_encode(PyObject *object, PyObject *fields) {
    const struct encoder *self = (const struct encoder *)object;
    if (!PyDict_CheckExact(fields) || !has_plain_names(fields)) Py_RETURN_NONE;
    struct encoding encoding = {PyList_New(0), 0, 0};
    if (!encoding.rest) return NULL;
    enum outcome outcome = encode(self, fields, &encoding);
    PyObject *ready = outcome == DONE ? ready_message(&encoding) : NULL;
    Py_DECREF(encoding.rest);
    return outcome == PASS ? Py_NewRef(Py_None) : ready;
}

static int take_tensor(struct encoder *self, PyObject *name, PyObject *field) {
    struct tensor_field *tensor = &self->tensors[self->tensor_count];
    PyObject *is_repeated = PyObject_GetAttrString(field, "is_repeated");
    tensor->is_repeated = is_repeated == Py_True;
    Py_XDECREF(is_repeated);
    tensor->pieces = is_repeated ? PyObject_GetAttrString(field, "pieces") : NULL;
    if (!tensor->pieces) return -1;
    tensor->name = Py_NewRef(name);
    self->tensor_count++;
    return 0;
}

static int take_tensors(struct encoder *self, PyObject *tensors) {
    PyObject *name, *field;
    Py_ssize_t at = 0;
    self->tensors = (struct tensor_field *)PyMem_Calloc((size_t)PyDict_Size(tensors) + 1, sizeof *self->tensors);
    if (!self->tensors) {
        PyErr_NoMemory();
        return -1;
    }
    while (PyDict_Next(tensors, &at, &name, &field))
        if (take_tensor(self, name, field) < 0) return -1;
    return 0;
}

/* A scalar is (name, number, kind, is_repeated, is_packed, has_presence). */
static int take_scalar(struct encoder *self, PyObject *scalar) {
    struct field *field = &self->scalars[self->scalar_count];
    int kind, is_repeated, is_packed, has_presence;
    unsigned number;
    PyObject *name;
    if (!PyArg_ParseTuple(scalar, "UIippp", &name, &number, &kind, &is_repeated, &is_packed, &has_presence))
        return -1;
    *field = (struct field){Py_NewRef(name), number, (enum field_kind)kind, is_repeated, is_packed, has_presence};
    self->scalar_count++;
    return 0;
}

static int take_scalars(struct encoder *self, PyObject *scalars) {
    Py_ssize_t count = PyTuple_Size(scalars);
    self->scalars = (struct field *)PyMem_Calloc((size_t)count + 1, sizeof *self->scalars);
    if (!self->scalars) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (take_scalar(self, PyTuple_GetItem(scalars, i)) < 0) return -1;
    return 0;
}

/* Encoder(message_class, other_names, scalars, tensors): of the fields that are no Tensors the names,
** and what is known of scalars among them; and those that are, by name; both in the order of their numbers. */
static PyObject *encoder_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *message_class, *other_names, *scalars, *tensors;
    if (!PyArg_ParseTuple(arguments, "OO!O!O!", &message_class, &PyFrozenSet_Type, &other_names, &PyTuple_Type,
                          &scalars, &PyDict_Type, &tensors))
        return NULL;
    struct encoder *self = (struct encoder *)new_object(type);
    if (!self) return NULL;
    self->message_class = Py_NewRef(message_class);
    self->other_names = Py_NewRef(other_names);
    self->serialize = PyUnicode_InternFromString("SerializeToString");
    if (self->serialize && take_scalars(self, scalars) == 0 && take_tensors(self, tensors) == 0)
        return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static void encoder_free(PyObject *object) {
    struct encoder *self = (struct encoder *)object;
    for (Py_ssize_t i = 0; i < self->tensor_count; i++) {
        Py_DECREF(self->tensors[i].name);
        Py_DECREF(self->tensors[i].pieces);
        Py_XDECREF(self->tensors[i].dtype);
        Py_XDECREF(self->tensors[i].prefix);
    }
    for (Py_ssize_t i = 0; i < self->scalar_count; i++) Py_DECREF(self->scalars[i].name);
    PyMem_Free(self->tensors);
    PyMem_Free(self->scalars);
    Py_XDECREF(self->message_class);
    Py_XDECREF(self->other_names);
    Py_XDECREF(self->serialize);
    free_object(object);
}

static PyMethodDef encoder_methods[] = {
    {"encode", encoder_encode, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

/* No part of the collector: classes, names and TensorFields know nothing of it. */
static PyType_Slot encoder_slots[] = {
    {Py_tp_new, encoder_new},
    {Py_tp_dealloc, encoder_free},
    {Py_tp_methods, encoder_methods},
    {0, NULL},
};

static PyType_Spec encoder_spec = {
    "rtmesh.node._wire.Encoder", sizeof(struct encoder), 0, Py_TPFLAGS_DEFAULT, encoder_slots,
};

#endif
