/* scalars.h: scalar fields of a message, and lists of them, as protobuf writes them.
**
** Only what a field usually is: an int, not something like an int. Everything else is protobuf's to take or refuse.
*/
#ifndef RTMESH_NODE_SCALARS_H
#define RTMESH_NODE_SCALARS_H

#include <float.h>

#include "bytes.h"

/* Field types, and wire types, as protobuf numbers them. */
enum field_kind {
    KIND_DOUBLE = 1, KIND_FLOAT, KIND_INT64, KIND_UINT64, KIND_INT32, KIND_FIXED64, KIND_FIXED32, KIND_BOOL,
    KIND_STRING, KIND_BYTES = 12, KIND_UINT32, KIND_SFIXED32 = 15, KIND_SFIXED64, KIND_SINT32, KIND_SINT64,
};
enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct field {
    PyObject *name;
    uint32_t number;
    enum field_kind kind;
    bool is_repeated, is_packed;
    bool has_presence; /* a default value is written too */
};

/* A value as it is written: the bits of a number, or bytes. */
struct scalar {
    uint64_t bits;
    const char *data;
    Py_ssize_t length;
};

static enum wire_type wire_type_of(enum field_kind kind) {
    switch (kind) {
        case KIND_DOUBLE:
        case KIND_FIXED64:
        case KIND_SFIXED64: return WIRE_FIXED64;
        case KIND_FLOAT:
        case KIND_FIXED32:
        case KIND_SFIXED32: return WIRE_FIXED32;
        case KIND_STRING:
        case KIND_BYTES: return WIRE_BYTES;
        default: return WIRE_VARINT;
    }
}

static bool read_floating(enum field_kind kind, PyObject *value, uint64_t *bits) {
    if (Py_TYPE(value) != &PyFloat_Type) return false;
    double number = PyFloat_AsDouble(value);
    if (kind == KIND_DOUBLE) {
        memcpy(bits, &number, sizeof number);
        return true;
    }
    if (number > FLT_MAX || number < -FLT_MAX || number != number) return false; /* protobuf's to round */
    float single = (float)number;
    uint32_t single_bits;
    memcpy(&single_bits, &single, sizeof single);
    *bits = single_bits;
    return true;
}

static bool is_signed_kind(enum field_kind kind) {
    return kind == KIND_INT64 || kind == KIND_INT32 || kind >= KIND_SFIXED32;
}

static bool is_narrow_kind(enum field_kind kind) {
    return kind == KIND_INT32 || kind == KIND_UINT32 || kind == KIND_FIXED32 || kind == KIND_SFIXED32 ||
           kind == KIND_SINT32;
}

static bool read_signed(enum field_kind kind, PyObject *value, uint64_t *bits) {
    int overflow;
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow) return false;
    if (is_narrow_kind(kind) && (number > INT32_MAX || number < INT32_MIN)) return false;
    bool is_zigzag = kind == KIND_SINT32 || kind == KIND_SINT64;
    *bits = is_zigzag ? (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0) : (uint64_t)number;
    return true;
}

static bool read_unsigned(enum field_kind kind, PyObject *value, uint64_t *bits) {
    *bits = PyLong_AsUnsignedLongLong(value);
    if (*bits == UINT64_MAX && PyErr_Occurred()) {
        PyErr_Clear();
        return false;
    }
    return !is_narrow_kind(kind) || *bits <= UINT32_MAX;
}

static bool read_text(enum field_kind kind, PyObject *value, struct scalar *scalar) {
    if (kind == KIND_BYTES) {
        if (Py_TYPE(value) != &PyBytes_Type) return false;
        scalar->data = PyBytes_AsString(value);
        scalar->length = PyBytes_Size(value);
        return true;
    }
    if (Py_TYPE(value) != &PyUnicode_Type) return false;
    scalar->data = PyUnicode_AsUTF8AndSize(value, &scalar->length);
    if (!scalar->data) PyErr_Clear(); /* no valid Unicode */
    return scalar->data != NULL;
}

/* False: not as it usually is. */
static bool read_scalar(enum field_kind kind, PyObject *value, struct scalar *scalar) {
    scalar->length = 0;
    if (wire_type_of(kind) == WIRE_BYTES) return read_text(kind, value, scalar);
    if (kind == KIND_DOUBLE || kind == KIND_FLOAT) return read_floating(kind, value, &scalar->bits);
    if (kind == KIND_BOOL) {
        scalar->bits = value == Py_True;
        return value == Py_True || value == Py_False;
    }
    if (Py_TYPE(value) != &PyLong_Type) return false;
    return is_signed_kind(kind) ? read_signed(kind, value, &scalar->bits)
                                : read_unsigned(kind, value, &scalar->bits);
}

static void put_tag(struct bytes *bytes, const struct field *field, enum wire_type type) {
    put_varint(bytes, (uint64_t)field->number << 3 | type);
}

static void put_scalar(struct bytes *bytes, enum field_kind kind, const struct scalar *scalar) {
    switch (wire_type_of(kind)) {
        case WIRE_FIXED64: put_bytes(bytes, &scalar->bits, 8); break;
        case WIRE_FIXED32: put_bytes(bytes, &scalar->bits, 4); break;
        case WIRE_VARINT: put_varint(bytes, scalar->bits); break;
        case WIRE_BYTES:
            put_varint(bytes, (uint64_t)scalar->length);
            put_bytes(bytes, scalar->data, (size_t)scalar->length);
    }
}

static bool put_single(struct bytes *bytes, const struct field *field, PyObject *value) {
    struct scalar scalar = {0};
    if (!read_scalar(field->kind, value, &scalar)) return false;
    if (!field->has_presence && !scalar.bits && !scalar.length) return true;
    put_tag(bytes, field, wire_type_of(field->kind));
    put_scalar(bytes, field->kind, &scalar);
    return true;
}

/* Items of a list or tuple, each behind a tag unless they are packed. */
static bool put_items(struct bytes *bytes, const struct field *field, PyObject *items) {
    Py_ssize_t count = PySequence_Size(items);
    bool is_list = PyList_Check(items);
    for (Py_ssize_t i = 0; i < count; i++) {
        struct scalar scalar = {0};
        PyObject *item = is_list ? PyList_GetItem(items, i) : PyTuple_GetItem(items, i);
        if (!item || !read_scalar(field->kind, item, &scalar)) return false;
        if (!field->is_packed) put_tag(bytes, field, wire_type_of(field->kind));
        put_scalar(bytes, field->kind, &scalar);
    }
    return true;
}

static bool put_repeated(struct bytes *bytes, const struct field *field, PyObject *items) {
    if (Py_TYPE(items) != &PyList_Type && Py_TYPE(items) != &PyTuple_Type) return false;
    if (!field->is_packed) return put_items(bytes, field, items);
    struct bytes packed;
    bytes_begin(&packed);
    bool is_put = put_items(&packed, field, items) && packed.data;
    if (is_put && packed.length) {
        put_tag(bytes, field, WIRE_BYTES);
        put_varint(bytes, packed.length);
        put_bytes(bytes, packed.data, packed.length);
    }
    bytes_free(&packed);
    return is_put;
}

/* Adds a field as protobuf would write it. False, with no error set: that is for protobuf to do, or to refuse. */
static bool put_field(struct bytes *bytes, const struct field *field, PyObject *value) {
    return field->is_repeated ? put_repeated(bytes, field, value) : put_single(bytes, field, value);
}

#endif
