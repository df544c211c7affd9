/* rtmesh_frames.h: the frames of relays, as far as they carry messages: fields of rtmesh.v1.Frame, in C.
**
** What a relay writes, and all that is taken; any protobuf reader takes it apart, too:
**
**   2A n          Frame.edges, n bytes:                 32 n          Frame.chunk, n bytes:
**   0D 4 bytes      number                              0D 4 bytes      number
**   10 varint       skip_position, if there is one      11 8 bytes      position
**   20 varint       end_position, if there is one       19 8 bytes      publish_time_ns
**   records         see rtmesh_records.h                21 8 bytes      total_bytes
**                                                       29 8 bytes      offset
**                                                       32 m m bytes    part
**
** Every other field of a Frame has a tag of one byte and a length, too, and is handed on as it came.
*/
#ifndef RTMESH_FRAMES_H
#define RTMESH_FRAMES_H

#include "rtmesh_records.h"

#define RTM_TAG_EDGES 0x2A
#define RTM_TAG_CHUNK 0x32
#define RTM_EDGE_MOST_EXTRA 27u /* bytes before the records: tag, a length of 10, number of 5, skip of 11 */

struct rtm_field {
    const unsigned char *start, *end; /* with its tag */
    unsigned char tag;
    uint32_t number;                          /* edges and chunk */
    uint64_t skip_position, end_position;     /* edges */
    uint64_t position, total_bytes, offset;   /* chunk */
    int64_t publish_time_ns;                  /* chunk */
    const unsigned char *data;                /* the records, or the part: up to `end` */
};

static inline uint32_t rtm_get_number(const unsigned char **at, const unsigned char *end, int *ok) {
    uint32_t number = 0;
    if (end - *at < 5 || **at != 0x0D) {
        *ok = 0;
        return 0;
    }
    memcpy(&number, *at + 1, sizeof number);
    *at += 5;
    return number;
}

/* 0 if the tag is not there. */
static inline uint64_t rtm_get_optional(
    const unsigned char **at, const unsigned char *end, unsigned char tag, int *ok) {
    if (*at >= end || **at != tag) return 0;
    ++*at;
    return rtm_get_varint(at, end, ok);
}

static inline int rtm_get_edge(const unsigned char *at, struct rtm_field *field) {
    int ok = 1;
    field->number = rtm_get_number(&at, field->end, &ok);
    if (ok) field->skip_position = rtm_get_optional(&at, field->end, 0x10, &ok);
    if (ok) field->end_position = rtm_get_optional(&at, field->end, 0x20, &ok);
    field->data = at;
    return ok;
}

static inline int rtm_get_chunk(const unsigned char *at, struct rtm_field *field) {
    int ok = 1;
    field->number = rtm_get_number(&at, field->end, &ok);
    if (ok) field->position = rtm_get_fixed(&at, field->end, 0x11, &ok);
    if (ok) field->publish_time_ns = (int64_t)rtm_get_fixed(&at, field->end, 0x19, &ok);
    if (ok) field->total_bytes = rtm_get_fixed(&at, field->end, 0x21, &ok);
    if (ok) field->offset = rtm_get_fixed(&at, field->end, 0x29, &ok);
    ok = ok && at < field->end && *at++ == 0x32;
    uint64_t length = ok ? rtm_get_varint(&at, field->end, &ok) : 0;
    field->data = at;
    return ok && length == (uint64_t)(field->end - at);
}

/* Reads the field at `*at`, which lies before `end`, and moves behind it. RTM_BAD_RECORD: it is none. */
static inline enum rtm_result rtm_get_field(
    const unsigned char **at, const unsigned char *end, struct rtm_field *field) {
    int ok = 1;
    memset(field, 0, sizeof *field);
    field->start = *at;
    field->tag = *(*at)++;
    uint64_t length = rtm_get_varint(at, end, &ok);
    if (!ok || length > (uint64_t)(end - *at)) return RTM_BAD_RECORD;
    const unsigned char *inner = *at;
    *at = field->end = inner + length;
    if (field->tag == RTM_TAG_EDGES) ok = rtm_get_edge(inner, field);
    else if (field->tag == RTM_TAG_CHUNK) ok = rtm_get_chunk(inner, field);
    return ok ? RTM_DONE : RTM_BAD_RECORD;
}

/* An edge that leaves, as the sender of its messages sees it. */
struct rtm_outflow {
    uint32_t number;
    uint64_t granted, sent; /* messages */
    uint64_t skip_position; /* to be said with the next; 0: nothing */
};

/* Of what stands before the records, but for tag and length. */
static inline uint64_t rtm_edge_head_bytes(const struct rtm_outflow *flow) {
    return 5 + (flow->skip_position ? 1 + rtm_varint_bytes(flow->skip_position) : 0);
}

/* Writes what stands before the records of an EdgeRecords that has so many bytes of them. */
static inline unsigned char *rtm_put_edge_head(
    unsigned char *at, const struct rtm_outflow *flow, uint64_t record_bytes) {
    *at++ = RTM_TAG_EDGES;
    at = rtm_put_varint(at, rtm_edge_head_bytes(flow) + record_bytes);
    *at++ = 0x0D;
    memcpy(at, &flow->number, sizeof flow->number);
    at += sizeof flow->number;
    if (!flow->skip_position) return at;
    *at++ = 0x10;
    return rtm_put_varint(at, flow->skip_position);
}

static inline uint64_t rtm_edge_bytes(const struct rtm_outflow *flow, uint64_t record_bytes) {
    uint64_t inner = rtm_edge_head_bytes(flow) + record_bytes;
    return 1 + rtm_varint_bytes(inner) + inner;
}

#endif
