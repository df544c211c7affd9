/* http2_receiver.h: what comes on one connection, as gRPC messages of its streams and as frames of other kinds. */
#ifndef RTMESH_HTTP2_RECEIVER_H
#define RTMESH_HTTP2_RECEIVER_H

#include "http2_common.h"

enum {
    /* What is read ahead: a batch of small frames; the rest of a large message goes where it will stay. */
    AHEAD_BYTES = 16 << 10,
    /* Of a frame other than DATA; headers of gRPC are a few hundred. */
    MOST_OTHER_BYTES = 64 << 10,
    /* So much was taken before the other side is told that it may send so much more. */
    WINDOW_STEP = 1 << 28,
};

/* A stream whose messages are wanted. Freed by the receiving thread alone, which may be in the midst of it. */
struct stream {
    struct stream *next;
    PyObject *message;  /* what has come of it in part; NULL: none */
    Py_ssize_t length;
    uint32_t number, head_bytes, taken;
    bool is_forgotten;
    unsigned char head[MESSAGE_HEAD_BYTES];
};

struct receiver {
    PyObject_HEAD
    int descriptor;
    unsigned long long most_message_bytes;
    struct stream *streams, *current; /* current: of the DATA frame that is being read; NULL: nobody wants it */
    uint32_t taken;                   /* of all streams, not told yet */
    uint32_t data_left, padding_left; /* of the DATA frame that is being read */
    uint32_t ended;                   /* the stream whose last frame that is; 0: none */
    size_t start, end;                /* what was read ahead, of `ahead` */
    unsigned char ahead[FRAME_HEAD_BYTES + MOST_OTHER_BYTES];
};

/* What a step of reading came to. */
enum outcome { GOES_ON, HAS_EVENT, IS_OVER, FAILS };

static enum outcome protocol_error(const char *what) {
    PyErr_SetString(PyExc_ValueError, what);
    return FAILS;
}

/* Reads at least one byte: into `to`, at most `room`, with `flags` of recv(2). */
static enum outcome receive_some(struct receiver *self, void *to, size_t room, int flags, size_t *came) {
    ssize_t result;
    int error;
    do {
        Py_BEGIN_ALLOW_THREADS;
        result = recv(self->descriptor, to, room, flags);
        error = errno;
        Py_END_ALLOW_THREADS;
    } while (result < 0 && error == EINTR && PyErr_CheckSignals() == 0);
    if (PyErr_Occurred()) return FAILS;
    if (result < 0) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        return FAILS;
    }
    *came = (size_t)result;
    return result ? GOES_ON : IS_OVER;
}

/* Has so many bytes lie ahead. */
static enum outcome fill(struct receiver *self, size_t wanted) {
    if (self->start == self->end) self->start = self->end = 0;
    if (self->start + wanted > sizeof self->ahead) {
        memmove(self->ahead, self->ahead + self->start, self->end - self->start);
        self->end -= self->start;
        self->start = 0;
    }
    while (self->end - self->start < wanted) {
        size_t room = sizeof self->ahead - self->end, came, missing = wanted - (self->end - self->start);
        size_t most = missing > AHEAD_BYTES ? missing : AHEAD_BYTES;
        enum outcome outcome = receive_some(self, self->ahead + self->end, room < most ? room : most, 0, &came);
        if (outcome != GOES_ON) return outcome;
        self->end += came;
    }
    return GOES_ON;
}

static struct stream *find_stream(struct receiver *self, uint32_t number) {
    struct stream *each = self->streams;
    while (each && (each->number != number || each->is_forgotten)) each = each->next;
    return each;
}

static void free_forgotten(struct receiver *self) {
    for (struct stream **link = &self->streams; *link;) {
        struct stream *each = *link;
        if (!each->is_forgotten) {
            link = &each->next;
            continue;
        }
        *link = each->next;
        if (self->current == each) self->current = NULL;
        Py_XDECREF(each->message);
        PyMem_Free(each);
    }
}

