/* rtmesh_wait.h: wait until a reader has something, or a writer has space; for any number of rings.
**
** First a look, then a spin of at most spin_ns, then sleep. SYNC D: the waiter notes the bell, sets its sleeper
** bit, looks once more, and sleeps only while the bell still holds what it noted. The other side stores its commit,
** then looks at the bit, and rings.
*/
#ifndef RTMESH_WAIT_H
#define RTMESH_WAIT_H

#include "rtmesh_spin.h"

/* One sleep at most, so that a peer killed between its commit and its bell costs this much and no more. */
#define RTM_LONGEST_SLEEP_NS 1000000000
/* A writer is woken for half of a queue at first, but looks itself after this time: where readers are slow,
** or keep what they took, room for one message comes long before. It goes on for half as long as each of these
** sleeps brings it nearer by its share. */
#define RTM_HALF_SLEEP_NS 100000
#define RTM_HALF_SLEEPS 10u

static inline struct rtm_bell rtm_set_doorbell_sleeper(const struct rtm_wait_item *item) {
    struct rtm_bell bell = {&item->doorbell->word, item->heard};
    __atomic_fetch_add(&item->doorbell->sleepers, 1, __ATOMIC_SEQ_CST);
    return bell;
}

static inline struct rtm_bell rtm_set_sleeper(const struct rtm_wait_item *item, uint32_t wants) {
    if (item->doorbell) return rtm_set_doorbell_sleeper(item);
    struct rtm_ring_header *header = rtm_header(rtm_item_ring(item));
    struct rtm_bell bell;
    bell.word = item->reader ? &header->data_bell : &header->space_bell;
    bell.seen = RTM_LOAD_ORDERED(bell.word);
    if (item->released) RTM_STORE_ORDERED(&header->wanted, item->released);
    if (item->reader) (void)RTM_SET_BITS_ORDERED(&header->sleepers, 1ULL << item->reader->index);
    else RTM_STORE_ORDERED(&header->writer_sleeps, item->released ? (uint32_t)RTM_WANTS_RELEASED : wants);
    return bell;
}

static inline void rtm_clear_sleeper(const struct rtm_wait_item *item) {
    if (item->doorbell) __atomic_fetch_sub(&item->doorbell->sleepers, 1, __ATOMIC_SEQ_CST);
    else if (item->reader) rtm_stop_sleeping(item->reader->ring, item->reader->index);
    else RTM_STORE_ORDERED(&rtm_header(item->writer->ring)->writer_sleeps, 0);
}

/* Sleeps once; `halves`: writers that were full ask for half of a queue. The number of an item that is ready,
** 0 slept, -1 interrupted by a signal. */
static inline int rtm_sleep_once(
    const struct rtm_wait_item *items, uint32_t count, struct rtm_bell *bells, int halves, int64_t since_ns,
    int64_t until_ns) {
    int64_t longest = rtm_monotonic_ns() + (halves ? RTM_HALF_SLEEP_NS : RTM_LONGEST_SLEEP_NS);
    if (until_ns > longest) until_ns = longest;
    for (uint32_t i = 0; i < count; i++) {
        int half = halves && rtm_wants_half(&items[i]);
        bells[i] = rtm_set_sleeper(&items[i], half ? RTM_WANTS_HALF : RTM_WANTS_ROOM);
    }
    int result = (int)(halves ? rtm_any_worth_waking(items, count, &until_ns)
                              : rtm_any_ready(items, count, &until_ns));
    if (!result) result = rtm_sleep(bells, count, since_ns, until_ns);
    for (uint32_t i = 0; i < count; i++) rtm_clear_sleeper(&items[i]);
    return result;
}

static inline uint64_t rtm_missing_halves(const struct rtm_wait_item *items, uint32_t count) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        if (rtm_wants_half(&items[i])) sum += rtm_missing_half(&items[i]);
    return sum;
}

/* As rtm_sleep_once, while it pays. */
static inline int rtm_sleep_for_halves(
    const struct rtm_wait_item *items, uint32_t count, struct rtm_bell *bells, int64_t since_ns,
    int64_t deadline_ns) {
    uint64_t missing = rtm_missing_halves(items, count), share = missing / RTM_HALF_SLEEPS + 1;
    while (missing && rtm_monotonic_ns() < deadline_ns) {
        int result = rtm_sleep_once(items, count, bells, 1, since_ns, deadline_ns);
        uint64_t left = rtm_missing_halves(items, count);
        if (result || left + share > missing) return result;
        missing = left;
    }
    return 0;
}

/* The first sleeps may be for half of a queue; a deadline that has passed is none. */
static inline int rtm_sleep_until(
    const struct rtm_wait_item *items, uint32_t count, struct rtm_bell *bells, int64_t since_ns,
    int64_t deadline_ns) {
    int64_t ignored = RTM_FOREVER;
    int result = rtm_sleep_for_halves(items, count, bells, since_ns, deadline_ns);
    while (!result) {
        result = (int)rtm_any_ready(items, count, &ignored);
        if (result) return result;
        if (rtm_monotonic_ns() >= deadline_ns) return 0;
        result = rtm_sleep_once(items, count, bells, 0, since_ns, deadline_ns);
    }
    return result;
}

static inline int rtm_spin_or_sleep(
    const struct rtm_wait_item *items, uint32_t count, struct rtm_bell *bells, int64_t since_ns,
    int64_t deadline_ns, int64_t spin_ns) {
    if (spin_ns <= 0 || count == 0) return rtm_sleep_until(items, count, bells, since_ns, deadline_ns);
    struct rtm_patience *patience = rtm_patience_for(items);
    if (!rtm_expects_soon(patience)) {
        int result = rtm_sleep_until(items, count, bells, since_ns, deadline_ns);
        rtm_learn_from_sleep(patience, rtm_monotonic_ns() - since_ns, spin_ns);
        return result;
    }
    int ready = rtm_spin_or_give_way(items, count, since_ns, since_ns + spin_ns);
    return ready ? ready : rtm_sleep_until(items, count, bells, since_ns, deadline_ns);
}

/* Waits until any item is ready or `deadline_ns` (CLOCK_MONOTONIC; RTM_FOREVER) has passed. `bells` is room
** for `count` of them. 1 ready, 0 deadline, -1 a signal arrived: handle it and wait again. */
static inline int rtm_wait(
    const struct rtm_wait_item *items, uint32_t count, struct rtm_bell *bells, int64_t deadline_ns,
    int64_t spin_ns) {
    int64_t ignored = RTM_FOREVER, since = rtm_monotonic_ns();
    if (spin_ns > deadline_ns - since) spin_ns = deadline_ns - since;
    int result = (int)rtm_any_worth_waking(items, count, &ignored);
    if (!result) result = rtm_spin_or_sleep(items, count, bells, since, deadline_ns, spin_ns);
    if (result <= 0) return result;
    rtm_note_ready(items, (uint32_t)result);
    return 1;
}

#endif
