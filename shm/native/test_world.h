/* test_world.h: a small ring with a reader of every policy, and everything that must be true of it.
**
** One process (the survivor) plays all parties but one, its child plays that one. What the child has seen done
** it writes into a diary outside the segment, before and after each step, so that after its death the accounts
** in the segment can be held against it.
*/
#ifndef RTMESH_TEST_WORLD_H
#define RTMESH_TEST_WORLD_H

#include "test_common.h"

enum party { BLOCK, DROP, LATEST, TAP, SEATS, WRITER = SEATS };

#define ENTRIES 4u
#define PINNED_CELL 2u
#define NOW_NS 100000000 /* all messages are taken at this time; message p is published at p * 1000 ns */
#define MOST_POSITIONS 256u
#define LONG_NS 3600000000000 /* the block reader holds: only one that is marked gone lets go */

struct diary {
    uint64_t begun, published;       /* messages whose commit was begun, has returned */
    uint64_t next[SEATS], got[SEATS]; /* position behind the last message given; how many were given */
    int has_sat[SEATS];              /* next and got are those of the process that sits there */
    uint32_t epochs[MOST_POSITIONS]; /* by position */
    int is_between_takes, was_told;  /* of a reader: that it was gone */
    const char *function;            /* where the child was killed */
    int line;
};

struct world {
    struct rtm_ring ring;
    struct diary *diary;
    struct rtm_writer writer;
    struct rtm_reader readers[SEATS];
    int sits[SEATS + 1];
    struct rtm_message pinned; /* by the drop_oldest reader, for good */
    struct rtm_problem problem;
};

/* A stop point of the test's own, as a store to the segment has one; free when nobody is to be stopped. */
#ifdef RTM_STOP_POINTS
#define STOP_POINT() rtm_stop_point(__func__, __LINE__)
#else
#define STOP_POINT() ((void)0)
#endif

static inline void plan_world(struct world *world) {
    struct rtm_layout layout = {SLOT_BYTES, ENTRIES, 0, 1, 1, {{{0}, 0, 0, 0, 0}}, {ORIGIN}};
    set_reader(&layout, "block", RTM_BLOCK, ENTRIES);
    set_reader(&layout, "drop", RTM_DROP_OLDEST, ENTRIES - 1);
    set_reader(&layout, "latest", RTM_LATEST, 1);
    layout.readers[BLOCK].hold_absent_ns = LONG_NS;
    CHECK(rtm_plan(&world->ring, &layout, &world->problem) == RTM_DONE);
}

/* The writer's */

static inline void sit_to_write(struct world *world) {
    uint32_t epoch = rtm_look_at_writer(&world->ring).journal.epoch;
    CHECK(rtm_writer_attach(&world->writer, &world->ring, RTM_NEXT_EPOCH, &world->problem) == RTM_DONE);
    CHECK(world->writer.journal.epoch == epoch + 1);
    world->sits[WRITER] = 1;
}

static inline int64_t age_of(uint64_t position) { return (int64_t)position * 500; }

/* Publishes one message; 0 if a reader holds the writer. */
static inline int publish_one(struct world *world) {
    struct rtm_writer *writer = &world->writer;
    uint64_t position = writer->head;
    struct rtm_stamp stamp = {(int64_t)position * 1000, position + 1, ORIGIN, 0};
    stamp.origin_time_ns = stamp.publish_time_ns - age_of(position);
    enum rtm_result result = rtm_claim(writer, length_of(position), position % 64, &world->problem);
    if (result == RTM_NOTHING) return 0;
    CHECK(result == RTM_DONE && position < MOST_POSITIONS);
    STOP_POINT();
    fill(rtm_claimed(writer), position);
    world->diary->epochs[position] = writer->journal.epoch;
    world->diary->begun = position + 1;
    CHECK(rtm_commit(writer, &stamp) == position);
    world->diary->published = position + 1;
    STOP_POINT();
    return 1;
}

/* The readers' */

static inline int is_gone(const struct world *world, uint32_t seat) {
    return rtm_state_of(RTM_LOAD(&rtm_seat_at(&world->ring, seat)->state)) == RTM_GONE;
}

/* The invariant of a block reader that is not gone. */
static inline void check_queue(const struct world *world) {
    struct rtm_reader_look look = rtm_look_at_reader(&world->ring, BLOCK);
    if (rtm_state_of(look.state) != RTM_GONE)
        CHECK(rtm_look_at_writer(&world->ring).head - look.released <= rtm_queue_of(&world->ring, BLOCK));
}

static inline void sit_to_read(struct world *world, uint32_t seat, int keep_unreleased) {
    struct rtm_reader *reader = &world->readers[seat];
    world->diary->has_sat[seat] = 0;
    enum rtm_result result =
        seat == TAP ? rtm_tap(reader, &world->ring, "tap", 2, &world->problem)
                    : rtm_reader_attach(reader, &world->ring, seat, keep_unreleased, &world->problem);
    CHECK(result == RTM_DONE);
    if (seat == BLOCK) check_queue(world);
    world->diary->next[seat] = reader->taken;
    world->diary->got[seat] = reader->journal.delivered;
    world->diary->has_sat[seat] = 1;
    world->sits[seat] = 1;
}

