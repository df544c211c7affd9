/* rtmesh_wait.h: wait until a reader has something, or a writer has space; for any number of rings.
**
** First a look, then a spin of at most spin_ns, then sleep. SYNC D: the waiter notes the bell, sets its
** sleeper bit, looks once more, and sleeps only while the bell still holds what it noted. The other side
** stores its commit, then looks at the bit, and rings. No spin when the peer last ran on this CPU: it could
** not run.
*/
#ifndef RTMESH_WAIT_H
#define RTMESH_WAIT_H

#include "rtmesh_relay.h"

/* One sleep at most, so that a peer killed between its commit and its bell costs this much and no more. */
#define RTM_LONGEST_SLEEP_NS 1000000000
#define RTM_FOREVER INT64_MAX
/* A writer is woken for half of a queue at first, but looks itself after this time: where readers are slow,
** or keep what they took, room for one message comes long before. */
#define RTM_HALF_SLEEP_NS 100000
#define RTM_TURNS 32   /* looks between two looks at the clock */
#define RTM_AWAY_NS 20000 /* so much more between them: another process had this CPU */
#define RTM_WAKING_NS 50000 /* what a sleeper may need to run again */
/* A spin in vain adds a step of doubt; with enough of it waits sleep at once, until some that would have been
** short enough for a spin have taken it away again. */
#define RTM_DOUBT_SPINS 3u
#define RTM_DOUBT_STEP 3u
#define RTM_DOUBT_MOST 8u

/* Between the threads of one process: what is to be heard beside the rings. */
struct rtm_doorbell {
    uint32_t word, sleepers; /* how many threads sleep on it */
};

