/* bytes.h: bytes that grow, and protobuf's varints. */
#ifndef RTMESH_NODE_BYTES_H
#define RTMESH_NODE_BYTES_H

#include "header.h"

enum { FEW_BYTES = 512, VARINT_BYTES = 10 };

struct bytes {
    unsigned char *data; /* NULL: there was no memory for more */
    size_t length, room;
    unsigned char few[FEW_BYTES];
};

static void bytes_begin(struct bytes *bytes) {
    bytes->data = bytes->few;
    bytes->length = 0;
    bytes->room = FEW_BYTES;
}

static void bytes_free(struct bytes *bytes) {
    if (bytes->data != bytes->few) PyMem_Free(bytes->data);
}

static void bytes_grow(struct bytes *bytes, size_t room) {
    unsigned char *data = (unsigned char *)PyMem_Malloc(room);
    if (data) memcpy(data, bytes->data, bytes->length);
    bytes_free(bytes);
    bytes->data = data;
    bytes->room = room;
}

/* Where `length` more bytes are to be written; NULL if there is no memory for them. */
static unsigned char *bytes_add(struct bytes *bytes, size_t length) {
    if (bytes->data && length > bytes->room - bytes->length) bytes_grow(bytes, 2 * (bytes->length + length));
    if (!bytes->data) return NULL;
    bytes->length += length;
    return bytes->data + bytes->length - length;
}

static void put_bytes(struct bytes *bytes, const void *data, size_t length) {
    unsigned char *to = bytes_add(bytes, length);
    if (to && length) memcpy(to, data, length);
}

static void put_varint(struct bytes *bytes, uint64_t value) {
    unsigned char groups[VARINT_BYTES];
    size_t count = 0;
    for (; value > 0x7F; value >>= 7) groups[count++] = (unsigned char)(value | 0x80);
    groups[count++] = (unsigned char)value;
    put_bytes(bytes, groups, count);
}

#endif
