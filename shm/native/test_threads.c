/* test_threads.c: parties that come and go, are cut off, relay and sleep, as threads; run under sanitizers.
**
** Each thread that uses the ring checks what it reads (bytes, order, what may be missing); what a party leaves
** to its successor in the seat is plain memory, so ThreadSanitizer sees whether the seat really hands it over.
*/
#include "test_common.h"

#include <pthread.h>

#define MESSAGES 12000u
#define ENTRIES 16u

enum { COMES, COMES_AGAIN, LEAVES, LATEST, SEATS };

struct world {
    struct rtm_ring *ring;
    uint32_t seat;
};

static uint64_t draw(uint64_t *random) {
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    return *random >> 33;
}

static int has_ended(const struct rtm_ring *ring) { return rtm_look_at_writer(ring).ended; }

static void run(void *(*const *work)(void *), struct world *worlds, int count) {
    pthread_t threads[16];
    for (int i = 0; i < count; i++) CHECK(pthread_create(&threads[i], NULL, work[i], &worlds[i]) == 0);
    for (int i = 0; i < count; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* A writer after the other, each with an epoch of its own and a claim that it leaves behind. */
static void *write_in_turns(void *argument) {
    struct rtm_ring *ring = ((struct world *)argument)->ring;
    struct rtm_problem problem;
    uint64_t random = 1;
    for (uint32_t epoch = 1;; epoch++) {
        struct rtm_writer writer;
        CHECK(rtm_writer_attach(&writer, ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
        CHECK(writer.journal.epoch == epoch);
        uint64_t until = writer.head + draw(&random) % 200;
        while (writer.head < until && writer.head < MESSAGES) publish(&writer);
        int is_last = writer.head == MESSAGES;
        if (is_last) rtm_end(&writer);
        else (void)rtm_claim(&writer, 1, 0, &problem);
        rtm_writer_detach(&writer);
        if (is_last) return NULL;
    }
}

/* What the last one in the seat had taken and not released. */
static void take_all_again(struct rtm_reader *reader) {
    struct rtm_message message;
    struct rtm_problem problem;
    for (uint64_t p = reader->released; p < reader->taken; p++) {
        CHECK(rtm_take_again(reader, p, 2, &message, &problem) == RTM_DONE && message.position == p);
        check_pattern(&message);
        rtm_unpin(reader, 2);
    }
}

/* Takes `count` messages at most, the last of which stays pinned and unreleased while the next is taken. */
static uint64_t take_some(struct rtm_reader *reader, uint64_t count) {
    struct rtm_message messages[2];
    struct rtm_problem problem;
    uint64_t taken = 0;
    while (taken < count && !rtm_reader_ended(reader)) {
        enum rtm_result result = rtm_take(reader, 0, taken & 1, &messages[taken & 1], &problem);
        if (result == RTM_WAS_GONE) break;
        if (result == RTM_NOTHING) {
            wait_for(reader, NULL);
            continue;
        }
        CHECK(result == RTM_DONE);
        check_pattern(&messages[taken & 1]);
        if (taken) check_pattern(&messages[(taken - 1) & 1]);
        if (taken) rtm_unpin(reader, (taken - 1) & 1);
        rtm_release(reader, reader->taken - 1);
        taken++;
    }
    rtm_unpin(reader, 0);
    rtm_unpin(reader, 1);
    return taken;
}

/* A reader after the other in a seat that holds the writer: none of them misses a message. */
static void *read_in_turns(void *argument) {
    struct world *world = (struct world *)argument;
    struct rtm_problem problem;
    uint64_t random = world->seat, next = 0;
    for (int is_over = 0; !is_over;) {
        struct rtm_reader reader;
        int keeps = draw(&random) % 2;
        CHECK(rtm_reader_attach(&reader, world->ring, world->seat, keeps, &problem) == RTM_DONE);
        CHECK(reader.taken == next);
        if (keeps) take_all_again(&reader);
        next += take_some(&reader, draw(&random) % 100);
        CHECK(reader.taken == next);
        is_over = rtm_reader_ended(&reader);
        rtm_reader_detach(&reader);
    }
    CHECK(next == MESSAGES);
    return NULL;
}

/* Leaves, or is cut off by another, and comes back; misses messages, and each is counted. */
static void *leave_and_come_back(void *argument) {
    struct world *world = (struct world *)argument;
    struct rtm_problem problem;
    uint64_t random = world->seat, next = 0;
    while (!has_ended(world->ring)) {
        struct rtm_reader reader;
        CHECK(rtm_reader_attach(&reader, world->ring, world->seat, 0, &problem) == RTM_DONE);
        CHECK(reader.taken >= next);
        (void)take_some(&reader, draw(&random) % 100);
        next = reader.taken;
        if (draw(&random) % 2) rtm_leave(&reader);
        else rtm_set_absent(&reader);
        if (draw(&random) % 2) rtm_become_attached(&reader);
        rtm_reader_detach(&reader);
    }
    return NULL;
}

static void *cut_off_again_and_again(void *argument) {
    struct world *world = (struct world *)argument;
    for (uint32_t turn = 0; !has_ended(world->ring); turn++) {
        CHECK(rtm_cut_off(world->ring, LEAVES, 0, turn % 2) == RTM_DONE);
        for (uint32_t seat = 0; seat < SEATS; seat++) (void)look_at(world->ring, seat);
        sched_yield();
    }
    return NULL;
}

static void *tap_again_and_again(void *argument) {
    struct world *world = (struct world *)argument;
    struct rtm_problem problem;
    uint64_t random = world->seat;
    while (!has_ended(world->ring)) {
        struct rtm_reader reader;
        enum rtm_result result = rtm_tap(&reader, world->ring, "tap", 3, &problem);
        if (result == RTM_NO_SPARE) continue;
        CHECK(result == RTM_DONE);
        (void)take_some(&reader, draw(&random) % 20);
        rtm_reader_detach(&reader);
    }
    return NULL;
}

static void parties_come_and_go(void) {
    struct rtm_layout layout = {SLOT_BYTES, ENTRIES, 0, 2, 1, {{{0}, 0, 0, 0, 0}}, {ORIGIN}};
    struct rtm_ring ring;
    set_reader(&layout, "comes", RTM_BLOCK, ENTRIES);
    set_reader(&layout, "comes again", RTM_BLOCK, 2);
    set_reader(&layout, "leaves", RTM_BLOCK, 4);
    set_reader(&layout, "latest", RTM_LATEST, 1);
    make_ring(&ring, &layout);
    void *(*const work[])(void *) = {write_in_turns, read_in_turns, read_in_turns, leave_and_come_back,
                                     leave_and_come_back, tap_again_and_again, tap_again_and_again,
                                     cut_off_again_and_again};
    struct world worlds[] = {{&ring, 0},      {&ring, COMES}, {&ring, COMES_AGAIN}, {&ring, LEAVES},
                             {&ring, LATEST}, {&ring, 5},     {&ring, 6},           {&ring, 7}};
    run(work, worlds, 8);
    for (uint32_t seat = 0; seat < SEATS; seat++) check_account(&ring, seat);
    CHECK(rtm_histogram_count(rtm_ages(&ring, 0)) == MESSAGES);
    free(ring.base);
}

/* Rings one behind the other, queues of one or two: everybody sleeps all the time. */

enum { FIRST, SECOND, BESIDE, RINGS };
static struct rtm_ring chain[RINGS];

static void sleep_for(const struct rtm_wait_item *items, uint32_t count) {
    struct rtm_bell bells[4];
    CHECK(rtm_wait(items, count, bells, rtm_monotonic_ns() + PATIENCE_NS, 0) == 1);
}

static void *write_chain(void *argument) {
    struct rtm_writer writer;
    struct rtm_problem problem;
    CHECK(rtm_writer_attach(&writer, ((struct world *)argument)->ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    while (writer.head < MESSAGES / 4) publish(&writer);
    rtm_end(&writer);
    rtm_writer_detach(&writer);
    return NULL;
}

/* From the first ring to the second, asleep on both: what it reads and where it writes. */
static void *carry(void *argument) {
    struct rtm_reader reader;
    struct rtm_writer writer;
    struct rtm_message message;
    struct rtm_problem problem;
    (void)argument;
    CHECK(rtm_reader_attach(&reader, &chain[FIRST], 0, 0, &problem) == RTM_DONE);
    CHECK(rtm_writer_attach(&writer, &chain[SECOND], RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    const struct rtm_wait_item items[] = {rtm_wait_for(&reader, NULL), rtm_wait_for(NULL, &writer)};
    while (!rtm_reader_ended(&reader)) {
        if (rtm_take(&reader, 0, 0, &message, &problem) != RTM_DONE) {
            sleep_for(items, 1);
            continue;
        }
        check_pattern(&message);
        while (rtm_claim(&writer, message.length, 0, &problem) == RTM_NOTHING) sleep_for(&items[1], 1);
        struct rtm_stamp stamp = {message.publish_time_ns, message.source_position, 0, 0};
        memcpy(rtm_claimed(&writer), message.data, message.length);
        rtm_commit(&writer, &stamp);
        rtm_unpin(&reader, 0);
        rtm_release(&reader, reader.taken);
        if (message.position % 64 == 0) (void)rtm_wait(items, 2, (struct rtm_bell[2]){{0}, {0}}, 0, 0);
    }
    rtm_end(&writer);
    rtm_writer_detach(&writer);
    rtm_reader_detach(&reader);
    return NULL;
}

static void *drain_two(void *argument) {
    struct rtm_reader readers[2];
    struct rtm_message message;
    struct rtm_problem problem;
    (void)argument;
    CHECK(rtm_reader_attach(&readers[0], &chain[SECOND], 0, 0, &problem) == RTM_DONE);
    CHECK(rtm_reader_attach(&readers[1], &chain[BESIDE], 0, 0, &problem) == RTM_DONE);
    for (int open = 2, is_open[2] = {1, 1}; open;) {
        struct rtm_wait_item items[2];
        uint32_t count = 0;
        for (int i = 0; i < 2; i++) {
            while (rtm_take(&readers[i], 0, 0, &message, &problem) == RTM_DONE) {
                check_pattern(&message);
                rtm_unpin(&readers[i], 0);
                rtm_release(&readers[i], readers[i].taken);
            }
            if (is_open[i] && rtm_reader_ended(&readers[i])) open -= 1, is_open[i] = 0;
            if (is_open[i]) items[count++] = rtm_wait_for(&readers[i], NULL);
        }
        if (count) sleep_for(items, count);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(readers[i].journal.delivered == MESSAGES / 4);
        rtm_reader_detach(&readers[i]);
    }
    return NULL;
}

static void sleepers_on_several_rings_miss_nothing(int has_waitv) {
    struct world worlds[] = {{&chain[FIRST], 0}, {&chain[BESIDE], 0}, {NULL, 0}, {NULL, 0}};
    void *(*const work[])(void *) = {write_chain, write_chain, carry, drain_two};
    __atomic_store_n(&rtm_has_waitv, has_waitv, __ATOMIC_RELAXED);
    for (int i = 0; i < RINGS; i++) {
        struct rtm_layout layout = {SLOT_BYTES, 2, 0, 0, 0, {{{0}, 0, 0, 0, 0}}, {0}};
        set_reader(&layout, "block", RTM_BLOCK, 1 + (uint32_t)i % 2);
        make_ring(&chain[i], &layout);
    }
    run(work, worlds, 4);
    for (int i = 0; i < RINGS; i++) {
        check_account(&chain[i], 0);
        free(chain[i].base);
    }
}

int main(void) {
    parties_come_and_go();
    sleepers_on_several_rings_miss_nothing(1);
    sleepers_on_several_rings_miss_nothing(0);
    printf("3 passed, 0 failed\n");
    return 0;
}
