/* python_reader.h: rtmesh.shm._native.Reader, and View: one message, protected as long as it is looked at. */
#ifndef RTMESH_PYTHON_READER_H
#define RTMESH_PYTHON_READER_H

#include "python_mapping.h"

/* The mapping outlives close() while views, waits or a copy need it. */
struct reader {
    PyObject_HEAD
    struct mapping *mapping; /* NULL once let go */
    struct rtm_reader core;
    unsigned char *used; /* hold cells: 1 = a view has it */
    uint32_t views, waits;
    int is_open, is_busy;
};

struct view {
    PyObject_HEAD
    struct reader *reader; /* NULL if the view owns a copy */
    uint32_t cell;
    char is_copy;
    unsigned char *copy;
    struct rtm_message message;
};

static void reader_let_go(struct reader *self) {
    if (self->is_open || self->views || self->waits || self->is_busy || !self->mapping) return;
    rtm_reader_detach(&self->core);
    Py_CLEAR(self->mapping);
}

static void reader_close_core(struct reader *self) {
    self->is_open = 0;
    reader_let_go(self);
}

static void view_dealloc(PyObject *object) {
    struct view *self = (struct view *)object;
    struct reader *reader = self->reader;
    if (reader) {
        rtm_unpin(&reader->core, self->cell);
        reader->used[self->cell] = 0;
        reader->views--;
        reader_let_go(reader);
        Py_DECREF((PyObject *)reader);
    }
    PyMem_Free(self->copy);
    free_object(object);
}

static int view_getbuffer(PyObject *object, Py_buffer *buffer, int flags) {
    struct view *self = (struct view *)object;
    return PyBuffer_FillInfo(buffer, object, (void *)self->message.data, (Py_ssize_t)self->message.length, 1,
                             flags);
}

static Py_ssize_t view_length(PyObject *object) {
    return (Py_ssize_t)((struct view *)object)->message.length;
}

/* view[i]: one byte, without the cost of a memoryview */
static PyObject *view_item(PyObject *object, Py_ssize_t at) {
    const struct rtm_message *message = &((struct view *)object)->message;
    if (at >= 0 && (uint64_t)at < message->length) return PyLong_FromLong(message->data[at]);
    PyErr_SetString(PyExc_IndexError, "the message has no such byte");
    return NULL;
}

