/* python_writer.h: rtmesh.shm._native.Writer; it exports its claim as a buffer, try_claim is a view of it. */
#ifndef RTMESH_PYTHON_WRITER_H
#define RTMESH_PYTHON_WRITER_H

#include "python_mapping.h"
#include "python_parts.h"

struct writer {
    PyObject_HEAD
    struct mapping *mapping; /* NULL once let go: not before the last buffer and wait */
    struct rtm_writer core;
    uint32_t waits;
    Py_ssize_t exports;
    int is_open, is_busy;
    int is_publishing; /* records, without the GIL */
};

static void writer_let_go(struct writer *self) {
    if (!self->is_open && !self->waits && !self->exports) Py_CLEAR(self->mapping);
}

static void writer_close_core(struct writer *self) {
    if (self->is_open) rtm_writer_detach(&self->core);
    self->is_open = 0;
    writer_let_go(self);
}

static int writer_check(const struct writer *self) {
    if (!self->is_open) PyErr_SetString(PyExc_ValueError, "the writer is closed");
    else if (self->is_busy) PyErr_SetString(PyExc_RuntimeError, "the writer is used by two threads at once");
    else return 0;
    return -1;
}

/* -1 error, 0 full, 1 claimed */
static int writer_claim(struct writer *self, uint64_t length, uint64_t align_at) {
    struct rtm_problem problem;
    enum rtm_result result = rtm_claim(&self->core, length, align_at, &problem);
    if (result >= 0) return result == RTM_DONE;
    raise_problem(result, self->mapping->name, &problem);
    return -1;
}

static PyObject *writer_try_claim(
    PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    static const char *const names[] = {"length", "align_at"};
    static const struct signature signature = {"try_claim", names, 2, 1, 2};
    struct writer *self = (struct writer *)object;
    PyObject *values[2];
    uint64_t length, align_at = 0;
    if (writer_check(self) < 0 || sort_arguments(&signature, args, nargs, kwnames, values) < 0) return NULL;
    if (as_u64(values[0], &length) < 0 || (values[1] && as_u64(values[1], &align_at) < 0)) return NULL;
    int claimed = writer_claim(self, length, align_at);
    if (claimed < 0) return NULL;
    if (claimed) return PyMemoryView_FromObject(object);
    Py_RETURN_NONE;
}

static int writer_getbuffer(PyObject *object, Py_buffer *buffer, int flags) {
    struct writer *self = (struct writer *)object;
    if (!self->is_open || self->core.claimed == RTM_NO_SLOT) {
        PyErr_SetString(PyExc_BufferError, "the writer has no claim: call try_claim first");
        return -1;
    }
    Py_ssize_t length = (Py_ssize_t)self->core.length;
    if (PyBuffer_FillInfo(buffer, object, rtm_claimed(&self->core), length, 0, flags) < 0) return -1;
    self->exports++;
    return 0;
}

static void writer_releasebuffer(PyObject *object, Py_buffer *buffer) {
    struct writer *self = (struct writer *)object;
    self->exports--;
    writer_let_go(self);
}

/* publish_time_ns (None or missing: now, CLOCK_MONOTONIC) and what may follow it, from values[0..3] */
static int read_stamp(PyObject *const *values, struct rtm_stamp *stamp) {
    memset(stamp, 0, sizeof *stamp);
    if (as_time_ns(values[0], &stamp->publish_time_ns) < 0) return -1;
    if (values[1] && as_u64(values[1], &stamp->source_position) < 0) return -1;
    if (values[2] && as_u64(values[2], &stamp->origin) < 0) return -1;
    if (values[3] && as_i64(values[3], &stamp->origin_time_ns) < 0) return -1;
    return 0;
}

