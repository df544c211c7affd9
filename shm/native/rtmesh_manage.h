/* rtmesh_manage.h: what meshd does to a ring whose writer or reader has died, and what a look at it tells.
**
** An undertaker first takes the dead process's place by CAS (SYNC F), so it never touches the pins of a
** successor that has sat down meanwhile.
*/
#ifndef RTMESH_MANAGE_H
#define RTMESH_MANAGE_H

#include "rtmesh_reader.h"

/* Puts `undertaker` in the place of `pid` (0: of whoever sits there). RTM_NOTHING: another process does. */
static inline enum rtm_result rtm_replace(uint64_t *owner, uint32_t pid, uint64_t undertaker) {
    uint64_t seen = RTM_LOAD_ORDERED(owner);
    while (!pid || !seen || rtm_identity_pid(seen) == pid)
        if (RTM_SWAP_IF(owner, &seen, undertaker)) return RTM_DONE;
    return RTM_NOTHING;
}

static inline void rtm_wake_readers(const struct rtm_ring *ring) {
    rtm_ring_bell(&rtm_header(ring)->data_bell);
}
static inline void rtm_wake_writer(const struct rtm_ring *ring) {
    rtm_ring_bell(&rtm_header(ring)->space_bell);
}

/* Does another process that lives, though perhaps stopped, sit there? */
static inline int rtm_other_sits(const uint64_t *owner, uint64_t self) {
    uint64_t other = RTM_LOAD_ORDERED(owner);
    return other != self && rtm_is_alive(other);
}

static inline void rtm_mark_seat(const struct rtm_ring *ring, uint32_t index, int gone) {
    uint64_t *word = &rtm_seat_at(ring, index)->state, state = rtm_state_word(RTM_ATTACHED, 0);
    uint64_t absent = rtm_state_word(RTM_ABSENT, rtm_monotonic_ns());
    if (gone) rtm_give_up(ring, index);
    else if (!RTM_SWAP_IF(word, &state, absent) && state == rtm_state_word(RTM_ABSENT, 0))
        (void)RTM_SWAP_IF(word, &state, absent); /* it died in the middle of its first attach */
}

/* Cuts off a reader that lives but does not come forward (it is stopped, say). Seat and pins stay its own:
** what it looks at stays whole, nobody sits down before it is dead, and once it goes on it learns that it
** was gone, at the latest by the next message. */
static inline enum rtm_result rtm_cut_off(
    const struct rtm_ring *ring, uint32_t index, uint32_t pid, int gone) {
    uint64_t owner = RTM_LOAD_ORDERED(&rtm_seat_at(ring, index)->owner);
    if (pid && rtm_identity_pid(owner) != pid) return RTM_NOTHING;
    rtm_mark_seat(ring, index, gone || index >= ring->layout.fixed_readers);
    rtm_wake_writer(ring);
    return RTM_DONE;
}

/* Marks a reader that is dead: its pins are cleared. `gone`: for good; else a restart is due. A tap is always
** gone. One that lives is cut off. RTM_NOTHING: the seat is no longer `pid`'s, nothing changed. */
static inline enum rtm_result rtm_mark_dead(
    const struct rtm_ring *ring, uint32_t index, uint32_t pid, int gone) {
    struct rtm_seat *seat = rtm_seat_at(ring, index);
    uint64_t self = rtm_own_identity();
    if (rtm_other_sits(&seat->owner, self)) return rtm_cut_off(ring, index, pid, gone);
    if (rtm_replace(&seat->owner, pid, self) != RTM_DONE) return RTM_NOTHING;
    rtm_clear_pins(ring, index);
    rtm_stop_sleeping(ring, index);
    if (index >= ring->layout.fixed_readers) RTM_STORE_ORDERED(&seat->state, rtm_state_word(RTM_FREE, 0));
    else rtm_mark_seat(ring, index, gone);
    rtm_leave_seat(&seat->owner, self);
    rtm_wake_writer(ring);
    return RTM_DONE;
}

