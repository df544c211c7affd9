/* fuzz_longest.h: how long one call can take, on the largest ring there can be, with bytes chosen for that. */
#ifndef RTMESH_FUZZ_LONGEST_H
#define RTMESH_FUZZ_LONGEST_H

#include "fuzz_calls.h"

#define LONGEST_CALL_NS 200000000 /* of CPU: twice what is promised, for a slow machine */

static int is_too_long;

#define TIMED(name, expression)                                                 \
    do {                                                                        \
        int64_t begun_ns = fuzz_cpu_ns();                                       \
        long result = (long)(expression);                                       \
        int64_t took_ns = fuzz_cpu_ns() - begun_ns;                             \
        printf("  %-44s %7.2f ms (%ld)\n", name, (double)took_ns / 1e6, result); \
        is_too_long |= took_ns > LONGEST_CALL_NS;                               \
    } while (0)

static void largest_ring(struct rtm_ring *ring) {
    struct rtm_layout layout;
    struct rtm_problem problem;
    struct fuzz_recipe recipe = {.entries = RTM_MOST_ENTRIES, .slot_bytes = 1, .hold = RTM_MOST_HOLD, .origins = 2};
    fuzz_lay_out(&recipe, &layout);
    layout.origins = RTM_MOST_ORIGINS;
    layout.spare_readers = RTM_MOST_READERS - layout.fixed_readers;
    MUST(rtm_plan(ring, &layout, &problem) == RTM_DONE);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *base = mmap(NULL, ring->size_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    MUST(base != MAP_FAILED);
    ring->base = (unsigned char *)base;
    rtm_format(ring, rtm_own_identity());
}

/* Every entry is there, but for another position. */
static void misplace_all(const struct rtm_ring *ring, uint64_t head) {
    for (uint64_t p = 0; p <= ring->mask; p++) rtm_entry_of(ring, p)->seq = p + 5;
    rtm_header(ring)->commit = rtm_commit_word(head, 0, 0);
}

/* Every look at seat 0 is overtaken. */
static void *overtake(void *argument) {
    const struct rtm_ring *ring = (const struct rtm_ring *)argument;
    __atomic_store_n(&rtm_header(ring)->words[1], 1, __ATOMIC_RELAXED);
    while (!__atomic_load_n(&rtm_header(ring)->words[0], __ATOMIC_RELAXED))
        __atomic_fetch_add(&rtm_seat_at(ring, 0)->commit, 2, __ATOMIC_RELAXED);
    return NULL;
}

/* `seat`: of all of them, or as often at this one. */
static uint64_t look_at_all(struct rtm_ring *ring, int seat) {
    uint64_t sum = rtm_look_at_writer(ring).head;
    for (uint32_t i = 0; i < ring->seats; i++) sum += rtm_look_at_reader(ring, seat < 0 ? i : (uint32_t)seat).taken;
    for (uint32_t i = 0; i < ring->seats + ring->layout.origins; i++)
        sum += rtm_histogram_count(rtm_latencies(ring, i));
    return sum & 1;
}

static void time_the_reader(const struct rtm_ring *ring) {
    struct rtm_problem problem;
    struct rtm_reader reader;
    struct rtm_message message;
    TIMED("sit down as a reader", rtm_reader_attach(&reader, ring, BLOCKS, 0, &problem));
    misplace_all(ring, RTM_MOST_ENTRIES);
    TIMED("take: 1,048,576 messages are not there", rtm_take(&reader, 0, 0, &message, &problem));
    misplace_all(ring, (1ULL << 56) - 1);
    TIMED("take: head runs out of bits", rtm_take(&reader, 0, 0, &message, &problem));
    rtm_reader_detach(&reader);
}

static void time_the_writer(const struct rtm_ring *ring) {
    struct rtm_problem problem;
    struct rtm_writer writer;
    TIMED("sit down as the writer", rtm_writer_attach(&writer, ring, 0, &problem));
    for (uint32_t i = 0; i < ring->seats; i++) rtm_seat_at(ring, i)->state = rtm_state_word(RTM_ATTACHED, 0);
    TIMED("claim: every seat has a reader", rtm_claim(&writer, 1, 0, &problem));
    for (uint32_t i = 0; i < ring->seats; i++) rtm_seat_at(ring, i)->state = RTM_FREE;
    TIMED("claim: nobody holds a million messages", rtm_claim(&writer, 1, 0, &problem));
    TIMED("commit", rtm_commit(&writer, &(struct rtm_stamp){1, 1, 7, 0}));
    rtm_writer_detach(&writer);
}

static int run_longest(void) {
    static struct rtm_ring ring;
    struct rtm_problem problem;
    pthread_t thread;
    largest_ring(&ring);
    TIMED("open", rtm_open(&ring, ring.base, ring.size_bytes, &problem));
    time_the_reader(&ring);
    time_the_writer(&ring);
    TIMED("look at all of it", look_at_all(&ring, -1));
    MUST(pthread_create(&thread, NULL, overtake, &ring) == 0);
    while (!__atomic_load_n(&rtm_header(&ring)->words[1], __ATOMIC_RELAXED)) sched_yield();
    TIMED("look 32 times, overtaken", look_at_all(&ring, 0));
    __atomic_store_n(&rtm_header(&ring)->words[0], 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    munmap(ring.base, ring.size_bytes);
    if (is_too_long) fprintf(stderr, "a call took longer than %d ms\n", LONGEST_CALL_NS / 1000000);
    return is_too_long;
}

#endif
