/* test_common.h: what the native tests share: rings to test with, messages whose bytes tell their position. */
#ifndef RTMESH_TEST_COMMON_H
#define RTMESH_TEST_COMMON_H

#include "rtmesh_ring.h"

#define SLOT_BYTES 256u
#define PATIENCE_NS 20000000000
#define ORIGIN 7u

#define CHECK(fact)                                                                   \
    do {                                                                              \
        if (!(fact)) {                                                                \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #fact); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

static inline void set_reader(struct rtm_layout *layout, const char *name, uint32_t policy, uint32_t queue) {
    struct rtm_reader_layout *reader = &layout->readers[layout->fixed_readers++];
    snprintf(reader->name, sizeof reader->name, "%s", name);
    reader->policy = policy;
    reader->queue = queue;
    reader->hold = 2;
    reader->hold_absent_ns = 1000000;
}

static inline void make_ring(struct rtm_ring *ring, const struct rtm_layout *layout) {
    struct rtm_problem problem;
    CHECK(rtm_plan(ring, layout, &problem) == RTM_DONE);
    void *base = aligned_alloc(RTM_PAGE, rtm_round_up(ring->size_bytes, RTM_PAGE));
    CHECK(base != NULL);
    memset(base, 0, ring->size_bytes);
    ring->base = (unsigned char *)base;
    rtm_format(ring, rtm_own_identity());
    CHECK(rtm_open(ring, base, ring->size_bytes, &problem) == RTM_DONE);
}

static inline uint64_t length_of(uint64_t position) { return 8 + position * 7 % (SLOT_BYTES - 8); }

static inline void fill(unsigned char *data, uint64_t position) {
    memset(data, (int)(position * 31 & 255), length_of(position));
    memcpy(data, &position, sizeof position);
}

static inline void check_pattern(const struct rtm_message *message) {
    uint64_t position;
    CHECK(message->length == length_of(message->position));
    memcpy(&position, message->data, sizeof position);
    CHECK(position == message->position);
    for (uint64_t i = 8; i < message->length; i++)
        CHECK(message->data[i] == (unsigned char)(message->position * 31 & 255));
}

/* Waits for one item; the test fails if nothing comes. */
static inline void wait_for(const struct rtm_reader *reader, const struct rtm_writer *writer) {
    struct rtm_wait_item item = rtm_wait_for(reader, writer);
    struct rtm_bell bell;
    CHECK(rtm_wait(&item, 1, &bell, rtm_monotonic_ns() + PATIENCE_NS, 2000) == 1);
}

static inline void publish(struct rtm_writer *writer) {
    struct rtm_problem problem;
    struct rtm_stamp stamp = {(int64_t)writer->head, writer->head + 1, ORIGIN, 0};
    enum rtm_result result;
    while ((result = rtm_claim(writer, length_of(writer->head), writer->head % 64, &problem)) == RTM_NOTHING)
        wait_for(NULL, writer);
    CHECK(result == RTM_DONE);
    CHECK(((uintptr_t)rtm_claimed(writer) + writer->head % 64) % 64 == 0);
    fill(rtm_claimed(writer), writer->head);
    rtm_commit(writer, &stamp);
}

static inline void check_sum(const struct rtm_reader_look *look, uint64_t head) {
    uint64_t sum = look->journal.start + look->journal.delivered;
    for (uint32_t i = 0; i < RTM_REASONS; i++) sum += look->journal.dropped[i];
    CHECK(sum == look->taken && look->taken <= head);
}

/* The account of a reader, as it stands in its words and as it is told; returns what is told. */
static inline struct rtm_reader_look look_at(const struct rtm_ring *ring, uint32_t index) {
    struct rtm_reader_look look = rtm_look_at_reader(ring, index);
    uint64_t head = rtm_look_at_writer(ring).head;
    check_sum(&look, head);
    rtm_settle_look(ring, index, head, &look);
    check_sum(&look, head);
    /* A block reader and its writer may both have moved between the two readings. */
    uint32_t policy = ring->layout.readers[index].policy;
    CHECK(policy == RTM_BLOCK || head - look.taken <= rtm_queue_of(ring, index));
    return look;
}

static inline void check_account(const struct rtm_ring *ring, uint32_t index) {
    struct rtm_reader_look look = look_at(ring, index);
    CHECK(rtm_histogram_count(rtm_latencies(ring, index)) == look.journal.delivered);
}

#endif
