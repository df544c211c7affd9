/* python_wait.h: rtmesh.shm._native.wait */
#ifndef RTMESH_PYTHON_WAIT_H
#define RTMESH_PYTHON_WAIT_H

#include "python_doorbell.h"
#include "python_reader.h"
#include "python_writer.h"

#define FEW_ITEMS 16
#define BRIEF_SPIN_NS 1000

/* What a wait is about; readers and writers stay mapped until it is over, even if another thread closes them. */
struct wait_set {
    uint32_t count;
    struct rtm_wait_item few[FEW_ITEMS], *items;
    struct rtm_bell few_bells[FEW_ITEMS], *bells;
    PyObject *few_objects[FEW_ITEMS], **objects;
};

static int wait_add_reader(struct rtm_wait_item *item, PyObject *object) {
    struct reader *reader = (struct reader *)object;
    if (reader_check(reader) < 0) return -1;
    item->reader = &reader->core;
    reader->waits++;
    return 0;
}

static int wait_add_writer(struct rtm_wait_item *item, PyObject *object) {
    struct writer *writer = (struct writer *)object;
    if (writer_check(writer) < 0) return -1;
    item->writer = &writer->core;
    writer->waits++;
    return 0;
}

static int wait_add(struct wait_set *set, PyObject *object, uint64_t released) {
    struct rtm_wait_item *item = &set->items[set->count];
    int added = -1;
    memset(item, 0, sizeof *item);
    item->released = released;
    if (PyObject_TypeCheck(object, reader_type)) {
        added = wait_add_reader(item, object);
    } else if (PyObject_TypeCheck(object, writer_type)) {
        added = wait_add_writer(item, object);
    } else if (PyObject_TypeCheck(object, doorbell_type)) {
        item->doorbell = &((struct doorbell *)object)->core;
        item->heard = ((struct doorbell *)object)->heard;
        added = 0;
    } else {
        PyErr_SetString(PyExc_TypeError, "wait() takes readers and writers, and a doorbell");
    }
    if (added < 0) return -1;
    Py_INCREF(object);
    set->objects[set->count++] = object;
    return 0;
}

static int wait_add_all(struct wait_set *set, PyObject *tuple) {
    Py_ssize_t count = PyTuple_Size(tuple);
    for (Py_ssize_t i = 0; i < count; i++)
        if (wait_add(set, PyTuple_GetItem(tuple, i), 0) < 0) return -1;
    return 0;
}

/* (writer, position) pairs */
static int wait_add_released(struct wait_set *set, PyObject *tuple) {
    Py_ssize_t count = PyTuple_Size(tuple);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *writer;
        unsigned long long position;
        if (!PyArg_ParseTuple(PyTuple_GetItem(tuple, i), "O!K", writer_type, &writer, &position)) return -1;
        if (wait_add(set, writer, position) < 0) return -1;
    }
    return 0;
}

static void wait_forget(PyObject *object) {
    if (PyObject_TypeCheck(object, reader_type)) {
        ((struct reader *)object)->waits--;
        reader_let_go((struct reader *)object);
    } else if (PyObject_TypeCheck(object, writer_type)) {
        ((struct writer *)object)->waits--;
        writer_let_go((struct writer *)object);
    }
    Py_DECREF(object);
}

static void wait_clear(struct wait_set *set) {
    for (uint32_t i = 0; i < set->count; i++) wait_forget(set->objects[i]);
    if (set->items == set->few) return;
    PyMem_Free(set->items);
    PyMem_Free(set->bells);
    PyMem_Free((void *)set->objects);
}

static int wait_make_room(struct wait_set *set, size_t count) {
    set->count = 0;
    set->items = set->few;
    set->bells = set->few_bells;
    set->objects = set->few_objects;
    if (count <= FEW_ITEMS) return 0;
    set->items = (struct rtm_wait_item *)PyMem_Malloc(count * sizeof *set->items);
    set->bells = (struct rtm_bell *)PyMem_Malloc(count * sizeof *set->bells);
    set->objects = (PyObject **)PyMem_Malloc(count * sizeof *set->objects);
    if (set->items && set->bells && set->objects) return 0;
    PyErr_NoMemory();
    return -1;
}

/* The arguments of wait() that name what to wait for; absent ones are NULL. */
struct wait_arguments {
    PyObject *readers, *writers, *released; /* tuples, owned */
    PyObject *doorbell;                     /* borrowed */
};

static int wait_fill(struct wait_set *set, const struct wait_arguments *arguments) {
    Py_ssize_t count = PyTuple_Size(arguments->readers) + PyTuple_Size(arguments->writers) +
                       PyTuple_Size(arguments->released) + 1;
    if (wait_make_room(set, (size_t)count) < 0) return -1;
    if (wait_add_all(set, arguments->readers) < 0 || wait_add_all(set, arguments->writers) < 0) return -1;
    if (wait_add_released(set, arguments->released) < 0) return -1;
    if (!arguments->doorbell || arguments->doorbell == Py_None) return 0;
    return wait_add(set, arguments->doorbell, 0);
}

static PyObject *tuple_of(PyObject *values) { return values ? PySequence_Tuple(values) : PyTuple_New(0); }