static inline void check_message(
    const struct world *world, uint32_t seat, const struct rtm_message *message) {
    uint64_t position = message->position, next = world->diary->next[seat];
    CHECK(position == next || (position > next && (seat != BLOCK || is_gone(world, seat))));
    CHECK(message->source_position == position + 1 && message->epoch == world->diary->epochs[position]);
    CHECK(message->publish_time_ns == (int64_t)position * 1000);
    check_pattern(message);
}

/* RTM_DONE, RTM_NOTHING, or RTM_WAS_GONE. */
static inline enum rtm_result take_one(
    struct world *world, uint32_t seat, uint32_t cell, struct rtm_message *message) {
    struct rtm_reader *reader = &world->readers[seat];
    enum rtm_result result = rtm_take(reader, NOW_NS, cell, message, &world->problem);
    if (result == RTM_DONE) {
        check_message(world, seat, message);
        world->diary->next[seat] = message->position + 1;
        world->diary->got[seat]++;
    }
    STOP_POINT();
    CHECK(result >= 0 || result == RTM_WAS_GONE);
    if (result == RTM_WAS_GONE) world->diary->was_told = 1;
    return result;
}

/* Takes, looks, lets go: as many as there are. */
static inline void drain(struct world *world, uint32_t seat) {
    struct rtm_reader *reader = &world->readers[seat];
    struct rtm_message message;
    while (take_one(world, seat, 0, &message) == RTM_DONE) {
        rtm_unpin(reader, 0);
        rtm_release(reader, reader->taken);
    }
}

static inline void drain_all(struct world *world) {
    for (uint32_t seat = 0; seat < SEATS; seat++)
        if (world->sits[seat]) drain(world, seat);
}

/* What must be true */

/* Every slot is exactly one of published, free, in limbo, claimed; an entry says nothing about the future. */
static inline void check_slots(const struct world *world) {
    const struct rtm_writer *writer = &world->writer;
    uint32_t times[64] = {0}, all = 0;
    CHECK(world->ring.slot_count <= 64);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint64_t seq = rtm_entry_of(&world->ring, i)->seq;
        CHECK(seq <= writer->head && (seq == 0 || ((seq - 1) & world->ring.mask) == i));
        CHECK((seq == 0) == (writer->slot_of[i] == RTM_NO_SLOT));
        if (seq) times[writer->slot_of[i]]++;
        CHECK(seq == 0 || writer->slot_of[i] == rtm_entry_of(&world->ring, i)->slot);
    }
    for (uint32_t i = 0; i < writer->free_count; i++) times[writer->free_slots[i]]++;
    for (uint32_t i = 0; i < writer->limbo_count; i++) times[writer->limbo[i]]++;
    if (writer->claimed != RTM_NO_SLOT) times[writer->claimed]++;
    for (uint32_t slot = 0; slot < world->ring.slot_count; slot++) all += times[slot] == 1;
    CHECK(all == world->ring.slot_count);
}

/* The age histogram holds one value a published message, each in its bucket. */
static inline void check_ages(const struct world *world, uint64_t head) {
    struct rtm_histogram expected;
    memset(&expected, 0, sizeof expected);
    for (uint64_t p = 0; p < head; p++) expected.counts[rtm_bucket(age_of(p))]++;
    CHECK(memcmp(expected.counts, rtm_ages(&world->ring, 0)->counts, sizeof expected.counts) == 0);
}

/* The same of a reader that was given each message from `start` on but the dropped ones. */
static inline void check_latencies(const struct world *world, uint32_t seat) {
    struct rtm_reader_look look = look_at(&world->ring, seat);
    uint64_t dropped = 0;
    struct rtm_histogram expected;
    check_account(&world->ring, seat);
    for (uint32_t i = 0; i < RTM_REASONS; i++) dropped += look.journal.dropped[i];
    if (dropped) return; /* which ones is not written down */
    memset(&expected, 0, sizeof expected);
    for (uint64_t p = look.journal.start; p < look.taken; p++)
        expected.counts[rtm_bucket(NOW_NS - (int64_t)p * 1000)]++;
    CHECK(memcmp(expected.counts, rtm_latencies(&world->ring, seat)->counts, sizeof expected.counts) == 0);
}

/* The words of the ring against the diary. One step more can be done than it says: the one cut short. */
static inline uint64_t check_words(const struct world *world) {
    struct rtm_writer_look writer = rtm_look_at_writer(&world->ring);
    CHECK(world->diary->published <= writer.head && writer.head <= world->diary->begun);
    CHECK(writer.journal.source_position == writer.head);
    if (writer.head) CHECK(writer.journal.last_time_ns == (int64_t)(writer.head - 1) * 1000);
    for (uint32_t seat = 0; seat < SEATS; seat++) {
        if (rtm_state_of(rtm_look_at_reader(&world->ring, seat).state) == RTM_FREE) continue;
        (void)look_at(&world->ring, seat);
    }
    return writer.head;
}

#endif
