/* python_wait.h: rtmesh.shm._native.wait */
#ifndef RTMESH_PYTHON_WAIT_H
#define RTMESH_PYTHON_WAIT_H

#include "python_reader.h"
#include "python_writer.h"

#define FEW_ITEMS 16

/* The objects a wait is about; they stay mapped until it is over, even if another thread closes them. */
struct wait_set {
    PyObject *readers, *writers; /* tuples */
    uint32_t count;
    struct rtm_wait_item few[FEW_ITEMS], *items;
    struct rtm_bell few_bells[FEW_ITEMS], *bells;
};

static int wait_add(struct wait_set *set, PyObject *object) {
    struct rtm_wait_item *item = &set->items[set->count];
    if (PyObject_TypeCheck(object, reader_type)) {
        if (reader_check((struct reader *)object) < 0) return -1;
        item->reader = &((struct reader *)object)->core;
        item->writer = NULL;
        ((struct reader *)object)->waits++;
    } else if (PyObject_TypeCheck(object, writer_type)) {
        if (writer_check((struct writer *)object) < 0) return -1;
        item->writer = &((struct writer *)object)->core;
        item->reader = NULL;
        ((struct writer *)object)->waits++;
    } else {
        PyErr_SetString(PyExc_TypeError, "wait() takes readers and writers");
        return -1;
    }
    set->count++;
    return 0;
}

static int wait_add_all(struct wait_set *set, PyObject *tuple) {
    Py_ssize_t count = PyTuple_Size(tuple);
    for (Py_ssize_t i = 0; i < count; i++)
        if (wait_add(set, PyTuple_GetItem(tuple, i)) < 0) return -1;
    return 0;
}

static void wait_forget(PyObject *object) {
    if (PyObject_TypeCheck(object, reader_type)) {
        ((struct reader *)object)->waits--;
        reader_let_go((struct reader *)object);
    } else {
        ((struct writer *)object)->waits--;
        writer_let_go((struct writer *)object);
    }
}

static void wait_clear(struct wait_set *set) {
    Py_ssize_t readers = set->readers ? PyTuple_Size(set->readers) : 0;
    for (uint32_t i = 0; i < set->count; i++)
        wait_forget(i < readers ? PyTuple_GetItem(set->readers, i)
                                : PyTuple_GetItem(set->writers, i - readers));
    if (set->items != set->few) PyMem_Free(set->items);
    if (set->bells != set->few_bells) PyMem_Free(set->bells);
    Py_XDECREF(set->readers);
    Py_XDECREF(set->writers);
}

static int wait_make_room(struct wait_set *set) {
    size_t count = (size_t)(PyTuple_Size(set->readers) + PyTuple_Size(set->writers));
    if (count <= FEW_ITEMS) return 0;
    set->items = (struct rtm_wait_item *)PyMem_Malloc(count * sizeof *set->items);
    set->bells = (struct rtm_bell *)PyMem_Malloc(count * sizeof *set->bells);
    if (set->items && set->bells) return 0;
    PyErr_NoMemory();
    return -1;
}

static int wait_fill(struct wait_set *set, PyObject *readers, PyObject *writers) {
    set->count = 0;
    set->items = set->few;
    set->bells = set->few_bells;
    set->readers = readers ? PySequence_Tuple(readers) : PyTuple_New(0);
    set->writers = !set->readers ? NULL : writers ? PySequence_Tuple(writers) : PyTuple_New(0);
    if (!set->writers || wait_make_room(set) < 0) return -1;
    return wait_add_all(set, set->readers) < 0 ? -1 : wait_add_all(set, set->writers);
}

/* 1 ready, 0 deadline, -1 error. In slices, so that Python sees signals that another thread received. */
static int wait_run(const struct wait_set *set, int64_t deadline_ns, int64_t spin_ns) {
    int64_t ignored = RTM_FOREVER;
    if (rtm_any_ready(set->items, set->count, &ignored)) return 1;
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

/* wait(readers=(), writers=(), timeout_ns=-1, spin_ns=0) -> bool */
static PyObject *wait_for_any(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    static const char *const names[] = {"readers", "writers", "timeout_ns", "spin_ns"};
    static const struct signature signature = {"wait", names, 4, 0, 4};
    PyObject *values[4];
    int64_t timeout_ns = -1, spin_ns = 0, deadline_ns = RTM_FOREVER;
    struct wait_set set;
    if (sort_arguments(&signature, args, nargs, kwnames, values) < 0) return NULL;
    if (values[2] && as_i64(values[2], &timeout_ns) < 0) return NULL;
    if (values[3] && as_i64(values[3], &spin_ns) < 0) return NULL;
    if (timeout_ns >= 0 && timeout_ns < RTM_FOREVER / 2) deadline_ns = rtm_monotonic_ns() + timeout_ns;
    int result = wait_fill(&set, values[0], values[1]);
    if (result == 0) result = wait_run(&set, deadline_ns, spin_ns);
    wait_clear(&set);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

#endif