/* A spin that is over before giving the GIL away and getting it back would be. */
static int wait_briefly(const struct wait_set *set, int64_t deadline_ns, int64_t spin_ns) {
    if (spin_ns < BRIEF_SPIN_NS || !set->count || !rtm_expects_soon(rtm_patience_for(set->items))) return 0;
    int64_t now = rtm_monotonic_ns();
    int64_t until_ns = deadline_ns < now + BRIEF_SPIN_NS ? deadline_ns : now + BRIEF_SPIN_NS;
    int ready = rtm_spin(set->items, set->count, now, until_ns);
    if (!ready) return 0;
    rtm_note_ready(set->items, (uint32_t)ready);
    rtm_learn_from_spin(rtm_patience_for(set->items), 1);
    return 1;
}

/* 1 ready, 0 deadline, -1 error. In slices, so that Python sees signals that another thread received. */
static int wait_run(const struct wait_set *set, int64_t deadline_ns, int64_t spin_ns) {
    int64_t ignored = RTM_FOREVER;
    uint32_t ready = rtm_any_worth_waking(set->items, set->count, &ignored);
    if (ready) rtm_note_ready(set->items, ready);
    if (ready) return 1;
    if (wait_briefly(set, deadline_ns, spin_ns)) return 1;
    for (;; spin_ns = 0) {
        int64_t slice_ns = rtm_monotonic_ns() + RTM_LONGEST_SLEEP_NS;
        if (slice_ns > deadline_ns) slice_ns = deadline_ns;
        PyThreadState *thread = PyEval_SaveThread();
        int result = rtm_wait(set->items, set->count, set->bells, slice_ns, spin_ns);
        PyEval_RestoreThread(thread);
        if (result > 0) return 1;
        if (PyErr_CheckSignals() < 0) return -1;
        if (result == 0 && slice_ns == deadline_ns) return 0;
    }
}

static int wait_for_arguments(
    const struct wait_arguments *arguments, int64_t deadline_ns, int64_t spin_ns) {
    struct wait_set set;
    if (!arguments->readers || !arguments->writers || !arguments->released) return -1;
    int result = wait_fill(&set, arguments);
    if (result == 0) result = wait_run(&set, deadline_ns, spin_ns);
    wait_clear(&set);
    return result;
}

/* A negative timeout is none. */
static int64_t deadline_after(int64_t timeout_ns) {
    return timeout_ns >= 0 && timeout_ns < RTM_FOREVER / 2 ? rtm_monotonic_ns() + timeout_ns : RTM_FOREVER;
}

/* wait(readers=(), writers=(), timeout_ns=-1, spin_ns=0, released=(), doorbell=None) -> bool */
static PyObject *wait_for_any(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    static const char *const names[] = {"readers", "writers", "timeout_ns", "spin_ns", "released", "doorbell"};
    static const struct signature signature = {"wait", names, 6, 0, 4};
    PyObject *values[6];
    int64_t timeout_ns = -1, spin_ns = 0;
    if (sort_arguments(&signature, args, nargs, kwnames, values) < 0) return NULL;
    if (values[2] && as_i64(values[2], &timeout_ns) < 0) return NULL;
    if (values[3] && as_i64(values[3], &spin_ns) < 0) return NULL;
    int64_t deadline_ns = deadline_after(timeout_ns);
    struct wait_arguments arguments = {tuple_of(values[0]), tuple_of(values[1]), tuple_of(values[4]), values[5]};
    int result = wait_for_arguments(&arguments, deadline_ns, spin_ns);
    Py_XDECREF(arguments.readers);
    Py_XDECREF(arguments.writers);
    Py_XDECREF(arguments.released);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

/* 1 ready, 0 deadline, -1 error */
static int wait_for_reader(PyObject *reader, int64_t deadline_ns, int64_t spin_ns) {
    struct wait_set set;
    (void)wait_make_room(&set, 1);
    int result = wait_add(&set, reader, 0);
    if (result == 0) result = wait_run(&set, deadline_ns, spin_ns);
    wait_clear(&set);
    return result;
}

/* try_next, and as often as it finds nothing a wait */
static PyObject *reader_next_until(PyObject *reader, int64_t timeout_ns, int64_t spin_ns) {
    PyObject *view = reader_try_next(reader, NULL, 0);
    if (view != Py_None) return view;
    int64_t deadline_ns = deadline_after(timeout_ns);
    while (view == Py_None && !rtm_reader_ended(&((struct reader *)reader)->core)) {
        int result = wait_for_reader(reader, deadline_ns, spin_ns);
        if (result == 0) return view;
        Py_DECREF(view);
        view = result < 0 ? NULL : reader_try_next(reader, NULL, 0);
    }
    return view;
}

/* next(timeout_ns=-1, spin_ns=0): None once the time is over or the stream has ended. */
static PyObject *reader_next(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
    int64_t timeout_ns = -1, spin_ns = 0;
    if (nargs > 2) return PyErr_Format(PyExc_TypeError, "next() takes at most 2 arguments, not %zd", nargs);
    if (nargs > 0 && as_i64(args[0], &timeout_ns) < 0) return NULL;
    if (nargs > 1 && as_i64(args[1], &spin_ns) < 0) return NULL;
    return reader_next_until(object, timeout_ns, spin_ns);
}

#endif
