/* single.h: rtmesh.node._wire.Single, an @on of one input: from the ring into the user's method in one go. */
#ifndef RTMESH_NODE_SINGLE_H
#define RTMESH_NODE_SINGLE_H

#include "decoder.h"
#include "steps.h"

/* The node has its triggers, and this has a method of the node: known to the garbage collector, which need not clear
** it, as the dict of the node can be. */
struct single {
    PyObject_HEAD
    PyObject *callback; /* the user's method */
    PyObject *ring, *try_take, *release;
    PyObject *rings; /* [ring] */
    struct decoder *decoder;
};

static PyTypeObject *single_type;

/* 1: the user's method was called; -1 with an error set. The slot is not released if that raised. */
static int call_with(struct single *self, struct steps *steps, struct received *message) {
    if (begin_step(steps, &message->header) < 0) return -1;
    PyObject *result = PyObject_CallFunctionObjArgs(self->callback, (PyObject *)message, NULL);
    if (done(end_step(steps, result)) < 0) return -1;
    return done(PyObject_CallNoArgs(self->release)) < 0 ? -1 : 1;
}

/* The same with the message in `view`, which is this function's, and not held longer than the message holds it. */
static int call_with_view(struct single *self, struct steps *steps, PyObject *view) {
    PyObject *message = decode(self->decoder, view, NULL);
    Py_DECREF(view);
    if (!message) return -1;
    int result = call_with(self, steps, (struct received *)message);
    Py_DECREF(message);
    return result;
}

/* run(steps, now_ns) -> whether there was a message, with which the user's method was called as one step. */
static PyObject *single_run(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
    struct single *self = (struct single *)object;
    if (nargs != 2 || !PyObject_TypeCheck(args[0], steps_type))
        return PyErr_Format(PyExc_TypeError, "run() needs the steps and the time");
    PyObject *view = PyObject_CallFunctionObjArgs(self->try_take, args[1], NULL);
    if (!is_there(view)) {
        Py_XDECREF(view);
        return view ? PyBool_FromLong(0) : NULL;
    }
    int result = call_with_view(self, (struct steps *)args[0], view);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

static PyObject *single_has_ended(PyObject *object, void *unused) {
    return PyObject_GetAttrString(((struct single *)object)->ring, "ended");
}

/* rings(): on which something new could make a call due. */
static PyObject *single_rings(PyObject *object, PyObject *unused) {
    PyObject *ended = single_has_ended(object, NULL);
    int is_over = ended ? PyObject_IsTrue(ended) : -1;
    Py_XDECREF(ended);
    if (is_over < 0) return NULL;
    return is_over ? PyList_New(0) : Py_NewRef(((struct single *)object)->rings);
}

static int bind(struct single *self) {
    self->try_take = PyObject_GetAttrString(self->ring, "try_take");
    self->release = self->try_take ? PyObject_GetAttrString(self->ring, "release") : NULL;
    self->rings = self->release ? PyList_New(1) : NULL;
    return self->rings ? PyList_SetItem(self->rings, 0, Py_NewRef(self->ring)) : -1;
}

/* Single(callback, ring, decoder) */
static PyObject *single_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *callback, *ring, *decoder;
    if (!PyArg_ParseTuple(arguments, "OOO!", &callback, &ring, decoder_type, &decoder)) return NULL;
    struct single *self = (struct single *)new_object(type);
    if (!self) return NULL;
    self->callback = Py_NewRef(callback);
    self->ring = Py_NewRef(ring);
    self->decoder = (struct decoder *)Py_NewRef(decoder);
    if (bind(self) == 0) return (PyObject *)self;
    Py_DECREF((PyObject *)self);
    return NULL;
}

static int single_traverse(PyObject *object, visitproc visit, void *arg) {
    struct single *self = (struct single *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->callback);
    Py_VISIT(self->ring);
    Py_VISIT(self->try_take);
    Py_VISIT(self->release);
    Py_VISIT(self->rings);
    Py_VISIT((PyObject *)self->decoder);
    return 0;
}

static void single_free(PyObject *object) {
    struct single *self = (struct single *)object;
    PyObject_GC_UnTrack(object);
    Py_XDECREF(self->callback);
    Py_XDECREF(self->ring);
    Py_XDECREF(self->try_take);
    Py_XDECREF(self->release);
    Py_XDECREF(self->rings);
    Py_XDECREF((PyObject *)self->decoder);
    free_object(object);
}

static PyMethodDef single_methods[] = {
    {"run", (PyCFunction)(void (*)(void))single_run, METH_FASTCALL, NULL},
    {"rings", single_rings, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef single_members[] = {
    {"callback", T_OBJECT, offsetof(struct single, callback), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef single_attributes[] = {
    {"has_ended", single_has_ended, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot single_slots[] = {
    {Py_tp_new, single_new},         {Py_tp_dealloc, single_free},    {Py_tp_traverse, single_traverse},
    {Py_tp_methods, single_methods}, {Py_tp_members, single_members}, {Py_tp_getset, single_attributes},
    {0, NULL},
};

static PyType_Spec single_spec = {
    "rtmesh.node._wire.Single", sizeof(struct single), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, single_slots,
};

#endif
