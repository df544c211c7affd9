/* rtmesh_wait.h: wait until a reader has something, or a writer has space; for any number of rings.
**
** First a look, then a spin of at most spin_ns, then sleep. SYNC D: the waiter notes the bell, sets its
** sleeper bit, looks once more, and sleeps only while the bell still holds what it noted. The other side
** stores its commit, then looks at the bit, and rings. No spin when the peer last ran on this CPU: it could
** not run.
*/
#ifndef RTMESH_WAIT_H
#define RTMESH_WAIT_H

#include "rtmesh_reader.h"

/* One sleep at most, so that a peer killed between its commit and its bell costs this much and no more. */
#define RTM_LONGEST_SLEEP_NS 1000000000
#define RTM_FOREVER INT64_MAX

/* Exactly one of them is set. */
struct rtm_wait_item {
    const struct rtm_reader *reader;
    const struct rtm_writer *writer;
};

static inline const struct rtm_ring *rtm_item_ring(const struct rtm_wait_item *item) {
    return item->reader ? item->reader->ring : item->writer->ring;
}

/* `until_ns` is lowered to the time at which an absent reader stops holding the writer. */
static inline int rtm_item_ready(const struct rtm_wait_item *item, int64_t *until_ns) {
    if (item->reader) {
        uint64_t word = RTM_LOAD_ORDERED(&rtm_header(item->reader->ring)->commit);
        uint64_t taken = __atomic_load_n(&item->reader->taken, __ATOMIC_RELAXED);
        return rtm_commit_position(word) != taken || rtm_commit_ended(word);
    }
    uint64_t head = __atomic_load_n(&item->writer->head, __ATOMIC_RELAXED);
    struct rtm_survey survey = rtm_survey(item->writer->ring, head, 1);
    if (survey.deadline_ns < *until_ns) *until_ns = survey.deadline_ns;
    return survey.holder < 0;
}

static inline int rtm_any_ready(const struct rtm_wait_item *items, uint32_t count, int64_t *until_ns) {
    for (uint32_t i = 0; i < count; i++)
        if (rtm_item_ready(&items[i], until_ns)) return 1;
    return 0;
}

/* Did the party this item waits for last run on `cpu`? */
static inline int rtm_peer_is_on(const struct rtm_wait_item *item, uint32_t cpu) {
    const struct rtm_ring *ring = rtm_item_ring(item);
    if (item->reader) return RTM_LOAD(&rtm_header(ring)->writer_cpu) == cpu;
    for (uint32_t i = 0; i < ring->seats; i++)
        if (RTM_LOAD(&rtm_seat_at(ring, i)->cpu) == cpu) return 1;
    return 0;
}

static inline int rtm_may_spin(const struct rtm_wait_item *items, uint32_t count) {
    uint32_t cpu = rtm_cpu();
    for (uint32_t i = 0; i < count; i++)
        if (rtm_peer_is_on(&items[i], cpu)) return 0;
    return 1;
}

static inline int rtm_spin(const struct rtm_wait_item *items, uint32_t count, int64_t until_ns) {
    int64_t ignored = RTM_FOREVER;
    while (rtm_may_spin(items, count) && rtm_monotonic_ns() < until_ns)
        for (int turn = 0; turn < 32; turn++) {
            if (rtm_any_ready(items, count, &ignored)) return 1;
            rtm_pause();
        }
    return 0;
}

static inline struct rtm_bell rtm_set_sleeper(const struct rtm_wait_item *item) {
    struct rtm_ring_header *header = rtm_header(rtm_item_ring(item));
    struct rtm_bell bell;
    bell.word = item->reader ? &header->data_bell : &header->space_bell;
    bell.seen = RTM_LOAD_ORDERED(bell.word);
    if (item->reader) __atomic_fetch_or(&header->sleepers, 1ULL << item->reader->index, __ATOMIC_SEQ_CST);
    else RTM_STORE_ORDERED(&header->writer_sleeps, 1);
    return bell;
}

static inline void rtm_clear_sleeper(const struct rtm_wait_item *item) {
    if (item->reader) rtm_stop_sleeping(item->reader->ring, item->reader->index);
    else RTM_STORE_ORDERED(&rtm_header(item->writer->ring)->writer_sleeps, 0);
}

/* 1 ready, 0 slept, -1 interrupted by a signal. */
static inline int rtm_sleep_once(
    const struct rtm_wait_item *items, uint32_t count, struct rtm_bell *bells, int64_t since_ns,
    int64_t until_ns) {
    int64_t longest = rtm_monotonic_ns() + RTM_LONGEST_SLEEP_NS;
    if (until_ns > longest) until_ns = longest;
    for (uint32_t i = 0; i < count; i++) bells[i] = rtm_set_sleeper(&items[i]);
    int result = rtm_any_ready(items, count, &until_ns);
    if (!result) result = rtm_sleep(bells, count, since_ns, until_ns);
    for (uint32_t i = 0; i < count; i++) rtm_clear_sleeper(&items[i]);
    return result;
}

/* Waits until any item is ready or `deadline_ns` (CLOCK_MONOTONIC; RTM_FOREVER) has passed. `bells` is room
** for `count` of them. 1 ready, 0 deadline, -1 a signal arrived: handle it and wait again. */
static inline int rtm_wait(
    const struct rtm_wait_item *items, uint32_t count, struct rtm_bell *bells, int64_t deadline_ns,
    int64_t spin_ns) {
    int64_t ignored = RTM_FOREVER, since = rtm_monotonic_ns();
    if (rtm_any_ready(items, count, &ignored)) return 1;
    if (spin_ns > deadline_ns - since) spin_ns = deadline_ns - since;
    if (spin_ns > 0 && rtm_spin(items, count, since + spin_ns)) return 1;
    for (;;) {
        if (rtm_any_ready(items, count, &ignored)) return 1;
        if (rtm_monotonic_ns() >= deadline_ns) return 0;
        int result = rtm_sleep_once(items, count, bells, since, deadline_ns);
        if (result) return result;
    }
}

#endif
