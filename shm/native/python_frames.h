/* python_frames.h: rtmesh.shm._native.Outflow and take_frame, what a relay sends.
**
** At 1 kHz a relay runs with cold caches, where Python costs three to five times what it costs in a loop.
*/
#ifndef RTMESH_PYTHON_FRAMES_H
#define RTMESH_PYTHON_FRAMES_H

#include "python_reader.h"
#include "rtmesh_frames.h"

static PyTypeObject *outflow_type;

/* An edge that leaves, of one lane. */
struct outflow {
    PyObject_HEAD
    struct reader *reader; /* NULL until it is attached: nothing goes */
    struct rtm_outflow core;
    char is_over;    /* its end was sent */
    char needs_care; /* whatever it has: take_frame only says so */
};

/* Outflow(number, granted) */
static PyObject *outflow_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    unsigned int number;
    unsigned long long granted;
    if (!PyArg_ParseTuple(args, "IK", &number, &granted)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct outflow *self = (struct outflow *)allocate(type, 0);
    if (self) self->core = (struct rtm_outflow){number, granted, 0, 0};
    return (PyObject *)self;
}

static void outflow_dealloc(PyObject *object) {
    Py_XDECREF((PyObject *)((struct outflow *)object)->reader);
    free_object(object);
}

/* attach(reader): its messages go from now on. */
static PyObject *outflow_attach(PyObject *object, PyObject *reader) {
    struct outflow *self = (struct outflow *)object;
    if (!PyObject_TypeCheck(reader, reader_type) || self->reader) {
        PyErr_SetString(PyExc_TypeError, "attach() takes a reader, once");
        return NULL;
    }
    Py_INCREF(reader);
    self->reader = (struct reader *)reader;
    Py_RETURN_NONE;
}

