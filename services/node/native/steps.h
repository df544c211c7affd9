/* steps.h: rtmesh.node._wire.StepWords and Steps: what is done before and after each call of user code. */
#ifndef RTMESH_NODE_STEPS_H
#define RTMESH_NODE_STEPS_H

#include "trail.h"

#include <time.h>

/* The words of a ring by which others see that a step runs, since when, and how many there were. Its writer knows
** nothing of it, so that it is part of no cycle. */
struct step_words {
    PyObject_HEAD
    PyObject *writer, *set_word; /* of the ring; the name of its method */
    PyObject *started_word, *steps_word, *none;
    char is_stepping;
};

/* Counts steps, and runs them. Methods of the host may lead back here: known to the garbage collector, which need
** not clear it, as the dict of the host can be. */
struct steps {
    PyObject_HEAD
    struct trail *trail;
    PyObject *begins, *ends; /* the host's step_begins and step_ends */
    unsigned long long count;
};

static PyTypeObject *step_words_type, *steps_type;

static int set_word(struct step_words *self, PyObject *word, PyObject *value) {
    return done(PyObject_CallMethodObjArgs(self->writer, self->set_word, word, value, NULL));
}

/* As time.monotonic_ns(). */
static PyObject *monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return PyLong_FromLongLong((long long)now.tv_sec * 1000000000 + now.tv_nsec);
}

/* show(): a step runs from now on; to be called again when it goes on after it waited. */
static PyObject *step_words_show(PyObject *object, PyObject *unused) {
    struct step_words *self = (struct step_words *)object;
    PyObject *now_ns = monotonic_ns();
    int result = now_ns ? set_word(self, self->started_word, now_ns) : -1;
    Py_XDECREF(now_ns);
    return result < 0 ? NULL : Py_NewRef(Py_None);
}

/* hide(): no step runs, or it waits. */
static PyObject *step_words_hide(PyObject *object, PyObject *unused) {
    struct step_words *self = (struct step_words *)object;
    return set_word(self, self->started_word, self->none) < 0 ? NULL : Py_NewRef(Py_None);
}

/* begins() */
static PyObject *step_words_begins(PyObject *object, PyObject *unused) {
    ((struct step_words *)object)->is_stepping = 1;
    return step_words_show(object, NULL);
}

/* ends(steps): so many of them so far. */
static PyObject *step_words_ends(PyObject *object, PyObject *steps) {
    struct step_words *self = (struct step_words *)object;
    self->is_stepping = 0;
    return set_word(self, self->steps_word, steps) < 0 ? NULL : step_words_hide(object, NULL);
}

/* StepWords(writer, started_word, steps_word) */
static PyObject *step_words_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *writer, *started, *steps;
    if (!PyArg_ParseTuple(arguments, "OO!O!", &writer, &PyLong_Type, &started, &PyLong_Type, &steps)) return NULL;
    struct step_words *self = (struct step_words *)new_object(type);
    if (!self) return NULL;
    self->writer = Py_NewRef(writer);
    self->started_word = Py_NewRef(started);
    self->steps_word = Py_NewRef(steps);
    self->set_word = PyUnicode_InternFromString("set_word");
    self->none = PyLong_FromLong(0);
    if (self->set_word && self->none) return (PyObject *)self;
    Py_DECREF((PyObject *)self);
    return NULL;
}

static void step_words_free(PyObject *object) {
    struct step_words *self = (struct step_words *)object;
    Py_XDECREF(self->writer);
    Py_XDECREF(self->set_word);
    Py_XDECREF(self->started_word);
    Py_XDECREF(self->steps_word);
    Py_XDECREF(self->none);
    free_object(object);
}

/* A step begins, triggered by the message with `header` (NULL: by none): 0, or -1 with an error set. */
static int begin_step(struct steps *self, const struct header *header) {
    trail_begin(self->trail, header);
    return done(PyObject_CallNoArgs(self->begins));
}

static int tell_end(struct steps *self) {
    PyObject *count = PyLong_FromUnsignedLongLong(self->count);
    int result = count ? done(PyObject_CallFunctionObjArgs(self->ends, count, NULL)) : -1;
    Py_XDECREF(count);
    return result;
}

