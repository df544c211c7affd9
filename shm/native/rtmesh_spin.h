/* rtmesh_spin.h: what a wait does before it sleeps, and what it learns from it.
**
** It spins, unless the peer last ran on this CPU: it could not run. A reader then gives the CPU away for as long as
** it might have spun. A thread whose waits turn out to be longer than that sleeps at once.
*/
#ifndef RTMESH_SPIN_H
#define RTMESH_SPIN_H

#include "rtmesh_item.h"

#define RTM_TURNS 32   /* looks between two looks at the clock */
#define RTM_AWAY_NS 20000 /* so much more between them: another process had this CPU */
#define RTM_WAKING_NS 50000 /* what a sleeper may need to run again */
/* A spin in vain adds a step of doubt; with enough of it waits sleep at once, until some that would have been
** short enough for a spin have taken it away again. */
#define RTM_DOUBT_SPINS 3u
#define RTM_DOUBT_STEP 3u
#define RTM_DOUBT_MOST 8u
/* Strangers had the CPU for so long, and brought so little: */
#define RTM_STRANGERS_NS 500000
#define RTM_LITTLE 16u
#define RTM_DOUBT_STRANGERS 64u

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

/* It gave the CPU away for so long, and then found so much. While strangers run, a sleeper would be woken. */
static inline void rtm_learn_from_giving_way(struct rtm_patience *patience, int64_t took_ns, uint64_t found) {
    if (took_ns < RTM_STRANGERS_NS || found >= RTM_LITTLE) rtm_learn_from_spin(patience, found > 0);
    else patience->doubt = RTM_DOUBT_STRANGERS;
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

/* How readers spend their spin where the writer last ran on this CPU: they give it away. Asleep, they would be
** woken with the next message at once, and writer and readers would take turns with every message; so the writer
** goes on, and there is more to take. */
static inline int rtm_give_way(
    const struct rtm_wait_item *items, uint32_t count, int64_t since_ns, int64_t until_ns) {
    int64_t ignored = RTM_FOREVER, now_ns = since_ns;
    int ready = 0;
    while (!ready && now_ns < until_ns) {
        sched_yield();
        ready = (int)rtm_any_ready(items, count, &ignored);
        now_ns = rtm_monotonic_ns();
    }
    const struct rtm_reader *reader = ready ? items[ready - 1].reader : NULL;
    uint64_t found = reader ? rtm_available(reader) : (uint64_t)ready;
    rtm_learn_from_giving_way(rtm_patience_for(items), now_ns - since_ns, found);
    return ready;
}

static inline int rtm_spin_or_give_way(
    const struct rtm_wait_item *items, uint32_t count, int64_t since_ns, int64_t until_ns) {
    if (!rtm_may_spin(items, count)) return items[0].reader ? rtm_give_way(items, count, since_ns, until_ns) : 0;
    int ready = rtm_spin(items, count, since_ns, until_ns);
    rtm_learn_from_spin(rtm_patience_for(items), ready);
    return ready;
}

#endif
