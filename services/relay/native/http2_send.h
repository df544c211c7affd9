/* http2_send.h: a gRPC message as DATA frames. */
#ifndef RTMESH_HTTP2_SEND_H
#define RTMESH_HTTP2_SEND_H

#include "http2_common.h"

/* Both, in as many calls as it takes; 0, or -1 with errno. */
static int send_both(int descriptor, struct iovec parts[2]) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    while (parts[0].iov_len + parts[1].iov_len) {
        ssize_t sent = sendmsg(descriptor, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) return -1;
        for (int i = 0; i < 2 && sent > 0; i++) {
            size_t part = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + part;
            parts[i].iov_len -= part;
            sent -= (ssize_t)part;
        }
    }
    return 0;
}

/* The message's own head stands in its first frame. */
static int send_frames(int descriptor, uint32_t stream, const char *message, uint64_t left, uint32_t most_bytes) {
    unsigned char head[FRAME_HEAD_BYTES + MESSAGE_HEAD_BYTES] = {0};
    uint32_t extra = MESSAGE_HEAD_BYTES;
    put_number(head + 5, stream, 4);
    put_number(head + FRAME_HEAD_BYTES + 1, (uint32_t)left, 4);
    do {
        uint32_t part = left < most_bytes - extra ? (uint32_t)left : most_bytes - extra;
        put_number(head, part + extra, 3);
        struct iovec parts[] = {{head, FRAME_HEAD_BYTES + extra}, {(void *)message, part}};
        if (send_both(descriptor, parts) < 0) return -1;
        message += part;
        left -= part;
        extra = 0;
    } while (left);
    return 0;
}

/* send_message(descriptor, stream, message, most_frame_bytes): blocks without the interpreter's lock. */
static PyObject *send_message(PyObject *module, PyObject *args) {
    int descriptor, result;
    unsigned int stream, most_bytes;
    PyObject *message;
    if (!PyArg_ParseTuple(args, "iISI", &descriptor, &stream, &message, &most_bytes)) return NULL;
    Py_ssize_t length = PyBytes_Size(message);
    if (length > UINT32_MAX || most_bytes <= MESSAGE_HEAD_BYTES || most_bytes >= 1u << 24) {
        PyErr_SetString(PyExc_OverflowError, "a message has less than 4 GiB, a frame 6 bytes to 16 MiB");
        return NULL;
    }
    const char *bytes = PyBytes_AsString(message);
    Py_BEGIN_ALLOW_THREADS;
    result = send_frames(descriptor, stream, bytes, (uint64_t)length, most_bytes);
    Py_END_ALLOW_THREADS;
    if (result < 0) return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

#endif