/* The error that is set came while `type`, `value`, `traceback` was on its way. */
static void set_context(PyObject *type, PyObject *value, PyObject *traceback) {
    PyObject *newer_type, *newer, *newer_traceback;
    PyErr_Fetch(&newer_type, &newer, &newer_traceback);
    PyErr_NormalizeException(&newer_type, &newer, &newer_traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) PyException_SetTraceback(value, traceback);
    if (newer == value) Py_DECREF(value);
    else PyException_SetContext(newer, value); /* takes the reference */
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    PyErr_Restore(newer_type, newer, newer_traceback);
}

/* The step is over, with what the user's code returned; NULL: it raised. What is returned then. */
static PyObject *end_step(struct steps *self, PyObject *result) {
    PyObject *type, *value, *traceback;
    self->count++;
    PyErr_Fetch(&type, &value, &traceback);
    if (tell_end(self) == 0) {
        PyErr_Restore(type, value, traceback);
        return result;
    }
    if (type) set_context(type, value, traceback);
    Py_XDECREF(result);
    return NULL;
}

/* call(header, function, *arguments): user code as one step, triggered by the message with that header, or by none. */
static PyObject *steps_call(PyObject *object, PyObject *arguments) {
    struct steps *self = (struct steps *)object;
    struct header header;
    PyObject *values = PyTuple_GetItem(arguments, 0), *function = values ? PyTuple_GetItem(arguments, 1) : NULL;
    if (!function || (values != Py_None && header_from(values, &header) < 0)) return NULL;
    PyObject *rest = PyTuple_GetSlice(arguments, 2, PyTuple_Size(arguments)), *result = NULL;
    if (rest && begin_step(self, values == Py_None ? NULL : &header) == 0)
        result = end_step(self, PyObject_Call(function, rest, NULL));
    Py_XDECREF(rest);
    return result;
}

/* Steps(trail, step_begins, step_ends) */
static PyObject *steps_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *trail, *begins, *ends;
    if (!PyArg_ParseTuple(arguments, "O!OO", trail_type, &trail, &begins, &ends)) return NULL;
    struct steps *self = (struct steps *)new_object(type);
    if (!self) return NULL;
    self->trail = (struct trail *)Py_NewRef(trail);
    self->begins = Py_NewRef(begins);
    self->ends = Py_NewRef(ends);
    return (PyObject *)self;
}

static int steps_traverse(PyObject *object, visitproc visit, void *arg) {
    struct steps *self = (struct steps *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT((PyObject *)self->trail);
    Py_VISIT(self->begins);
    Py_VISIT(self->ends);
    return 0;
}

static void steps_free(PyObject *object) {
    struct steps *self = (struct steps *)object;
    PyObject_GC_UnTrack(object);
    Py_XDECREF((PyObject *)self->trail);
    Py_XDECREF(self->begins);
    Py_XDECREF(self->ends);
    free_object(object);
}

static PyMethodDef step_words_methods[] = {
    {"begins", step_words_begins, METH_NOARGS, NULL}, {"ends", step_words_ends, METH_O, NULL},
    {"show", step_words_show, METH_NOARGS, NULL},     {"hide", step_words_hide, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef step_words_members[] = {
    {"is_stepping", T_BOOL, offsetof(struct step_words, is_stepping), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot step_words_slots[] = {
    {Py_tp_new, step_words_new},         {Py_tp_dealloc, step_words_free}, {Py_tp_methods, step_words_methods},
    {Py_tp_members, step_words_members}, {0, NULL},
};

static PyType_Spec step_words_spec = {
    "rtmesh.node._wire.StepWords", sizeof(struct step_words), 0, Py_TPFLAGS_DEFAULT, step_words_slots,
};

static PyMethodDef steps_methods[] = {
    {"call", steps_call, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef steps_members[] = {
    {"count", T_ULONGLONG, offsetof(struct steps, count), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot steps_slots[] = {
    {Py_tp_new, steps_new},         {Py_tp_dealloc, steps_free},    {Py_tp_traverse, steps_traverse},
    {Py_tp_methods, steps_methods}, {Py_tp_members, steps_members}, {0, NULL},
};

static PyType_Spec steps_spec = {
    "rtmesh.node._wire.Steps", sizeof(struct steps), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, steps_slots,
};

#endif