/* SYNC D, as with rings. */
static inline void rtm_ring_doorbell(struct rtm_doorbell *doorbell) {
    __atomic_fetch_add(&doorbell->word, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&doorbell->sleepers, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, &doorbell->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Exactly one of reader, writer and doorbell is set. */
struct rtm_wait_item {
    const struct rtm_reader *reader;
    const struct rtm_writer *writer;
    struct rtm_doorbell *doorbell;
    uint64_t released; /* of a writer: until so much is released by all; 0: until it has space */
    uint32_t heard;    /* of a doorbell: ready once its word is another */
};

/* For a reader to have something, or for a writer to have space; the other is NULL. */
static inline struct rtm_wait_item rtm_wait_for(
    const struct rtm_reader *reader, const struct rtm_writer *writer) {
    struct rtm_wait_item item = {reader, writer, NULL, 0, 0};
    return item;
}

/* NULL for a doorbell. */
static inline const struct rtm_ring *rtm_item_ring(const struct rtm_wait_item *item) {
    return item->reader ? item->reader->ring : item->writer ? item->writer->ring : NULL;
}

/* `until_ns` is lowered to the time at which an absent reader stops holding the writer. */
static inline int rtm_item_ready(const struct rtm_wait_item *item, int64_t *until_ns) {
    if (item->reader) {
        uint64_t word = RTM_LOAD_ORDERED(&rtm_header(item->reader->ring)->commit);
        uint64_t taken = __atomic_load_n(&item->reader->taken, __ATOMIC_RELAXED);
        return rtm_commit_position(word) != taken || rtm_commit_ended(word);
    }
    if (item->doorbell) return __atomic_load_n(&item->doorbell->word, __ATOMIC_SEQ_CST) != item->heard;
    uint64_t head = __atomic_load_n(&item->writer->head, __ATOMIC_RELAXED);
    if (item->released) return rtm_released_by_all(item->writer, until_ns) >= item->released;
    struct rtm_survey survey = rtm_survey(item->writer->ring, head, 1);
    if (survey.deadline_ns < *until_ns) *until_ns = survey.deadline_ns;
    return survey.holder < 0;
}

/* Number of the first item that is ready, from 1; 0: none. */
static inline uint32_t rtm_any_ready(const struct rtm_wait_item *items, uint32_t count, int64_t *until_ns) {
    for (uint32_t i = 0; i < count; i++)
        if (rtm_item_ready(&items[i], until_ns)) return i + 1;
    return 0;
}

/* A writer whose last claim found a queue full waits for half of it at first: with room for one message at a
** time, it and its readers would spend more on waking each other than on messages. */
static inline int rtm_wants_half(const struct rtm_wait_item *item) {
    return item->writer && !item->released && __atomic_load_n(&item->writer->was_full, __ATOMIC_RELAXED);
}

/* Is there what a sleeper is to be woken for? */
static inline uint32_t rtm_any_worth_waking(
    const struct rtm_wait_item *items, uint32_t count, int64_t *until_ns) {
    for (uint32_t i = 0; i < count; i++)
        if (rtm_item_ready(&items[i], until_ns))
            if (!rtm_wants_half(&items[i]) || rtm_is_half_free(items[i].writer->ring)) return i + 1;
    return 0;
}

/* Did the party this item waits for last run on `cpu`? */
static inline int rtm_peer_is_on(const struct rtm_wait_item *item, uint32_t cpu) {
    const struct rtm_ring *ring = rtm_item_ring(item);
    if (!ring) return 0;
    if (item->reader) return RTM_LOAD(&rtm_header(ring)->writer_cpu) == cpu;
    for (uint32_t i = 0; i < ring->seats; i++)
        if (RTM_LOAD(&rtm_seat_at(ring, i)->cpu) == cpu) return 1;
    return 0;
}

/* What a thread has learned from its waits, apart for readers and for writers: which item it was that came,
** and how much it doubts that a spin pays. */
struct rtm_patience {
    const void *party;
    uint32_t doubt;
};
static __thread struct rtm_patience rtm_patiences[2];

static inline struct rtm_patience *rtm_patience_for(const struct rtm_wait_item *items) {
    return &rtm_patiences[items[0].writer != NULL];
}

static inline const void *rtm_party(const struct rtm_wait_item *item) {
    if (item->doorbell) return item->doorbell;
    return item->reader ? (const void *)item->reader : (const void *)item->writer;
}

static inline void rtm_note_ready(const struct rtm_wait_item *items, uint32_t number) {
    rtm_patience_for(items)->party = rtm_party(&items[number - 1]);
}

/* The item that came last is the one to expect: where its peer runs counts. If it is not among these, any may
** come. */
static inline int rtm_may_spin(const struct rtm_wait_item *items, uint32_t count) {
    const void *party = rtm_patience_for(items)->party;
    uint32_t cpu = rtm_cpu();
    for (uint32_t i = 0; i < count; i++)
        if (rtm_party(&items[i]) == party) return !rtm_peer_is_on(&items[i], cpu);
    for (uint32_t i = 0; i < count; i++)
        if (rtm_peer_is_on(&items[i], cpu)) return 0;
    return 1;
}

static inline int rtm_expects_soon(const struct rtm_patience *patience) {
    return patience->doubt < RTM_DOUBT_SPINS;
}

static inline void rtm_learn_from_spin(struct rtm_patience *patience, int found) {
    uint32_t more = patience->doubt + RTM_DOUBT_STEP;
    patience->doubt = found ? 0 : more < RTM_DOUBT_MOST ? more : RTM_DOUBT_MOST;
}

/* It slept at once, for so long: would it have been in time, had it spun? Waking took a part of it. */
static inline void rtm_learn_from_sleep(struct rtm_patience *patience, int64_t slept_ns, int64_t spin_ns) {
    if (patience->doubt && slept_ns <= spin_ns + RTM_WAKING_NS) patience->doubt--;
}

/* Ends in vain when the peer comes to this CPU, or when others have run here meanwhile, as the clock tells. */
static inline int rtm_spin(
    const struct rtm_wait_item *items, uint32_t count, int64_t now_ns, int64_t until_ns) {
    int64_t ignored = RTM_FOREVER, looked_ns = now_ns;
    while (now_ns < until_ns && now_ns - looked_ns < RTM_AWAY_NS && rtm_may_spin(items, count)) {
        for (int turn = 0; turn < RTM_TURNS; turn++) {
            int ready = (int)rtm_any_ready(items, count, &ignored);
            if (ready) return ready;
            rtm_pause();
        }
        looked_ns = now_ns;
        now_ns = rtm_monotonic_ns();
    }
    return 0;
}

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

/* The first sleep may be for half of a queue; a deadline that has passed is none. */
static inline int rtm_sleep_until(
    const struct rtm_wait_item *items, uint32_t count, struct rtm_bell *bells, int64_t since_ns,
    int64_t deadline_ns) {
    int64_t ignored = RTM_FOREVER;
    int halves = 0, result = 0;
    for (uint32_t i = 0; i < count; i++) halves |= rtm_wants_half(&items[i]);
    if (halves && rtm_monotonic_ns() < deadline_ns)
        result = rtm_sleep_once(items, count, bells, 1, since_ns, deadline_ns);
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
    if (rtm_may_spin(items, count)) {
        int result = rtm_spin(items, count, since_ns, since_ns + spin_ns);
        rtm_learn_from_spin(patience, result);
        if (result) return result;
    }
    return rtm_sleep_until(items, count, bells, since_ns, deadline_ns);
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