/* The head of a DATA frame; it counts against the windows with its padding. */
static enum outcome begin_data(struct receiver *self, uint32_t length, int flags, uint32_t number) {
    uint32_t padding = 0, data = length;
    if (number == 0) return protocol_error("DATA of no stream");
    if (flags & FLAG_PADDED) {
        if (length == 0) return protocol_error("DATA without the length of its padding");
        enum outcome outcome = fill(self, 1);
        if (outcome != GOES_ON) return outcome;
        padding = self->ahead[self->start++];
        data--;
        if (padding > data) return protocol_error("more padding than DATA");
    }
    self->data_left = data - padding;
    self->padding_left = padding;
    self->ended = flags & FLAG_END_STREAM ? number : 0;
    self->current = find_stream(self, number);
    self->taken += length;
    if (self->current) self->current->taken += length;
    return GOES_ON;
}

/* (stream, what) */
static enum outcome tell(PyObject **event, uint32_t stream, PyObject *what) {
    *event = what ? Py_BuildValue("(IN)", stream, what) : NULL;
    return *event ? HAS_EVENT : FAILS;
}

static enum outcome other_frame(struct receiver *self, uint32_t length, PyObject **event) {
    if (length > MOST_OTHER_BYTES) return protocol_error("a frame other than DATA is too long");
    enum outcome outcome = fill(self, FRAME_HEAD_BYTES + length);
    if (outcome != GOES_ON) return outcome;
    *event = PyBytes_FromStringAndSize((char *)self->ahead + self->start, FRAME_HEAD_BYTES + (Py_ssize_t)length);
    self->start += FRAME_HEAD_BYTES + length;
    return *event ? HAS_EVENT : FAILS;
}

static enum outcome next_frame(struct receiver *self, PyObject **event) {
    enum outcome outcome = fill(self, FRAME_HEAD_BYTES);
    if (outcome != GOES_ON) return outcome;
    const unsigned char *head = self->ahead + self->start;
    uint32_t length = get_number(head, 3), number = get_number(head + 5, 4) & INT32_MAX;
    if (head[3] != FRAME_DATA) return other_frame(self, length, event);
    self->start += FRAME_HEAD_BYTES;
    return begin_data(self, length, head[4], number);
}

/* Passes over DATA that nobody wants, or padding. */
static enum outcome pass_over(struct receiver *self, uint32_t *left) {
    while (*left) {
        enum outcome outcome = fill(self, 1);
        if (outcome != GOES_ON) return outcome;
        size_t here = self->end - self->start, part = here < *left ? here : *left;
        self->start += part;
        *left -= (uint32_t)part;
    }
    return GOES_ON;
}

static enum outcome take_head(struct receiver *self, struct stream *stream) {
    enum outcome outcome = fill(self, 1);
    if (outcome != GOES_ON) return outcome;
    while (self->data_left && self->start < self->end && stream->head_bytes < MESSAGE_HEAD_BYTES) {
        stream->head[stream->head_bytes++] = self->ahead[self->start++];
        self->data_left--;
    }
    if (stream->head_bytes < MESSAGE_HEAD_BYTES) return GOES_ON;
    uint32_t length = get_number(stream->head + 1, 4);
    if (stream->head[0]) return protocol_error("a message is compressed");
    if (length > self->most_message_bytes) return protocol_error("a message is too long");
    stream->message = PyBytes_FromStringAndSize(NULL, length);
    stream->length = 0;
    return stream->message ? GOES_ON : FAILS;
}

/* From what was read ahead; if there is no more, from the socket, straight to where it stays. */
static enum outcome take_part(struct receiver *self, struct stream *stream, size_t missing) {
    size_t wanted = missing < self->data_left ? missing : self->data_left, came = self->end - self->start;
    char *to = PyBytes_AsString(stream->message) + stream->length;
    if (came == 0 && wanted < AHEAD_BYTES) {
        enum outcome outcome = fill(self, 1);
        if (outcome != GOES_ON) return outcome;
        came = self->end - self->start;
    }
    if (came) {
        came = came < wanted ? came : wanted;
        memcpy(to, self->ahead + self->start, came);
        self->start += came;
    } else {
        enum outcome outcome = receive_some(self, to, wanted, MSG_WAITALL, &came);
        if (outcome != GOES_ON) return outcome;
    }
    stream->length += (Py_ssize_t)came;
    self->data_left -= (uint32_t)came;
    return GOES_ON;
}

static enum outcome take_data(struct receiver *self, PyObject **event) {
    struct stream *stream = self->current;
    if (!stream->message) {
        enum outcome outcome = take_head(self, stream);
        if (outcome != GOES_ON || !stream->message) return outcome;
    }
    size_t missing = (size_t)(PyBytes_Size(stream->message) - stream->length);
    if (missing && self->data_left) return take_part(self, stream, missing);
    if (missing) return GOES_ON;
    PyObject *message = stream->message;
    stream->message = NULL;
    stream->head_bytes = 0;
    return tell(event, stream->number, message);
}