static PyObject *writer_commit(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    static const char *const names[] = {"publish_time_ns", "source_position", "origin", "origin_time_ns"};
    static const struct signature signature = {"commit", names, 4, 0, 1};
    struct writer *self = (struct writer *)object;
    PyObject *values[4];
    struct rtm_stamp stamp;
    if (writer_check(self) < 0 || sort_arguments(&signature, args, nargs, kwnames, values) < 0) return NULL;
    if (read_stamp(values, &stamp) < 0) return NULL;
    if (self->core.claimed == RTM_NO_SLOT) {
        PyErr_SetString(PyExc_RuntimeError, "there is no claim to commit: call try_claim first");
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(rtm_commit(&self->core, &stamp));
}

/* -1 error, 0 full, 1 published */
static int writer_publish(struct writer *self, const Py_buffer *data, const struct rtm_stamp *stamp) {
    int claimed = writer_claim(self, (uint64_t)data->len, 0);
    if (claimed <= 0) return claimed;
    self->is_busy = 1;
    copy_bytes(rtm_claimed(&self->core), data->buf, (size_t)data->len);
    self->is_busy = 0;
    rtm_commit(&self->core, stamp);
    return 1;
}

static PyObject *writer_try_publish(
    PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    static const char *const names[] = {"data", "publish_time_ns", "source_position", "origin",
                                        "origin_time_ns"};
    static const struct signature signature = {"try_publish", names, 5, 1, 2};
    struct writer *self = (struct writer *)object;
    PyObject *values[5];
    struct rtm_stamp stamp;
    Py_buffer data;
    if (writer_check(self) < 0 || sort_arguments(&signature, args, nargs, kwnames, values) < 0) return NULL;
    if (read_stamp(values + 1, &stamp) < 0 || PyObject_GetBuffer(values[0], &data, PyBUF_SIMPLE) < 0)
        return NULL;
    int published = writer_publish(self, &data, &stamp);
    PyBuffer_Release(&data);
    return published < 0 ? NULL : PyBool_FromLong(published);
}

/* -1 error, 0 full, 1 published */
static int writer_publish_parts(
    struct writer *self, const struct parts *parts, uint64_t align_at, const struct rtm_stamp *stamp) {
    int claimed = writer_claim(self, parts->length, align_at);
    if (claimed <= 0) return claimed;
    self->is_busy = 1;
    parts_copy(parts, rtm_claimed(&self->core));
    self->is_busy = 0;
    rtm_commit(&self->core, stamp);
    return 1;
}

/* try_publish_parts(parts, publish_time_ns, align_at, origin, origin_time_ns): all in order, for the hot path */
static PyObject *writer_try_publish_parts(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
    struct writer *self = (struct writer *)object;
    struct rtm_stamp stamp;
    struct parts parts;
    uint64_t align_at;
    if (nargs != 5) {
        PyErr_Format(PyExc_TypeError, "try_publish_parts() takes 5 arguments, not %zd", nargs);
        return NULL;
    }
    PyObject *const stamped[4] = {args[1], NULL, args[3], args[4]};
    if (writer_check(self) < 0 || read_stamp(stamped, &stamp) < 0 || as_u64(args[2], &align_at) < 0 ||
        parts_get(&parts, args[0]) < 0)
        return NULL;
    int published = writer_publish_parts(self, &parts, align_at, &stamp);
    parts_release(&parts);
    return published < 0 ? NULL : PyBool_FromLong(published);
}

static PyObject *writer_abort(PyObject *object, PyObject *unused) {
    struct writer *self = (struct writer *)object;
    if (writer_check(self) < 0) return NULL;
    rtm_abort(&self->core);
    Py_RETURN_NONE;
}

static PyObject *writer_skip_to(PyObject *object, PyObject *value) {
    struct writer *self = (struct writer *)object;
    uint64_t source_position;
    if (writer_check(self) < 0 || as_u64(value, &source_position) < 0) return NULL;
    rtm_skip_to(&self->core, source_position);
    Py_RETURN_NONE;
}

static PyObject *writer_end(PyObject *object, PyObject *unused) {
    struct writer *self = (struct writer *)object;
    if (writer_check(self) < 0) return NULL;
    rtm_end(&self->core);
    Py_RETURN_NONE;
}

static PyObject *writer_close(PyObject *object, PyObject *unused) {
    struct writer *self = (struct writer *)object;
    if (self->is_open && writer_check(self) < 0) return NULL;
    writer_close_core(self);
    Py_RETURN_NONE;
}

static PyObject *writer_holding(PyObject *object, PyObject *unused) {
    struct writer *self = (struct writer *)object;
    if (writer_check(self) < 0) return NULL;
    struct rtm_survey survey = rtm_survey(self->core.ring, self->core.head, 1);
    if (survey.holder >= 0) return PyLong_FromLong(survey.holder);
    Py_RETURN_NONE;
}

/* The user word `args[0]` and the number `args[1]`. NULL with an error set. */
static uint64_t *writer_word(
    struct writer *self, PyObject *const *args, Py_ssize_t nargs, uint64_t *value) {
    uint32_t index;
    if (nargs != 2) PyErr_Format(PyExc_TypeError, "a word is set by 2 arguments, not %zd", nargs);
    if (nargs != 2 || writer_check(self) < 0 || as_u32(args[0], &index) < 0 || as_u64(args[1], value) < 0)
        return NULL;
    if (index < RTM_WORDS) return &rtm_header(self->core.ring)->words[index];
    PyErr_Format(PyExc_IndexError, "there is no word %u: a ring has %u", index, RTM_WORDS);
    return NULL;
}

static PyObject *writer_set_word(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
    uint64_t value, *word = writer_word((struct writer *)object, args, nargs, &value);
    if (!word) return NULL;
    RTM_STORE(word, value);
    Py_RETURN_NONE;
}

static PyObject *writer_add_word(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
    uint64_t value, *word = writer_word((struct writer *)object, args, nargs, &value);
    if (!word) return NULL;
    RTM_STORE(word, RTM_LOAD(word) + value);
    Py_RETURN_NONE;
}

/* Writer(mapping, epoch); epoch 0: the next */
static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    struct mapping *mapping;
    uint32_t epoch;
    struct rtm_problem problem;
    if (!PyArg_ParseTuple(args, "O!I", mapping_type, &mapping, &epoch)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct writer *self = (struct writer *)allocate(type, 0);
    if (!self) return NULL;
    Py_INCREF((PyObject *)mapping);
    self->mapping = mapping;
    enum rtm_result result = rtm_writer_attach(&self->core, &mapping->ring, epoch, &problem);
    if (result > 0) {
        self->is_open = 1;
        return (PyObject *)self;
    }
    raise_problem(result, mapping->name, &problem);
    Py_DECREF((PyObject *)self);
    return NULL;
}

static void writer_dealloc(PyObject *object) {
    struct writer *self = (struct writer *)object;
    writer_close_core(self);
    Py_XDECREF((PyObject *)self->mapping);
    free_object(object);
}

static PyObject *writer_sequence(PyObject *object, void *unused) {
    const struct rtm_writer *core = &((struct writer *)object)->core;
    return PyLong_FromUnsignedLongLong(core->head - core->journal.epoch_start + 1);
}

static PyObject *writer_slot_bytes(PyObject *object, void *unused) {
    struct writer *self = (struct writer *)object;
    return writer_check(self) < 0 ? NULL : PyLong_FromUnsignedLongLong(self->core.ring->layout.slot_bytes);
}

static PyObject *writer_ended(PyObject *object, void *unused) {
    return PyBool_FromLong(((struct writer *)object)->core.ended);
}

static PyObject *writer_released(PyObject *object, void *unused) {
    struct writer *self = (struct writer *)object;
    int64_t ignored = RTM_FOREVER;
    if (writer_check(self) < 0) return NULL;
    return PyLong_FromUnsignedLongLong(rtm_released_by_all(&self->core, &ignored));
}

static PyMethodDef writer_methods[] = {
    {"try_claim", (PyCFunction)(void (*)(void))writer_try_claim, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"commit", (PyCFunction)(void (*)(void))writer_commit, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"try_publish", (PyCFunction)(void (*)(void))writer_try_publish, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"try_publish_parts", (PyCFunction)(void (*)(void))writer_try_publish_parts, METH_FASTCALL, NULL},
    {"abort", writer_abort, METH_NOARGS, NULL},
    {"skip_to", writer_skip_to, METH_O, NULL},
    {"end", writer_end, METH_NOARGS, NULL},
    {"close", writer_close, METH_NOARGS, NULL},
    {"holding", writer_holding, METH_NOARGS, NULL},
    {"set_word", (PyCFunction)(void (*)(void))writer_set_word, METH_FASTCALL, NULL},
    {"add_word", (PyCFunction)(void (*)(void))writer_add_word, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef writer_members[] = {
    {"head", T_ULONGLONG, offsetof(struct writer, core.head), READONLY, NULL},
    {"epoch", T_UINT, offsetof(struct writer, core.journal.epoch), READONLY, NULL},
    {"source_position", T_ULONGLONG, offsetof(struct writer, core.journal.source_position), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef writer_getset[] = {
    {"sequence", writer_sequence, NULL, NULL, NULL},
    {"slot_bytes", writer_slot_bytes, NULL, NULL, NULL},
    {"ended", writer_ended, NULL, NULL, NULL},
    {"released", writer_released, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_new, (void *)writer_new},
    {Py_tp_dealloc, (void *)writer_dealloc},
    {Py_bf_getbuffer, (void *)writer_getbuffer},
    {Py_bf_releasebuffer, (void *)writer_releasebuffer},
    {Py_tp_methods, (void *)writer_methods},
    {Py_tp_members, (void *)writer_members},
    {Py_tp_getset, (void *)writer_getset},
    {0, NULL},
};

static PyType_Spec writer_spec = {
    "rtmesh.shm._native.Writer", sizeof(struct writer), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, writer_slots,
};

#endif