static PyMemberDef view_members[] = {
    {"position", T_ULONGLONG, offsetof(struct view, message.position), READONLY, NULL},
    {"publish_time_ns", T_LONGLONG, offsetof(struct view, message.publish_time_ns), READONLY, NULL},
    {"epoch", T_UINT, offsetof(struct view, message.epoch), READONLY, NULL},
    {"source_position", T_ULONGLONG, offsetof(struct view, message.source_position), READONLY, NULL},
    {"is_copy", T_BOOL, offsetof(struct view, is_copy), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot view_slots[] = {
    {Py_tp_dealloc, (void *)view_dealloc},
    {Py_bf_getbuffer, (void *)view_getbuffer},
    {Py_sq_length, (void *)view_length},
    {Py_sq_item, (void *)view_item},
    {Py_tp_members, (void *)view_members},
    {Py_tp_doc, (void *)"One message, a read-only buffer. Its slot is protected until it and all buffers on "
                        "it are gone."},
    {0, NULL},
};

static PyType_Spec view_spec = {
    "rtmesh.shm._native.View", sizeof(struct view), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, view_slots,
};

static int reader_check(struct reader *self) {
    if (!self->is_open) PyErr_SetString(PyExc_ValueError, "the reader is closed");
    else if (self->is_busy) PyErr_SetString(PyExc_RuntimeError, "the reader is used by two threads at once");
    else return 0;
    return -1;
}

/* A free cell for a view, or the last one, under which a copy is made. */
static uint32_t find_cell(const struct reader *self) {
    uint32_t cell = 0;
    while (cell < self->core.hold && self->used[cell]) cell++;
    return cell;
}

static int view_copy(struct view *view, struct reader *reader, uint32_t cell) {
    view->is_copy = 1;
    view->copy = (unsigned char *)PyMem_Malloc(view->message.length ? view->message.length : 1);
    if (view->copy) {
        reader->is_busy = 1;
        copy_bytes(view->copy, view->message.data, view->message.length);
        reader->is_busy = 0;
    }
    view->message.data = view->copy;
    rtm_unpin(&reader->core, cell);
    reader_let_go(reader); /* it may have been closed meanwhile */
    return view->copy ? 0 : -1;
}

static void view_own_pin(struct view *view, struct reader *reader, uint32_t cell) {
    Py_INCREF((PyObject *)reader);
    view->reader = reader;
    view->cell = cell;
    reader->used[cell] = 1;
    reader->views++;
}

/* A view of `message`, which is pinned in `cell`; the pin is the view's, or is given back. */
static PyObject *view_of(struct reader *reader, const struct rtm_message *message, uint32_t cell) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(view_type, Py_tp_alloc);
    struct view *view = (struct view *)allocate(view_type, 0);
    if (!view) {
        rtm_unpin(&reader->core, cell);
        return NULL;
    }
    view->message = *message;
    if (cell < reader->core.hold) {
        view_own_pin(view, reader, cell);
    } else if (view_copy(view, reader, cell) < 0) {
        Py_DECREF((PyObject *)view);
        return PyErr_NoMemory();
    }
    return (PyObject *)view;
}

static PyObject *reader_result(
    struct reader *self, enum rtm_result result, const struct rtm_message *message, uint32_t cell,
    const struct rtm_problem *problem) {
    if (result == RTM_DONE) return view_of(self, message, cell);
    if (result < 0) return raise_problem(result, self->mapping->name, problem);
    Py_RETURN_NONE;
}

static int read_time(PyObject *const *args, Py_ssize_t nargs, int64_t *now_ns) {
    if (nargs <= 1) return as_time_ns(nargs ? args[0] : NULL, now_ns);
    PyErr_Format(PyExc_TypeError, "a take needs at most the time, not %zd arguments", nargs);
    return -1;
}

/* try_take(now_ns=None) */
static PyObject *reader_try_take(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
    struct reader *self = (struct reader *)object;
    struct rtm_message message;
    struct rtm_problem problem;
    int64_t now_ns;
    if (reader_check(self) < 0 || read_time(args, nargs, &now_ns) < 0) return NULL;
    uint32_t cell = find_cell(self);
    enum rtm_result result = rtm_take(&self->core, now_ns, cell, &message, &problem);
    return reader_result(self, result, &message, cell, &problem);
}

/* try_next(now_ns=None): releases what was taken before, then takes. */
static PyObject *reader_try_next(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
    struct reader *self = (struct reader *)object;
    if (reader_check(self) < 0) return NULL;
    rtm_release(&self->core, self->core.taken);
    return reader_try_take(object, args, nargs);
}

static PyObject *reader_view_at(PyObject *object, PyObject *at) {
    struct reader *self = (struct reader *)object;
    struct rtm_message message;
    struct rtm_problem problem;
    uint64_t position;
    if (reader_check(self) < 0 || as_u64(at, &position) < 0) return NULL;
    uint32_t cell = find_cell(self);
    enum rtm_result result = rtm_take_again(&self->core, position, cell, &message, &problem);
    return reader_result(self, result, &message, cell, &problem);
}

/* release(position=None): from any thread, also while another takes. */
static PyObject *reader_release(
    PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    static const char *const names[] = {"position"};
    static const struct signature signature = {"release", names, 1, 0, 1};
    struct reader *self = (struct reader *)object;
    PyObject *value;
    if (sort_arguments(&signature, args, nargs, kwnames, &value) < 0) return NULL;
    uint64_t position = self->core.taken;
    if (value && value != Py_None && as_u64(value, &position) < 0) return NULL;
    if (!self->is_open) {
        PyErr_SetString(PyExc_ValueError, "the reader is closed");
        return NULL;
    }
    rtm_release(&self->core, position);
    Py_RETURN_NONE;
}

static PyObject *reader_available(PyObject *object, PyObject *unused) {
    struct reader *self = (struct reader *)object;
    return reader_check(self) < 0 ? NULL : PyLong_FromUnsignedLongLong(rtm_available(&self->core));
}

static PyObject *reader_leave(PyObject *object, PyObject *unused) {
    struct reader *self = (struct reader *)object;
    if (!self->is_open) Py_RETURN_NONE;
    rtm_leave(&self->core);
    reader_close_core(self);
    Py_RETURN_NONE;
}

static PyObject *reader_close(PyObject *object, PyObject *unused) {
    reader_close_core((struct reader *)object);
    Py_RETURN_NONE;
}

/* resume(position, delivered) */
static PyObject *reader_resume(PyObject *object, PyObject *args) {
    struct reader *self = (struct reader *)object;
    unsigned long long position, delivered;
    struct rtm_problem problem;
    if (reader_check(self) < 0 || !PyArg_ParseTuple(args, "KK", &position, &delivered)) return NULL;
    enum rtm_result result = rtm_resume(&self->core, position, delivered, &problem);
    if (result < 0) return raise_problem(result, self->mapping->name, &problem);
    Py_RETURN_NONE;
}

static PyObject *reader_set_absent(PyObject *object, PyObject *unused) {
    struct reader *self = (struct reader *)object;
    if (reader_check(self) < 0) return NULL;
    rtm_set_absent(&self->core);
    Py_RETURN_NONE;
}

static PyObject *reader_set_attached(PyObject *object, PyObject *unused) {
    struct reader *self = (struct reader *)object;
    if (reader_check(self) < 0) return NULL;
    rtm_become_attached(&self->core);
    Py_RETURN_NONE;
}

static PyObject *reader_ended(PyObject *object, void *unused) {
    struct reader *self = (struct reader *)object;
    return reader_check(self) < 0 ? NULL : PyBool_FromLong(rtm_reader_ended(&self->core));
}

static PyObject *new_reader(PyTypeObject *type, struct mapping *mapping) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct reader *self = (struct reader *)allocate(type, 0);
    if (!self) return NULL;
    Py_INCREF((PyObject *)mapping);
    self->mapping = mapping;
    return (PyObject *)self;
}

