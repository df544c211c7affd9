/* test_aftermath.h: what must be true once the victim is dead: marked, survived, succeeded, accounted for. */
#ifndef RTMESH_TEST_AFTERMATH_H
#define RTMESH_TEST_AFTERMATH_H

#include "test_victims.h"

static void stand_up(struct world *world, uint32_t party) {
    if (!world->sits[party]) return;
    world->sits[party] = 0;
    if (party == WRITER) rtm_writer_detach(&world->writer);
    else rtm_reader_detach(&world->readers[party]);
}

/* What the victim's words say against what it wrote in its diary. */
static void check_victim(const struct world *world) {
    (void)check_words(world);
    if (now.victim == WRITER || !diary->has_sat[now.victim]) return;
    struct rtm_reader_look look = rtm_look_at_reader(&world->ring, now.victim);
    uint64_t more = look.journal.delivered - diary->got[now.victim], dropped = 0;
    for (uint32_t i = 0; i < RTM_REASONS; i++) dropped += look.journal.dropped[i];
    CHECK(more <= 1 && look.taken >= diary->next[now.victim] + more);
    CHECK(dropped || look.taken == diary->next[now.victim] + more);
}

static void check_buried(const struct world *world) {
    const struct rtm_ring *ring = &world->ring;
    if (now.mark == UNMARKED) return;
    if (now.victim == WRITER) {
        CHECK(RTM_LOAD(&rtm_header(ring)->writer) == 0);
        return;
    }
    struct rtm_reader_look look = rtm_look_at_reader(ring, now.victim);
    enum rtm_state state = rtm_state_of(look.state);
    CHECK(look.owner == 0 && !(rtm_header(ring)->sleepers >> now.victim & 1));
    for (uint32_t c = 0; c <= ring->layout.readers[now.victim].hold; c++)
        CHECK(rtm_cells(ring, now.victim)[c] == 0);
    if (now.victim == TAP) CHECK(state == RTM_FREE);
    else CHECK(state == RTM_GONE || (state == RTM_ABSENT && now.mark == ABSENT));
}

static void succeed_writer(struct world *world) {
    sit_to_write(world);
    check_slots(world);
    check_ages(world, world->writer.head);
    CHECK(rtm_header(&world->ring)->writer_sleeps == 0);
}

/* What was taken and not released can be had again, if the ring is one that keeps it. */
static void take_all_again(struct world *world) {
    struct rtm_reader *reader = &world->readers[BLOCK];
    struct rtm_message message;
    for (uint64_t p = reader->released; p < reader->taken; p++) {
        CHECK(rtm_take_again(reader, p, 0, &message, &world->problem) == RTM_DONE && message.position == p);
        check_pattern(&message);
        rtm_unpin(reader, 0);
    }
    rtm_release(reader, reader->taken);
}

static void succeed_reader(struct world *world, uint32_t seat) {
    struct rtm_reader_look before = rtm_look_at_reader(&world->ring, seat);
    sit_to_read(world, seat, now.ends);
    const struct rtm_reader *reader = &world->readers[seat];
    if (seat == TAP) {
        CHECK(reader->taken == rtm_look_at_writer(&world->ring).head && reader->journal.delivered == 0);
        return;
    }
    CHECK(reader->journal.delivered == before.journal.delivered);
    CHECK(reader->taken == before.taken || rtm_state_of(before.state) == RTM_GONE);
    check_latencies(world, seat);
    if (now.ends && seat == BLOCK) take_all_again(world);
    if (!now.ends) CHECK(reader->released == reader->taken);
}

/* Nobody is left to hold the writer, or the one who does sits and drains. */
static void go_on(struct world *world, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (publish_one(world)) continue;
        CHECK(world->sits[BLOCK]);
        drain(world, BLOCK);
        CHECK(publish_one(world));
    }
    drain_all(world);
}

static void survivors_go_on(struct world *world) {
    drain_all(world);
    if (now.victim == WRITER) return;
    if (now.victim == BLOCK && !is_gone(world, BLOCK)) {
        while (publish_one(world)) continue; /* until the dead one's queue is full */
        CHECK(rtm_survey(&world->ring, world->writer.head, 1).holder == BLOCK);
    } else {
        go_on(world, 2 * ENTRIES);
    }
    drain_all(world);
}

static void check_end_of_stream(struct world *world) {
    CHECK(rtm_claim(&world->writer, 1, 0, &world->problem) == RTM_ENDED);
    drain_all(world);
    for (uint32_t seat = 0; seat < SEATS; seat++) CHECK(rtm_reader_ended(&world->readers[seat]));
}

static void check_all(struct world *world) {
    uint64_t head = check_words(world);
    if (world->pinned.data) check_pattern(&world->pinned);
    CHECK(head == world->writer.head);
    CHECK(rtm_gather(&world->writer) == RTM_DONE);
    CHECK(world->writer.limbo_count == (world->pinned.data != NULL));
    check_slots(world);
    check_ages(world, head);
    for (uint32_t seat = 0; seat < SEATS; seat++) {
        check_latencies(world, seat);
        CHECK(rtm_look_at_reader(&world->ring, seat).taken == head);
    }
}

/* The survivor that is told to sleep while the child plays: its bell must have rung by the end. */
static struct rtm_bell sleep_beside(struct world *world) {
    struct rtm_wait_item item = rtm_wait_for(NULL, NULL);
    if (now.victim == WRITER) item.reader = &world->readers[BLOCK];
    else item.writer = &world->writer;
    return rtm_set_sleeper(&item, wants_now());
}

static void stop_sleeping_beside(struct world *world) {
    rtm_stop_sleeping(&world->ring, BLOCK);
    RTM_STORE_ORDERED(&rtm_header(&world->ring)->writer_sleeps, 0);
}

/* The living wake each other: a message its reader, room its writer. */
static void check_wakes(struct world *world) {
    struct rtm_wait_item reader = rtm_wait_for(&world->readers[BLOCK], NULL);
    struct rtm_wait_item writer = rtm_wait_for(NULL, &world->writer);
    struct rtm_bell bell = rtm_set_sleeper(&reader, RTM_WANTS_ROOM);
    CHECK(publish_one(world) && RTM_LOAD(bell.word) != bell.seen);
    while (publish_one(world)) continue;
    bell = rtm_set_sleeper(&writer, wants_now());
    drain_all(world);
    CHECK(RTM_LOAD(bell.word) != bell.seen);
    stop_sleeping_beside(world);
}

static void aftermath(struct world *world, pid_t child, struct rtm_bell bell) {
    check_victim(world);
    bury(world, now.victim, now.mark, child);
    check_buried(world);
    if (now.mark != UNMARKED) CHECK(RTM_LOAD(bell.word) != bell.seen);
    survivors_go_on(world);
    if (now.victim == WRITER) succeed_writer(world);
    else succeed_reader(world, now.victim);
    if (!world->sits[BLOCK]) succeed_reader(world, BLOCK);
    CHECK(RTM_LOAD(bell.word) != bell.seen || now.victim != WRITER);
    stop_sleeping_beside(world);
    if (world->writer.ended) {
        check_end_of_stream(world);
    } else {
        go_on(world, 3 * ENTRIES);
        check_wakes(world);
        check_all(world);
    }
    for (uint32_t party = 0; party <= SEATS; party++) stand_up(world, party);
}

#endif
