/* python_mapping.h: rtmesh.shm._native.Mapping, a ring mapped into this process, and looks at it. */
#ifndef RTMESH_PYTHON_MAPPING_H
#define RTMESH_PYTHON_MAPPING_H

#include "python_common.h"

struct mapping {
    PyObject_HEAD
    void *base;
    size_t size_bytes;
    PyObject *name;
    struct rtm_ring ring;
};

/* (name, policy, queue, hold, hold_absent_ns) */
static int read_reader_layout(PyObject *tuple, struct rtm_reader_layout *reader) {
    const char *name;
    unsigned long long hold_absent_ns;
    if (!PyArg_ParseTuple(tuple, "sIIIK", &name, &reader->policy, &reader->queue, &reader->hold,
                          &hold_absent_ns))
        return -1;
    if (strlen(name) >= RTM_NAME_BYTES) {
        PyErr_Format(PyExc_ValueError, "the reader's name '%s' is longer than %u bytes", name,
                     RTM_NAME_BYTES - 1);
        return -1;
    }
    strcpy(reader->name, name);
    reader->hold_absent_ns = hold_absent_ns;
    return 0;
}

static int check_count(const char *what, Py_ssize_t count, uint32_t most) {
    if (count >= 0 && count <= (Py_ssize_t)most) return 0;
    PyErr_Format(PyExc_ValueError, "%zd %s; a ring has at most %u", count, what, most);
    return -1;
}

/* (entries, slot_bytes, readers, spare_readers, budget_origins) */
static int read_layout(PyObject *tuple, struct rtm_layout *layout) {
    PyObject *readers, *origins;
    unsigned long long slot_bytes;
    memset(layout, 0, sizeof *layout);
    if (!PyArg_ParseTuple(tuple, "IKO!IO!", &layout->entries, &slot_bytes, &PyTuple_Type, &readers,
                          &layout->spare_readers, &PyTuple_Type, &origins))
        return -1;
    layout->slot_bytes = slot_bytes;
    if (check_count("readers", PyTuple_Size(readers), RTM_MOST_READERS) < 0) return -1;
    if (check_count("budget origins", PyTuple_Size(origins), RTM_MOST_ORIGINS) < 0) return -1;
    layout->fixed_readers = (uint32_t)PyTuple_Size(readers);
    layout->origins = (uint32_t)PyTuple_Size(origins);
    for (uint32_t i = 0; i < layout->fixed_readers; i++)
        if (read_reader_layout(PyTuple_GetItem(readers, i), &layout->readers[i]) < 0) return -1;
    for (uint32_t i = 0; i < layout->origins; i++)
        if (as_u64(PyTuple_GetItem(origins, i), &layout->origin_ids[i]) < 0) return -1;
    return 0;
}

static int plan_from_tuple(PyObject *tuple, struct rtm_ring *ring) {
    struct rtm_layout layout;
    struct rtm_problem problem;
    if (read_layout(tuple, &layout) < 0) return -1;
    if (rtm_plan(ring, &layout, &problem) > 0) return 0;
    PyErr_SetString(PyExc_ValueError, problem.text);
    return -1;
}

static PyObject *ring_size(PyObject *module, PyObject *layout) {
    struct rtm_ring ring;
    return plan_from_tuple(layout, &ring) < 0 ? NULL : PyLong_FromUnsignedLongLong(ring.size_bytes);
}

