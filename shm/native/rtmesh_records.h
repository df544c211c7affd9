/* rtmesh_records.h: several messages as one run of bytes, and back: what a relay sends at a time.
**
** A record is written as the field `records` of rtmesh.v1.EdgeRecords, so that any protobuf reader takes it
** apart. Ours are always complete and in this order; what else protobuf would allow is refused:
**
**   1A n          field 3, n bytes:
**   09 8 bytes      position in the writer's ring
**   11 8 bytes      publish_time_ns
**   1A m m bytes    the message
*/
#ifndef RTMESH_RECORDS_H
#define RTMESH_RECORDS_H

#include "rtmesh_reader.h"

#define RTM_RECORD_MOST_EXTRA 40u /* bytes around a message, at most: 2 tags, 2 varints of 10, 2 fields of 9 */

struct rtm_record {
    uint64_t position, length;
    int64_t publish_time_ns;
    const unsigned char *data;
};

static inline unsigned char *rtm_put_varint(unsigned char *at, uint64_t value) {
    for (; value > 127; value >>= 7) *at++ = (unsigned char)(value | 128);
    *at++ = (unsigned char)value;
    return at;
}

static inline uint32_t rtm_varint_bytes(uint64_t value) {
    uint32_t count = 1;
    for (; value > 127; value >>= 7) count++;
    return count;
}

/* 0 if there is none. */
static inline uint64_t rtm_get_varint(const unsigned char **at, const unsigned char *end, int *ok) {
    uint64_t value = 0;
    for (uint32_t shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return value;
    }
    *ok = 0;
    return 0;
}

static inline unsigned char *rtm_put_fixed(unsigned char *at, unsigned char tag, uint64_t value) {
    *at++ = tag;
    memcpy(at, &value, sizeof value); /* little-endian, as the layout asserts */
    return at + sizeof value;
}

static inline uint64_t rtm_get_fixed(
    const unsigned char **at, const unsigned char *end, unsigned char tag, int *ok) {
    uint64_t value = 0;
    if (end - *at < 9 || **at != tag) {
        *ok = 0;
        return 0;
    }
    memcpy(&value, *at + 1, sizeof value);
    *at += 9;
    return value;
}

/* Of a record, on the wire. */
static inline uint64_t rtm_record_bytes(uint64_t length) {
    uint64_t inner = 19 + rtm_varint_bytes(length) + length;
    return 1 + rtm_varint_bytes(inner) + inner;
}

/* Writes a record; there must be room for message->length + RTM_RECORD_MOST_EXTRA bytes. */
static inline unsigned char *rtm_put_record(unsigned char *at, const struct rtm_message *message) {
    *at++ = 0x1A;
    at = rtm_put_varint(at, 19 + rtm_varint_bytes(message->length) + message->length);
    at = rtm_put_fixed(at, 0x09, message->position);
    at = rtm_put_fixed(at, 0x11, (uint64_t)message->publish_time_ns);
    *at++ = 0x1A;
    at = rtm_put_varint(at, message->length);
    rtm_copy(at, message->data, message->length);
    return at + message->length;
}

/* Reads the record at `*at` and moves behind it. RTM_BAD_RECORD: it is none. */
static inline enum rtm_result rtm_get_record(
    const unsigned char **at, const unsigned char *end, struct rtm_record *record) {
    int ok = **at == 0x1A;
    ++*at;
    uint64_t inner = rtm_get_varint(at, end, &ok);
    if (!ok || inner > (uint64_t)(end - *at)) return RTM_BAD_RECORD;
    const unsigned char *inner_end = *at + inner;
    record->position = rtm_get_fixed(at, inner_end, 0x09, &ok);
    if (ok) record->publish_time_ns = (int64_t)rtm_get_fixed(at, inner_end, 0x11, &ok);
    ok = ok && *at < inner_end && *(*at)++ == 0x1A;
    record->length = ok ? rtm_get_varint(at, inner_end, &ok) : 0;
    if (!ok || record->length != (uint64_t)(inner_end - *at)) return RTM_BAD_RECORD;
    record->data = *at;
    *at = inner_end;
    return RTM_DONE;
}

/* How much a relay takes at a time. */
struct rtm_helping {
    uint32_t most_messages, taken;
    uint64_t most_bytes; /* no further message once so many are written */
};

/* Takes what there is, as records at `at`, where most_bytes and the longest message must find room; nothing
** stays pinned. Returns behind the last record. *result: RTM_DONE, or the error that ended it. */
static inline unsigned char *rtm_take_records(
    struct rtm_reader *reader, int64_t now_ns, struct rtm_helping *helping, unsigned char *at,
    enum rtm_result *result, struct rtm_problem *problem) {
    const unsigned char *start = at;
    struct rtm_message message;
    *result = RTM_DONE;
    while (helping->taken < helping->most_messages && (uint64_t)(at - start) < helping->most_bytes) {
        *result = rtm_take(reader, now_ns, reader->hold, &message, problem);
        if (*result != RTM_DONE) break;
        at = rtm_put_record(at, &message);
        rtm_unpin(reader, reader->hold);
        helping->taken++;
    }
    if (*result == RTM_NOTHING || at != start) *result = RTM_DONE; /* an error will come again */
    return at;
}

/* Where an edge stands on its way into a ring. */
struct rtm_inflow {
    uint64_t next;        /* position of the next message of the far ring */
    uint32_t credit;      /* so many may come */
    int is_contiguous;    /* no position may be left out */
    uint32_t published;
};

static inline enum rtm_result rtm_check_record(
    const struct rtm_inflow *flow, const struct rtm_record *record, struct rtm_problem *problem) {
    if (record->position < flow->next || (flow->is_contiguous && record->position > flow->next))
        return rtm_fail(problem, RTM_BAD_RECORD, "message %llu came when %llu was the next",
                        (unsigned long long)record->position, (unsigned long long)flow->next);
    if (flow->published == flow->credit)
        return rtm_fail(problem, RTM_BAD_RECORD, "message %llu came without credit",
                        (unsigned long long)record->position);
    return RTM_DONE;
}

static inline enum rtm_result rtm_publish_record(
    struct rtm_writer *writer, struct rtm_inflow *flow, const struct rtm_record *record,
    struct rtm_problem *problem) {
    struct rtm_stamp stamp = {record->publish_time_ns, record->position + 1, 0, 0};
    enum rtm_result result = rtm_check_record(flow, record, problem);
    if (result == RTM_DONE) result = rtm_claim(writer, record->length, 0, problem);
    if (result == RTM_NOTHING)
        return rtm_fail(problem, RTM_BAD_RECORD, "the ring is full at message %llu",
                        (unsigned long long)record->position);
    if (result < 0) return result;
    rtm_copy(rtm_claimed(writer), record->data, record->length);
    rtm_commit(writer, &stamp);
    flow->next = record->position + 1;
    flow->published++;
    return RTM_DONE;
}

/* Publishes records, each with the far position behind it, until their end or the first that may not be. */
static inline enum rtm_result rtm_publish_records(
    struct rtm_writer *writer, struct rtm_inflow *flow, const unsigned char *at, uint64_t length,
    struct rtm_problem *problem) {
    const unsigned char *end = at + length;
    struct rtm_record record;
    while (at < end) {
        if (rtm_get_record(&at, end, &record) != RTM_DONE)
            return rtm_fail(problem, RTM_BAD_RECORD, "what came after message %llu is no record",
                            (unsigned long long)flow->next);
        enum rtm_result result = rtm_publish_record(writer, flow, &record, problem);
        if (result != RTM_DONE) return result;
    }
    return RTM_DONE;
}

#endif