static PyObject *reader_attached(
    struct reader *self, enum rtm_result result, const struct rtm_problem *problem) {
    if (result < 0) {
        raise_problem(result, self->mapping->name, problem);
    } else {
        self->is_open = 1;
        self->used = (unsigned char *)PyMem_Calloc(self->core.hold + 1, 1);
        if (self->used) return (PyObject *)self;
        PyErr_NoMemory();
    }
    Py_DECREF((PyObject *)self);
    return NULL;
}

/* Reader(mapping, index, keep_unreleased), or a tap: Reader(mapping, None, queue, name) */
static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    struct mapping *mapping;
    PyObject *index_object;
    uint32_t index = 0, third = 0;
    const char *name = "";
    struct rtm_problem problem;
    if (!PyArg_ParseTuple(args, "O!O|Is", mapping_type, &mapping, &index_object, &third, &name)) return NULL;
    if (index_object != Py_None && as_u32(index_object, &index) < 0) return NULL;
    struct reader *self = (struct reader *)new_reader(type, mapping);
    if (!self) return NULL;
    enum rtm_result result =
        index_object == Py_None ? rtm_tap(&self->core, &mapping->ring, name, third, &problem)
                                : rtm_reader_attach(&self->core, &mapping->ring, index, third != 0, &problem);
    return reader_attached(self, result, &problem);
}

static void reader_dealloc(PyObject *object) {
    struct reader *self = (struct reader *)object;
    if (self->is_open) reader_close_core(self);
    Py_XDECREF((PyObject *)self->mapping);
    PyMem_Free(self->used);
    free_object(object);
}

static PyObject *reader_next(PyObject *object, PyObject *const *args, Py_ssize_t nargs); /* python_wait.h */

static PyMethodDef reader_methods[] = {
    {"next", (PyCFunction)(void (*)(void))reader_next, METH_FASTCALL, NULL},
    {"try_take", (PyCFunction)(void (*)(void))reader_try_take, METH_FASTCALL, NULL},
    {"try_next", (PyCFunction)(void (*)(void))reader_try_next, METH_FASTCALL, NULL},
    {"view_at", reader_view_at, METH_O, NULL},
    {"release", (PyCFunction)(void (*)(void))reader_release, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"available", reader_available, METH_NOARGS, NULL},
    {"leave", reader_leave, METH_NOARGS, NULL},
    {"close", reader_close, METH_NOARGS, NULL},
    {"resume", reader_resume, METH_VARARGS, NULL},
    {"set_absent", reader_set_absent, METH_NOARGS, NULL},
    {"set_attached", reader_set_attached, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef reader_members[] = {
    {"taken", T_ULONGLONG, offsetof(struct reader, core.taken), READONLY, NULL},
    {"released", T_ULONGLONG, offsetof(struct reader, core.released), READONLY, NULL},
    {"start", T_ULONGLONG, offsetof(struct reader, core.journal.start), READONLY, NULL},
    {"index", T_UINT, offsetof(struct reader, core.index), READONLY, NULL},
    {"mapping", T_OBJECT, offsetof(struct reader, mapping), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef reader_getset[] = {
    {"ended", reader_ended, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_new, (void *)reader_new},         {Py_tp_dealloc, (void *)reader_dealloc},
    {Py_tp_methods, (void *)reader_methods}, {Py_tp_members, (void *)reader_members},
    {Py_tp_getset, (void *)reader_getset},   {0, NULL},
};

static PyType_Spec reader_spec = {
    "rtmesh.shm._native.Reader", sizeof(struct reader), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, reader_slots,
};

#endif
