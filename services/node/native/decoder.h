/* decoder.h: rtmesh.node._wire.Decoder, decoding of messages that are laid out as those before them. */
#ifndef RTMESH_NODE_DECODER_H
#define RTMESH_NODE_DECODER_H

#include "attributes.h"

/* A message of a type with Tensors that is laid out as the one before it. NULL: it is not, or an error is set. */
static struct received *decode_alike(struct decoder *self, PyObject *buffer, PyObject *keep) {
    Py_buffer bytes;
    struct received *message = NULL;
    if (!self->last || PyObject_GetBuffer(buffer, &bytes, PyBUF_SIMPLE) < 0) return NULL;
    /* Arrays are views on `buffer` itself, and must not be writable. */
    if (bytes.readonly && fits(self->last, &bytes)) message = (struct received *)new_object(self->received);
    if (!message) {
        PyBuffer_Release(&bytes);
        return NULL;
    }
    read_header(bytes.buf, &message->header);
    message->bytes = bytes;
    message->source = Py_NewRef(buffer);
    message->places = Py_NewRef(self->places);
    message->keep = new_ref_if_there(keep);
    return message;
}

/* Whether the header comes first, and none can follow, which would have to be merged in: a tag of field 1 begins
** with one of two bytes. */
static bool has_sole_header(const char *bytes, Py_ssize_t length) {
    if (!is_header((const unsigned char *)bytes, length)) return false;
    size_t rest = (size_t)(length - HEADER_SIZE);
    return !memchr(bytes + HEADER_SIZE, 0x0A, rest) && !memchr(bytes + HEADER_SIZE, 0x8A, rest);
}

static struct received *decode_bytes(struct decoder *self, PyObject *data) {
    char *bytes;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(data, &bytes, &length) < 0 || !has_sole_header(bytes, length)) return NULL;
    PyObject *others = PyObject_CallFunctionObjArgs(self->from_string, data, NULL);
    struct received *message = others ? (struct received *)new_object(self->received) : NULL;
    if (!message) {
        Py_XDECREF(others);
        return NULL;
    }
    read_header((const unsigned char *)bytes, &message->header);
    message->others = others;
    return message;
}

/* A message of a type without Tensors: protobuf parses all of it, and no slot is held. */
static struct received *decode_whole(struct decoder *self, PyObject *buffer) {
    PyObject *data = PyBytes_FromObject(buffer);
    struct received *message = data ? decode_bytes(self, data) : NULL;
    Py_XDECREF(data);
    return message;
}

/* What only Python can decode, or can tell what is wrong with. */
static PyObject *decode_slowly(struct decoder *self, PyObject *buffer, PyObject *keep) {
    PyObject *message =
        PyObject_CallMethod((PyObject *)self, "_decode_slowly", "OO", buffer, keep ? keep : Py_None);
    if (!message || PyObject_TypeCheck(message, received_type)) return message;
    Py_DECREF(message);
    return PyErr_Format(PyExc_TypeError, "_decode_slowly() gives a received message");
}

static PyObject *decode(struct decoder *self, PyObject *buffer, PyObject *keep) {
    if (!self->received) return PyErr_Format(PyExc_RuntimeError, "the decoder is not initialised");
    struct received *message = self->has_tensors ? decode_alike(self, buffer, keep) : decode_whole(self, buffer);
    if (!message)
        return PyErr_Occurred() && !may_try_again() ? NULL : decode_slowly(self, buffer, keep);
    message->type = Py_NewRef((PyObject *)self);
    return (PyObject *)message;
}

/* decode(buffer, keep=None) */
static PyObject *decoder_decode(PyObject *object, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"buffer", "keep", NULL};
    PyObject *buffer, *keep = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|O", names, &buffer, &keep)) return NULL;
    return decode((struct decoder *)object, buffer, keep);
}

/* _remember(places): of a message, to be tried on the next one; None: of none. */
static PyObject *decoder_remember(PyObject *object, PyObject *places) {
    struct decoder *self = (struct decoder *)object;
    const struct template *last = NULL;
    if (places != Py_None) {
        bool are_places = PyTuple_Check(places) && PyTuple_Size(places) == PLACES_SIZE;
        PyObject *template = are_places ? PyTuple_GetItem(places, PLACES_TEMPLATE) : NULL;
        if (!template || !PyObject_TypeCheck(template, template_type))
            return PyErr_Format(PyExc_TypeError, "places with a template are needed");
        last = (const struct template *)template;
    }
    PyObject *before = self->places;
    self->places = new_ref_if_there(places);
    self->last = last;
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

/* Decoder(received, from_string, has_tensors) */
static int decoder_init(PyObject *object, PyObject *arguments, PyObject *keywords) {
    struct decoder *self = (struct decoder *)object;
    PyObject *received, *from_string;
    int has_tensors;
    if (!PyArg_ParseTuple(arguments, "O!Op", &PyType_Type, &received, &from_string, &has_tensors)) return -1;
    if (self->received || !PyType_IsSubtype((PyTypeObject *)received, received_type)) {
        PyErr_SetString(PyExc_TypeError, "a decoder is made once, for a class of received messages");
        return -1;
    }
    self->received = (PyTypeObject *)Py_NewRef(received);
    self->from_string = Py_NewRef(from_string);
    self->has_tensors = has_tensors != 0;
    return 0;
}

static void decoder_free(PyObject *object) {
    struct decoder *self = (struct decoder *)object;
    Py_XDECREF((PyObject *)self->received);
    Py_XDECREF(self->from_string);
    Py_XDECREF(self->places);
    free_object(object);
}

static PyMethodDef decoder_methods[] = {
    {"decode", (PyCFunction)(void (*)(void))decoder_decode, METH_VARARGS | METH_KEYWORDS, NULL},
    {"_remember", decoder_remember, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef decoder_members[] = {
    {"_received", T_OBJECT, offsetof(struct decoder, received), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot decoder_slots[] = {
    {Py_tp_init, decoder_init},       {Py_tp_dealloc, decoder_free}, {Py_tp_methods, decoder_methods},
    {Py_tp_members, decoder_members}, {0, NULL},
};

static PyType_Spec decoder_spec = {
    "rtmesh.node._wire.Decoder", sizeof(struct decoder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, decoder_slots,
};

#endif