/* Frees the seat of a writer that certainly is dead. What it had claimed only was never published. */
static inline enum rtm_result rtm_writer_died(const struct rtm_ring *ring, uint32_t pid) {
    uint64_t *owner = &rtm_header(ring)->writer, self = rtm_own_identity();
    if (rtm_replace(owner, pid, self) != RTM_DONE) return RTM_NOTHING;
    rtm_leave_seat(owner, self);
    rtm_wake_readers(ring);
    return RTM_DONE;
}

/* Ends the stream at head, in place of a writer that is dead or has left. */
static inline enum rtm_result rtm_end_for_writer(const struct rtm_ring *ring, struct rtm_problem *problem) {
    struct rtm_writer writer;
    enum rtm_result result = rtm_writer_attach(&writer, ring, RTM_SAME_EPOCH, problem);
    if (result < 0) return result;
    rtm_end(&writer);
    rtm_writer_detach(&writer);
    return RTM_DONE;
}

/* A look at the writer's side, consistent in itself. */
struct rtm_writer_look {
    uint64_t head;
    int ended;
    struct rtm_writer_journal journal;
};
/* A reader's words, as they stand. */
struct rtm_reader_look {
    uint64_t taken, released, state, owner;
    struct rtm_reader_journal journal;
};

#define RTM_LOOKS 10000 /* a look that a commit overtakes is taken anew; so often only by a corrupt ring */

static inline struct rtm_writer_look rtm_look_at_writer(const struct rtm_ring *ring) {
    const struct rtm_ring_header *header = rtm_header(ring);
    struct rtm_writer_look look;
    for (int turn = 0;; turn++) {
        uint64_t word = RTM_LOAD(&header->commit);
        const struct rtm_writer_journal *journal = &header->journal[rtm_commit_version(word) & 1];
        memset(&look, 0, sizeof look);
        look.head = rtm_commit_position(word);
        look.ended = rtm_commit_ended(word);
        look.journal.source_position = RTM_LOAD(&journal->source_position);
        look.journal.first_time_ns = RTM_LOAD(&journal->first_time_ns);
        look.journal.last_time_ns = RTM_LOAD(&journal->last_time_ns);
        look.journal.epoch_start = RTM_LOAD(&journal->epoch_start);
        look.journal.epoch = RTM_LOAD(&journal->epoch);
        if (RTM_LOAD(&header->commit) == word || turn == RTM_LOOKS) return look;
    }
}

static inline struct rtm_reader_look rtm_look_at_reader(const struct rtm_ring *ring, uint32_t index) {
    const struct rtm_seat *seat = rtm_seat_at(ring, index);
    struct rtm_reader_look look;
    for (int turn = 0;; turn++) {
        uint64_t word = RTM_LOAD(&seat->commit);
        const struct rtm_reader_journal *journal = &seat->journal[rtm_commit_version(word) & 1];
        memset(&look, 0, sizeof look);
        look.taken = rtm_commit_position(word);
        look.released = RTM_LOAD(&seat->released);
        look.state = RTM_LOAD(&seat->state);
        look.owner = RTM_LOAD(&seat->owner);
        look.journal.start = RTM_LOAD(&journal->start);
        look.journal.delivered = RTM_LOAD(&journal->delivered);
        for (int i = 0; i < (int)RTM_REASONS; i++) look.journal.dropped[i] = RTM_LOAD(&journal->dropped[i]);
        if (RTM_LOAD(&seat->commit) == word || turn == RTM_LOOKS) return look;
    }
}

/* Brings a look at reader `index` up to `head`, which was read after it: an account for those who look on. */
static inline void rtm_settle_look(
    const struct rtm_ring *ring, uint32_t index, uint64_t head, struct rtm_reader_look *look) {
    uint32_t policy = ring->layout.readers[index].policy;
    struct rtm_terms terms = rtm_terms_of(ring, policy, rtm_queue_of(ring, index));
    rtm_settle(&terms, look->state, head, &look->taken, look->journal.dropped);
}

#endif
