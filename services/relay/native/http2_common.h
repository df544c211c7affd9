/* http2_common.h: frames of HTTP/2 as both directions know them. */
#ifndef RTMESH_HTTP2_COMMON_H
#define RTMESH_HTTP2_COMMON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    FRAME_HEAD_BYTES = 9, /* length 3, type 1, flags 1, stream 4; most significant first */
    MESSAGE_HEAD_BYTES = 5,
    FRAME_DATA = 0,
    FLAG_END_STREAM = 0x1,
    FLAG_PADDED = 0x8,
};

static inline uint32_t get_number(const unsigned char *at, int bytes) {
    uint32_t number = 0;
    for (int i = 0; i < bytes; i++) number = number << 8 | at[i];
    return number;
}

static inline void put_number(unsigned char *at, uint32_t number, int bytes) {
    while (bytes--) {
        at[bytes] = (unsigned char)number;
        number >>= 8;
    }
}

#endif