static int map_descriptor(struct mapping *self, int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    self->size_bytes = (size_t)status.st_size;
    if (self->size_bytes == 0) return 0; /* refused by rtm_open */
    if (self->size_bytes > RTM_MOST_SEGMENT_BYTES) {
        struct rtm_problem problem;
        rtm_fail(&problem, RTM_CORRUPT, "it has %zu bytes; a segment has at most %llu", self->size_bytes,
                 RTM_MOST_SEGMENT_BYTES);
        raise_problem(RTM_CORRUPT, self->name, &problem);
        return -1;
    }
    void *base = mmap(NULL, self->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (base == MAP_FAILED) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    self->base = base;
    return 0;
}

static int format_mapping(struct mapping *self, PyObject *layout) {
    if (plan_from_tuple(layout, &self->ring) < 0) return -1;
    if (self->ring.size_bytes != self->size_bytes) {
        PyErr_Format(PyExc_ValueError, "the segment has %zu bytes, the layout needs %llu", self->size_bytes,
                     (unsigned long long)self->ring.size_bytes);
        return -1;
    }
    self->ring.base = (unsigned char *)self->base;
    rtm_format(&self->ring, rtm_own_identity());
    return 0;
}

static int open_mapping(struct mapping *self) {
    struct rtm_problem problem;
    snprintf(problem.text, sizeof problem.text, "it is empty");
    enum rtm_result result =
        self->base ? rtm_open(&self->ring, self->base, self->size_bytes, &problem) : RTM_CORRUPT;
    if (result > 0) return 0;
    raise_problem(result == RTM_BAD_LAYOUT ? RTM_CORRUPT : result, self->name, &problem);
    return -1;
}

static PyObject *mapping_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    int descriptor;
    PyObject *name, *layout = Py_None;
    if (!PyArg_ParseTuple(args, "iU|O", &descriptor, &name, &layout)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct mapping *self = (struct mapping *)allocate(type, 0);
    if (!self) return NULL;
    Py_INCREF(name);
    self->name = name;
    if (map_descriptor(self, descriptor) < 0 || (layout != Py_None && format_mapping(self, layout) < 0) ||
        open_mapping(self) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

static void mapping_dealloc(PyObject *object) {
    struct mapping *self = (struct mapping *)object;
    if (self->base) munmap(self->base, self->size_bytes);
    Py_XDECREF(self->name);
    free_object(object);
}

static PyObject *mapping_layout(PyObject *object, PyObject *unused) {
    const struct rtm_layout *layout = &((struct mapping *)object)->ring.layout;
    PyObject *readers = PyTuple_New(layout->fixed_readers), *origins = PyTuple_New(layout->origins);
    for (uint32_t i = 0; readers && i < layout->fixed_readers; i++) {
        const struct rtm_reader_layout *reader = &layout->readers[i];
        PyObject *name = PyUnicode_DecodeUTF8(reader->name, (Py_ssize_t)strlen(reader->name), "replace");
        PyTuple_SetItem(readers, i, Py_BuildValue("NIIIK", name, reader->policy, reader->queue, reader->hold,
                                                  (unsigned long long)reader->hold_absent_ns));
    }
    for (uint32_t i = 0; origins && i < layout->origins; i++)
        PyTuple_SetItem(origins, i, PyLong_FromUnsignedLongLong(layout->origin_ids[i]));
    return Py_BuildValue("IKNIN", layout->entries, (unsigned long long)layout->slot_bytes, readers,
                         layout->spare_readers, origins);
}

/* (max_ns, the counts as bytes) */
static PyObject *histogram_tuple(const struct rtm_histogram *histogram) {
    uint64_t counts[RTM_BUCKETS];
    for (uint32_t i = 0; i < RTM_BUCKETS; i++)
        counts[i] = __atomic_load_n(&histogram->counts[i], __ATOMIC_RELAXED);
    return Py_BuildValue("Ly#", (long long)__atomic_load_n(&histogram->max_ns, __ATOMIC_RELAXED),
                         (const char *)counts, (Py_ssize_t)sizeof counts);
}

static PyObject *seat_name(const struct rtm_ring *ring, uint32_t index) {
    char name[RTM_NAME_BYTES];
    for (uint32_t i = 0; i < RTM_NAME_BYTES; i++)
        name[i] = __atomic_load_n(&rtm_seat_at(ring, index)->name[i], __ATOMIC_RELAXED);
    name[RTM_NAME_BYTES - 1] = 0;
    return PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "replace");
}

/* (index, name, policy, state, start, taken, released, delivered, queue_full, superseded, reader_gone,
** is_holding, pid, histogram) or None if nobody has this spare seat. The account is settled: rtm_settle. */
static PyObject *look_tuple(
    const struct rtm_ring *ring, uint32_t index, const struct rtm_reader_look *words, uint64_t head) {
    struct rtm_reader_look settled = *words, *look = &settled;
    enum rtm_state state = rtm_state_of(look->state);
    if (state == RTM_FREE) Py_RETURN_NONE;
    rtm_settle_look(ring, index, head, look);
    struct rtm_survey survey = {head, -1, INT64_MAX, UINT64_MAX};
    rtm_survey_seat(ring, index, head, 0, &survey);
    return Py_BuildValue("INIiKKKKKKKOIN", index, seat_name(ring, index), ring->layout.readers[index].policy,
                         (int)state, (unsigned long long)look->journal.start, (unsigned long long)look->taken,
                         (unsigned long long)look->released, (unsigned long long)look->journal.delivered,
                         (unsigned long long)look->journal.dropped[RTM_QUEUE_FULL],
                         (unsigned long long)look->journal.dropped[RTM_SUPERSEDED],
                         (unsigned long long)look->journal.dropped[RTM_READER_GONE],
                         survey.holder >= 0 ? Py_True : Py_False, rtm_identity_pid(look->owner),
                         histogram_tuple(rtm_latencies(ring, index)));
}

static PyObject *look_at_readers(
    const struct rtm_ring *ring, const struct rtm_reader_look *looks, uint64_t head) {
    PyObject *readers = PyTuple_New(ring->seats);
    for (uint32_t i = 0; readers && i < ring->seats; i++)
        PyTuple_SetItem(readers, i, look_tuple(ring, i, &looks[i], head));
    return readers;
}

static PyObject *look_at_ages(const struct rtm_ring *ring) {
    PyObject *ages = PyTuple_New(ring->layout.origins);
    for (uint32_t i = 0; ages && i < ring->layout.origins; i++)
        PyTuple_SetItem(ages, i, histogram_tuple(rtm_ages(ring, i)));
    return ages;
}

static PyObject *look_at_words(const struct rtm_ring *ring) {
    PyObject *words = PyTuple_New(RTM_WORDS);
    for (uint32_t i = 0; words && i < RTM_WORDS; i++)
        PyTuple_SetItem(words, i, PyLong_FromUnsignedLongLong(RTM_LOAD(&rtm_header(ring)->words[i])));
    return words;
}

/* Readers first, then the writer: so no reader has taken more than was published. */
static PyObject *mapping_snapshot(PyObject *object, PyObject *unused) {
    const struct rtm_ring *ring = &((struct mapping *)object)->ring;
    struct rtm_reader_look looks[RTM_MOST_READERS];
    for (uint32_t i = 0; i < ring->seats; i++) looks[i] = rtm_look_at_reader(ring, i);
    struct rtm_writer_look writer = rtm_look_at_writer(ring);
    return Py_BuildValue("KIOLLKNINN", (unsigned long long)writer.head, writer.journal.epoch,
                         writer.ended ? Py_True : Py_False, (long long)writer.journal.first_time_ns,
                         (long long)writer.journal.last_time_ns,
                         (unsigned long long)writer.journal.source_position, look_at_words(ring),
                         rtm_identity_pid(RTM_LOAD(&rtm_header(ring)->writer)),
                         look_at_readers(ring, looks, writer.head), look_at_ages(ring));
}

static PyObject *mapping_reader_snapshot(PyObject *object, PyObject *argument) {
    const struct rtm_ring *ring = &((struct mapping *)object)->ring;
    uint32_t index;
    if (as_u32(argument, &index) < 0) return NULL;
    if (index >= ring->seats) return PyErr_Format(PyExc_IndexError, "the ring has no reader %u", index);
    struct rtm_reader_look look = rtm_look_at_reader(ring, index);
    return look_tuple(ring, index, &look, rtm_look_at_writer(ring).head);
}

/* mark_dead(index, pid, gone) -> bool */
static PyObject *mapping_mark_dead(PyObject *object, PyObject *args) {
    struct mapping *self = (struct mapping *)object;
    uint32_t index, pid;
    int gone;
    if (!PyArg_ParseTuple(args, "IIp", &index, &pid, &gone)) return NULL;
    if (index >= self->ring.seats)
        return PyErr_Format(PyExc_IndexError, "%U has no reader %u", self->name, index);
    return PyBool_FromLong(rtm_mark_dead(&self->ring, index, pid, gone) == RTM_DONE);
}

static PyObject *mapping_writer_died(PyObject *object, PyObject *pid_object) {
    uint32_t pid;
    if (as_u32(pid_object, &pid) < 0) return NULL;
    return PyBool_FromLong(rtm_writer_died(&((struct mapping *)object)->ring, pid) == RTM_DONE);
}

static PyObject *mapping_end(PyObject *object, PyObject *unused) {
    struct mapping *self = (struct mapping *)object;
    struct rtm_problem problem;
    enum rtm_result result = rtm_end_for_writer(&self->ring, &problem);
    if (result < 0) return raise_problem(result, self->name, &problem);
    Py_RETURN_NONE;
}

/* Is any process alive that made, writes or reads this ring? */
static PyObject *mapping_is_in_use(PyObject *object, PyObject *unused) {
    const struct rtm_ring *ring = &((struct mapping *)object)->ring;
    const struct rtm_ring_header *header = rtm_header(ring);
    int in_use = rtm_is_alive(RTM_LOAD(&header->segment.creator)) || rtm_is_alive(RTM_LOAD(&header->writer));
    for (uint32_t i = 0; i < ring->seats && !in_use; i++)
        in_use = rtm_is_alive(RTM_LOAD(&rtm_seat_at(ring, i)->owner));
    return PyBool_FromLong(in_use);
}

static PyMethodDef mapping_methods[] = {
    {"layout", mapping_layout, METH_NOARGS, NULL},
    {"snapshot", mapping_snapshot, METH_NOARGS, NULL},
    {"reader_snapshot", mapping_reader_snapshot, METH_O, NULL},
    {"mark_dead", mapping_mark_dead, METH_VARARGS, NULL},
    {"writer_died", mapping_writer_died, METH_O, NULL},
    {"end", mapping_end, METH_NOARGS, NULL},
    {"is_in_use", mapping_is_in_use, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef mapping_members[] = {
    {"name", T_OBJECT, offsetof(struct mapping, name), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot mapping_slots[] = {
    {Py_tp_new, (void *)mapping_new},         {Py_tp_dealloc, (void *)mapping_dealloc},
    {Py_tp_methods, (void *)mapping_methods}, {Py_tp_members, (void *)mapping_members},
    {0, NULL},
};

static PyType_Spec mapping_spec = {
    "rtmesh.shm._native.Mapping", sizeof(struct mapping), 0, Py_TPFLAGS_DEFAULT, mapping_slots,
};

#endif
