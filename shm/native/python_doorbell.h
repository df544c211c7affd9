/* python_doorbell.h: rtmesh.shm._native.Doorbell, by which threads of one process end each other's wait. */
#ifndef RTMESH_PYTHON_DOORBELL_H
#define RTMESH_PYTHON_DOORBELL_H

#include "python_common.h"

struct doorbell {
    PyObject_HEAD
    struct rtm_doorbell core;
    uint32_t heard;
};

static PyObject *doorbell_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return PyArg_ParseTuple(args, "") ? allocate(type, 0) : NULL;
}

static PyObject *doorbell_ring(PyObject *object, PyObject *unused) {
    rtm_ring_doorbell(&((struct doorbell *)object)->core);
    Py_RETURN_NONE;
}

/* What was rung before is heard: a wait ends for what comes after it. */
static PyObject *doorbell_hear(PyObject *object, PyObject *unused) {
    struct doorbell *self = (struct doorbell *)object;
    self->heard = __atomic_load_n(&self->core.word, __ATOMIC_SEQ_CST);
    Py_RETURN_NONE;
}

static PyMethodDef doorbell_methods[] = {
    {"ring", doorbell_ring, METH_NOARGS, NULL},
    {"hear", doorbell_hear, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot doorbell_slots[] = {
    {Py_tp_new, (void *)doorbell_new},
    {Py_tp_dealloc, (void *)free_object},
    {Py_tp_methods, (void *)doorbell_methods},
    {Py_tp_doc, (void *)"Any thread rings it; the one thread that waits on it hears it, once."},
    {0, NULL},
};

static PyType_Spec doorbell_spec = {
    "rtmesh.shm._native.Doorbell", sizeof(struct doorbell), 0, Py_TPFLAGS_DEFAULT, doorbell_slots,
};

#endif
