/* rtmesh_item.h: what a wait is for: a reader to have something, a writer to have space, a doorbell. */
#ifndef RTMESH_ITEM_H
#define RTMESH_ITEM_H

#include "rtmesh_relay.h"

#define RTM_FOREVER INT64_MAX

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

static inline uint64_t rtm_missing_half(const struct rtm_wait_item *item) {
    return rtm_missing(item->writer->ring, RTM_WANTS_HALF);
}

/* Is there what a sleeper is to be woken for? */
static inline uint32_t rtm_any_worth_waking(
    const struct rtm_wait_item *items, uint32_t count, int64_t *until_ns) {
    for (uint32_t i = 0; i < count; i++)
        if (rtm_item_ready(&items[i], until_ns))
            if (!rtm_wants_half(&items[i]) || !rtm_missing_half(&items[i])) return i + 1;
    return 0;
}

#endif