static PyMethodDef outflow_methods[] = {
    {"attach", outflow_attach, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef outflow_members[] = {
    {"number", T_UINT, offsetof(struct outflow, core.number), READONLY, NULL},
    {"granted", T_ULONGLONG, offsetof(struct outflow, core.granted), 0, NULL},
    {"sent", T_ULONGLONG, offsetof(struct outflow, core.sent), 0, NULL},
    {"skip_position", T_ULONGLONG, offsetof(struct outflow, core.skip_position), 0, NULL},
    {"is_over", T_BOOL, offsetof(struct outflow, is_over), 0, NULL},
    {"needs_care", T_BOOL, offsetof(struct outflow, needs_care), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot outflow_slots[] = {
    {Py_tp_new, (void *)outflow_new},
    {Py_tp_dealloc, (void *)outflow_dealloc},
    {Py_tp_methods, (void *)outflow_methods},
    {Py_tp_members, (void *)outflow_members},
    {Py_tp_doc, (void *)"A reader whose messages go to a far machine, against its credit."},
    {0, NULL},
};

static PyType_Spec outflow_spec = {
    "rtmesh.shm._native.Outflow", sizeof(struct outflow), 0, Py_TPFLAGS_DEFAULT, outflow_slots,
};

/* How much of one edge goes into a frame, and when a frame is full. */
struct frame_bounds {
    int64_t now_ns;
    uint32_t most_messages;
    uint64_t most_bytes, full_bytes;
};

#define MOST_FRAME_BYTES (1u << 30)

enum { FRAME_MORE = 1, FRAME_CARE = 2 };

struct frame {
    struct frame_bounds bounds;
    PyObject *flows; /* a list */
    struct outflow *only; /* the edge that has something, if it is one and has one message */
    uint64_t room;        /* bytes for what was found to be ready, at most */
    uint32_t ready;       /* edges */
    int state;
    unsigned char *start, *at, *end;
};

static struct outflow *flow_at(const struct frame *frame, Py_ssize_t index) {
    return (struct outflow *)PyList_GetItem(frame->flows, index);
}

/* How many messages of an edge can go now; FRAME_CARE: it needs more than that. */
static uint32_t flow_ready(const struct outflow *flow, struct frame *frame) {
    struct reader *reader = flow->reader;
    if (flow->needs_care || (reader && (!reader->is_open || reader->is_busy))) {
        frame->state |= FRAME_CARE;
        return 0;
    }
    if (!reader || flow->is_over) return 0;
    uint64_t available = rtm_available(&reader->core), credit = flow->core.granted - flow->core.sent;
    if (!available && (flow->core.skip_position || rtm_reader_ended(&reader->core))) frame->state |= FRAME_CARE;
    if (credit > frame->bounds.most_messages) credit = frame->bounds.most_messages;
    return (uint32_t)(available < credit ? available : credit);
}

/* Bytes that so many messages of an edge need at most. */
static uint64_t flow_room(const struct outflow *flow, uint32_t ready, const struct frame *frame) {
    uint64_t longest = flow->reader->core.ring->layout.slot_bytes + RTM_RECORD_MOST_EXTRA;
    uint64_t all = ready * longest, most = frame->bounds.most_bytes + longest;
    return RTM_EDGE_MOST_EXTRA + (all < most ? all : most);
}

static void frame_survey(struct frame *frame) {
    uint64_t most = 0;
    for (Py_ssize_t i = 0; i < PyList_Size(frame->flows); i++) {
        struct outflow *flow = flow_at(frame, i);
        uint32_t ready = flow_ready(flow, frame);
        if (!ready) continue;
        uint64_t needed = flow_room(flow, ready, frame);
        frame->only = frame->ready++ || ready > 1 ? NULL : flow;
        frame->room += needed;
        if (needed > most) most = needed;
    }
    if (frame->room > frame->bounds.full_bytes + most) frame->room = frame->bounds.full_bytes + most;
}

static void flow_took(struct outflow *flow, uint32_t messages) {
    flow->core.sent += messages;
    flow->core.skip_position = 0;
}

/* The most frequent frame, which is copied once, from the slot into what is sent. NULL: an error. */
static PyObject *frame_of_one(struct frame *frame) {
    struct outflow *flow = frame->only;
    struct rtm_reader *reader = &flow->reader->core;
    struct rtm_message message = {0};
    struct rtm_problem problem;
    enum rtm_result result = rtm_take(reader, frame->bounds.now_ns, reader->hold, &message, &problem);
    if (result < 0) frame->state |= FRAME_CARE; /* it will come again */
    if (result != RTM_DONE) return PyBytes_FromStringAndSize("", 0);
    uint64_t record_bytes = rtm_record_bytes(message.length);
    PyObject *bytes =
        PyBytes_FromStringAndSize(NULL, (Py_ssize_t)rtm_edge_bytes(&flow->core, record_bytes));
    if (bytes) {
        unsigned char *at = (unsigned char *)PyBytes_AsString(bytes);
        rtm_put_record(rtm_put_edge_head(at, &flow->core, record_bytes), &message);
        flow_took(flow, 1);
    }
    rtm_unpin(reader, reader->hold);
    return bytes;
}

/* The records go where they will stand if the head is as long as can be, then the head before them. */
static void frame_take(struct frame *frame, struct outflow *flow, uint32_t ready) {
    struct rtm_problem problem;
    enum rtm_result result;
    struct rtm_helping helping = {ready, 0, frame->bounds.most_bytes};
    unsigned char *records = frame->at + RTM_EDGE_MOST_EXTRA;
    unsigned char *end =
        rtm_take_records(&flow->reader->core, frame->bounds.now_ns, &helping, records, &result, &problem);
    if (result < 0) frame->state |= FRAME_CARE; /* it will come again */
    if (!helping.taken) return;
    uint64_t record_bytes = (uint64_t)(end - records);
    unsigned char *to = rtm_put_edge_head(frame->at, &flow->core, record_bytes);
    memmove(to, records, record_bytes);
    frame->at = to + record_bytes;
    flow_took(flow, helping.taken);
}

static void frame_fill(struct frame *frame, Py_ssize_t first) {
    Py_ssize_t count = PyList_Size(frame->flows);
    for (Py_ssize_t i = 0; i < count; i++) {
        struct outflow *flow = flow_at(frame, (first + i) % count);
        uint32_t ready = flow_ready(flow, frame);
        if (!ready) continue;
        int is_full = (uint64_t)(frame->at - frame->start) >= frame->bounds.full_bytes;
        if (is_full || flow_room(flow, ready, frame) > (uint64_t)(frame->end - frame->at)) {
            frame->state |= FRAME_MORE;
            return;
        }
        frame_take(frame, flow, ready);
    }
}

static PyObject *frame_of_all(struct frame *frame, Py_ssize_t first) {
    frame->start = frame->at = (unsigned char *)PyMem_Malloc(frame->room);
    if (!frame->start) return PyErr_NoMemory();
    frame->end = frame->start + frame->room;
    frame_fill(frame, first);
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)frame->start, frame->at - frame->start);
    PyMem_Free(frame->start);
    return bytes;
}

static int frame_check(const struct frame *frame, Py_ssize_t first) {
    for (Py_ssize_t i = 0; i < PyList_Size(frame->flows); i++)
        if (!PyObject_TypeCheck(PyList_GetItem(frame->flows, i), outflow_type)) {
            PyErr_SetString(PyExc_TypeError, "take_frame() takes a list of outflows");
            return -1;
        }
    if (first >= 0 && frame->bounds.most_bytes <= MOST_FRAME_BYTES && frame->bounds.full_bytes <= MOST_FRAME_BYTES)
        return 0;
    PyErr_SetString(PyExc_OverflowError, "take_frame() cannot take so many bytes at a time");
    return -1;
}

/* take_frame(outflows, first, now_ns, most_messages, most_bytes, full_bytes) -> (bytes, state) */
static PyObject *take_frame(PyObject *module, PyObject *args) {
    struct frame frame = {0};
    struct frame_bounds *bounds = &frame.bounds;
    Py_ssize_t first;
    long long now_ns;
    unsigned long long most_bytes, full_bytes;
    if (!PyArg_ParseTuple(args, "O!nLIKK", &PyList_Type, &frame.flows, &first, &now_ns, &bounds->most_messages,
                          &most_bytes, &full_bytes))
        return NULL;
    bounds->now_ns = now_ns;
    bounds->most_bytes = most_bytes;
    bounds->full_bytes = full_bytes;
    if (frame_check(&frame, first) < 0) return NULL;
    frame_survey(&frame);
    PyObject *bytes = !frame.ready ? PyBytes_FromStringAndSize("", 0)
                      : frame.only ? frame_of_one(&frame)
                                   : frame_of_all(&frame, first);
    return bytes ? Py_BuildValue("Ni", bytes, frame.state) : NULL;
}

static int add_outflow(PyObject *module) {
    outflow_type = (PyTypeObject *)PyType_FromSpec(&outflow_spec);
    if (!outflow_type || PyModule_AddType(module, outflow_type) < 0) return -1;
    if (PyModule_AddIntConstant(module, "FRAME_MORE", FRAME_MORE) < 0) return -1;
    return PyModule_AddIntConstant(module, "FRAME_CARE", FRAME_CARE);
}

#endif
