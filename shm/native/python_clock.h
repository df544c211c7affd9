/* python_clock.h: rtmesh.shm._native.CourseClock: the time by a course, of which rtmesh.common.clock tells. */
#ifndef RTMESH_PYTHON_CLOCK_H
#define RTMESH_PYTHON_CLOCK_H

#include "python_common.h"

#define COURSE_RATE_BITS 40

/* From start_ns on the offset grows by `slew`, from knee_ns on by `rate`, in 2**-40 ns a ns. */
struct course {
    long long start_ns, offset_ns, slew, knee_ns, settled_ns, rate;
};

/* What it reckons from may be a method of whoever has it: known to the garbage collector, which need not clear it, as
** the dict of that can be; not the page: Python cannot free a memoryview of which the collector took what is viewed
** while its buffer was still held. */
struct course_clock {
    PyObject_HEAD
    Py_buffer page;
    Py_ssize_t at;    /* of the sequence, in the page */
    PyObject *source; /* of CLOCK_MONOTONIC in a test; NULL: itself */
    struct course course;
    long long sequence; /* of that course */
    long long last_ns;  /* what was returned last */
};

static PyTypeObject *course_clock_type;

static int64_t course_growth(int64_t span_ns, int64_t rate) {
    return (int64_t)((__int128)span_ns * rate >> COURSE_RATE_BITS);
}

static int64_t course_time(const struct course *course, int64_t now_ns) {
    if (now_ns < course->knee_ns)
        return now_ns + course->offset_ns + course_growth(now_ns - course->start_ns, course->slew);
    return now_ns + course->settled_ns + course_growth(now_ns - course->knee_ns, course->rate);
}

/* As the memory mapping has it by now: others write there. */
static int64_t newest_sequence(const struct course_clock *self) {
    return __atomic_load_n((const int64_t *)((const char *)self->page.buf + self->at), __ATOMIC_ACQUIRE);
}

static int read_source(struct course_clock *self, int64_t *now_ns) {
    if (!self->source) {
        *now_ns = rtm_monotonic_ns();
        return 0;
    }
    PyObject *value = PyObject_CallNoArgs(self->source);
    int result = value ? as_i64(value, now_ns) : -1;
    Py_XDECREF(value);
    return result;
}

static int course_clock_check(struct course_clock *self) {
    if (self->page.buf) return 0;
    PyErr_SetString(PyExc_ValueError, "the clock page is closed");
    return -1;
}

/* The time first, then the sequence: a course is used only for moments at which no later one was published. */
static int read_on_course(struct course_clock *self, int64_t *now_ns) {
    for (;;) {
        if (course_clock_check(self) < 0 || read_source(self, now_ns) < 0) return -1;
        if (course_clock_check(self) < 0) return -1;
        if (newest_sequence(self) == self->sequence) return 0;
        PyObject *looked = PyObject_CallMethod((PyObject *)self, "_look", NULL);
        if (!looked) return -1;
        Py_DECREF(looked);
    }
}

static PyObject *course_clock_now_ns(PyObject *object, PyObject *unused) {
    struct course_clock *self = (struct course_clock *)object;
    int64_t now_ns;
    if (read_on_course(self, &now_ns) < 0) return NULL;
    int64_t time_ns = course_time(&self->course, now_ns);
    if (time_ns > self->last_ns) self->last_ns = time_ns;
    return PyLong_FromLongLong(self->last_ns);
}

/* _follow(sequence, begins_anew, start_ns, offset_ns, slew, knee_ns, settled_ns, rate) */
static PyObject *course_clock_follow(PyObject *object, PyObject *args) {
    struct course_clock *self = (struct course_clock *)object;
    struct course course;
    long long sequence;
    int begins_anew;
    if (!PyArg_ParseTuple(args, "LpLLLLLL", &sequence, &begins_anew, &course.start_ns, &course.offset_ns,
                          &course.slew, &course.knee_ns, &course.settled_ns, &course.rate))
        return NULL;
    self->course = course;
    self->sequence = sequence;
    if (begins_anew) self->last_ns = 0;
    Py_RETURN_NONE;
}

/* _let_go(): of the page. */
static PyObject *course_clock_let_go(PyObject *object, PyObject *unused) {
    struct course_clock *self = (struct course_clock *)object;
    if (self->page.buf) PyBuffer_Release(&self->page);
    self->page.buf = NULL;
    Py_RETURN_NONE;
}

static int course_clock_open(struct course_clock *self, PyObject *page) {
    if (PyObject_GetBuffer(page, &self->page, PyBUF_SIMPLE) < 0) return -1;
    int lies_within = self->at >= 0 && self->at % 8 == 0 && self->at <= self->page.len - 8;
    if (lies_within) return 0;
    PyErr_SetString(PyExc_ValueError, "the sequence lies outside of the page");
    return -1;
}

/* CourseClock(page, at, source=None) */
static int course_clock_init(PyObject *object, PyObject *args, PyObject *keywords) {
    struct course_clock *self = (struct course_clock *)object;
    PyObject *page, *source = Py_None;
    if (self->page.buf) {
        PyErr_SetString(PyExc_TypeError, "the clock has its page");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "On|O", &page, &self->at, &source) || course_clock_open(self, page) < 0) return -1;
    self->source = source == Py_None ? NULL : Py_NewRef(source);
    return 0;
}

static int course_clock_traverse(PyObject *object, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((struct course_clock *)object)->source);
    return 0;
}

static void course_clock_dealloc(PyObject *object) {
    struct course_clock *self = (struct course_clock *)object;
    PyObject_GC_UnTrack(object);
    if (self->page.buf) PyBuffer_Release(&self->page);
    Py_XDECREF(self->source);
    free_object(object);
}

static PyMethodDef course_clock_methods[] = {
    {"now_ns", course_clock_now_ns, METH_NOARGS, "Mesh time, nanoseconds."},
    {"_follow", course_clock_follow, METH_VARARGS, NULL},
    {"_let_go", course_clock_let_go, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef course_clock_members[] = {
    {"_sequence", T_LONGLONG, offsetof(struct course_clock, sequence), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot course_clock_slots[] = {
    {Py_tp_init, (void *)course_clock_init},         {Py_tp_dealloc, (void *)course_clock_dealloc},
    {Py_tp_traverse, (void *)course_clock_traverse}, {Py_tp_methods, (void *)course_clock_methods},
    {Py_tp_members, (void *)course_clock_members},   {0, NULL},
};

static PyType_Spec course_clock_spec = {
    "rtmesh.shm._native.CourseClock", sizeof(struct course_clock), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, course_clock_slots,
};

#endif