/* How much more the other side may send, if that is due to be told. */
static bool is_window_due(struct receiver *self, uint32_t *stream, uint32_t *bytes) {
    *stream = 0;
    *bytes = self->taken;
    if (self->taken >= WINDOW_STEP) {
        self->taken = 0;
        return true;
    }
    for (struct stream *each = self->streams; each; each = each->next)
        if (each->taken >= WINDOW_STEP && !each->is_forgotten) {
            *stream = each->number;
            *bytes = each->taken;
            each->taken = 0;
            return true;
        }
    return false;
}

static enum outcome step(struct receiver *self, PyObject **event) {
    uint32_t stream, bytes;
    free_forgotten(self);
    /* A message of no bytes is whole although its frame has no more. */
    bool is_whole = self->current && self->current->message &&
                    self->current->length == PyBytes_Size(self->current->message);
    if ((self->data_left || is_whole) && self->current) return take_data(self, event);
    if (self->data_left) return pass_over(self, &self->data_left);
    if (self->padding_left) return pass_over(self, &self->padding_left);
    if (self->ended) {
        stream = self->ended;
        self->ended = 0;
        return find_stream(self, stream) ? tell(event, stream, Py_NewRef(Py_None)) : GOES_ON;
    }
    if (is_window_due(self, &stream, &bytes)) return tell(event, stream, PyLong_FromUnsignedLong(bytes));
    return next_frame(self, event);
}

/* next() -> see _http2.pyi. One thread at a time. */
static PyObject *receiver_next(PyObject *object, PyObject *unused) {
    PyObject *event = NULL;
    enum outcome outcome;
    do outcome = step((struct receiver *)object, &event);
    while (outcome == GOES_ON);
    if (outcome == IS_OVER) Py_RETURN_NONE;
    return outcome == HAS_EVENT ? event : NULL;
}

/* want(stream): its messages; those of others are passed over. */
static PyObject *receiver_want(PyObject *object, PyObject *number) {
    struct receiver *self = (struct receiver *)object;
    unsigned long stream = PyLong_AsUnsignedLong(number);
    if (PyErr_Occurred()) return NULL;
    struct stream *made = PyMem_Calloc(1, sizeof *made);
    if (!made) return PyErr_NoMemory();
    made->number = (uint32_t)stream;
    made->next = self->streams;
    self->streams = made;
    Py_RETURN_NONE;
}

/* forget(stream): no more of it; nothing if nobody wanted it. */
static PyObject *receiver_forget(PyObject *object, PyObject *number) {
    unsigned long stream = PyLong_AsUnsignedLong(number);
    if (PyErr_Occurred()) return NULL;
    struct stream *found = find_stream((struct receiver *)object, (uint32_t)stream);
    if (found) found->is_forgotten = true;
    Py_RETURN_NONE;
}

/* Receiver(descriptor, most_message_bytes) */
static PyObject *receiver_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    int descriptor;
    unsigned long long most_message_bytes;
    if (!PyArg_ParseTuple(args, "iK", &descriptor, &most_message_bytes)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct receiver *self = (struct receiver *)allocate(type, 0);
    if (!self) return NULL;
    self->descriptor = descriptor;
    self->most_message_bytes = most_message_bytes;
    return (PyObject *)self;
}

static void receiver_dealloc(PyObject *object) {
    struct receiver *self = (struct receiver *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (struct stream *each = self->streams; each; each = each->next) each->is_forgotten = true;
    free_forgotten(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static PyMethodDef receiver_methods[] = {
    {"next", receiver_next, METH_NOARGS, NULL},
    {"want", receiver_want, METH_O, NULL},
    {"forget", receiver_forget, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot receiver_slots[] = {
    {Py_tp_new, (void *)receiver_new},
    {Py_tp_dealloc, (void *)receiver_dealloc},
    {Py_tp_methods, (void *)receiver_methods},
    {Py_tp_doc, (void *)"What comes on one connection."},
    {0, NULL},
};

static PyType_Spec receiver_spec = {
    "rtmesh.relay._http2.Receiver", sizeof(struct receiver), 0, Py_TPFLAGS_DEFAULT, receiver_slots,
};

#endif
