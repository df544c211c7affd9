/* rtmesh_reader.h: take, release, pins; one reader of a ring.
**
** A reader pins an entry's slot, then looks at the entry again (SYNC B): if it is still there, the writer
** will see the pin before it reuses the slot. A message that is no longer there is dropped and counted: of a
** dropping reader because its queue was full or a newer one came, of a block reader because the reader was
** gone while the writer passed it. One thread takes; release may come from any thread of the process.
*/
#ifndef RTMESH_READER_H
#define RTMESH_READER_H

#include "rtmesh_writer.h"

/* What a reader's policy comes to: it is given what lies at most `reach` below head, the rest is dropped. */
struct rtm_terms {
    uint64_t reach;
    enum rtm_reason reason;
};

static inline struct rtm_terms rtm_terms_of(const struct rtm_ring *ring, uint32_t policy, uint32_t queue) {
    struct rtm_terms terms = {queue, policy == RTM_LATEST ? RTM_SUPERSEDED : RTM_QUEUE_FULL};
    if (policy == RTM_BLOCK) {
        terms.reach = ring->mask + 1ULL;
        terms.reason = RTM_READER_GONE;
    }
    return terms;
}

/* The oldest message a reader may be given that has taken up to `taken` when `head` are published. */
static inline uint64_t rtm_first(const struct rtm_terms *terms, uint64_t taken, uint64_t head) {
    return head > terms->reach && head - terms->reach > taken ? head - terms->reach : taken;
}

/* Brings an account up to `head`: see ACCOUNTS AS THEY ARE READ. Twice changes nothing. */
static inline void rtm_settle(
    const struct rtm_terms *terms, uint64_t state, uint64_t head, uint64_t *taken, uint64_t *dropped) {
    int is_gone = rtm_state_of(state) == RTM_GONE;
    uint64_t until = is_gone && rtm_gone_at(state) < head ? rtm_gone_at(state) : head;
    uint64_t first = rtm_first(terms, *taken, until);
    dropped[terms->reason] += first - *taken;
    *taken = first;
    if (!is_gone || head <= first) return;
    dropped[RTM_READER_GONE] += head - first;
    *taken = head;
}

struct rtm_reader {
    const struct rtm_ring *ring;
    struct rtm_seat *seat;
    uint32_t *cells; /* hold + 1 of them */
    uint64_t identity;
    uint32_t index, policy, hold;
    struct rtm_terms terms;
    uint64_t taken, released;
    uint64_t seen; /* so many were published when it last looked */
    uint32_t version;
    struct rtm_reader_journal journal;
};

struct rtm_message {
    uint64_t position, source_position, length;
    int64_t publish_time_ns;
    uint32_t epoch;
    const unsigned char *data;
};

/* Commit point of a reader. */
static inline void rtm_reader_commit(struct rtm_reader *reader) {
    reader->version++;
    struct rtm_reader_journal *journal = &reader->seat->journal[reader->version & 1];
    RTM_STORE(&journal->start, reader->journal.start);
    RTM_STORE(&journal->delivered, reader->journal.delivered);
    for (int i = 0; i < (int)RTM_REASONS; i++) RTM_STORE(&journal->dropped[i], reader->journal.dropped[i]);
    RTM_STORE(&journal->last_bucket, reader->journal.last_bucket);
    RTM_STORE(&reader->seat->commit, rtm_commit_word(reader->taken, reader->version, 0));
}

/* Drops everything below `position`. */
static inline void rtm_drop_to(struct rtm_reader *reader, uint64_t position) {
    reader->journal.dropped[reader->terms.reason] += position - reader->taken;
    reader->taken = position;
    rtm_reader_commit(reader);
}

/* How many messages the reader furthest behind has to release until what the writer `wants` (RTM_WANTS_ROOM,
** RTM_WANTS_HALF) is free in every queue that can hold it. */
static inline uint64_t rtm_missing(const struct rtm_ring *ring, uint32_t wants) {
    uint64_t head = rtm_commit_position(RTM_LOAD_ORDERED(&rtm_header(ring)->commit)), most = 0;
    for (uint32_t i = 0; i < ring->layout.fixed_readers; i++) {
        const struct rtm_seat *seat = rtm_seat_at(ring, i);
        const struct rtm_reader_layout *plan = &ring->layout.readers[i];
        if (plan->policy != RTM_BLOCK) continue;
        if (rtm_state_of(RTM_LOAD_ORDERED(&seat->state)) == RTM_GONE) continue;
        uint64_t may_wait = wants == RTM_WANTS_HALF ? plan->queue / 2 : plan->queue - 1;
        uint64_t released = RTM_LOAD_ORDERED(&seat->released);
        uint64_t waiting = head > released ? head - released : 0;
        if (waiting > may_wait + most) most = waiting - may_wait;
    }
    return most;
}

/* Is everything below what the writer named released by every reader that can hold it? */
static inline int rtm_is_wanted_released(const struct rtm_ring *ring) {
    uint64_t wanted = RTM_LOAD_ORDERED(&rtm_header(ring)->wanted);
    for (uint32_t i = 0; i < ring->layout.fixed_readers; i++) {
        const struct rtm_seat *seat = rtm_seat_at(ring, i);
        if (ring->layout.readers[i].policy != RTM_BLOCK) continue;
        if (rtm_state_of(RTM_LOAD_ORDERED(&seat->state)) == RTM_GONE) continue;
        if (RTM_LOAD_ORDERED(&seat->released) < wanted) return 0;
    }
    return 1;
}

/* Woken for less, with several readers, the writer would run in vain at each release of all but the last. */
static inline int rtm_is_worth_waking(const struct rtm_ring *ring, uint32_t wants) {
    return wants == RTM_WANTS_RELEASED ? rtm_is_wanted_released(ring) : rtm_missing(ring, wants) == 0;
}

/* SYNC D, as in rtm_wake_sleepers. Of the readers that make what it wants true at once, the last one, in the one
** order of all ORDERED stores, sees that it is the last. */
static inline void rtm_wake_sleeping_writer(const struct rtm_ring *ring) {
    struct rtm_ring_header *header = rtm_header(ring);
    uint32_t wants = RTM_LOAD_ORDERED(&header->writer_sleeps);
    while (wants && rtm_is_worth_waking(ring, wants))
        if (RTM_SWAP_IF(&header->writer_sleeps, &wants, 0)) {
            rtm_ring_bell(&header->space_bell);
            return;
        }
}

/* A reader has gone: whatever the writer waits for, it has to look. */
static inline void rtm_wake_writer_at_once(const struct rtm_ring *ring) {
    struct rtm_ring_header *header = rtm_header(ring);
    if (RTM_LOAD_ORDERED(&header->writer_sleeps)) rtm_ring_bell(&header->space_bell);
}

static inline void rtm_store_released(struct rtm_reader *reader, uint64_t position) {
    reader->released = position;
    if (reader->policy != RTM_BLOCK) {
        RTM_STORE(&reader->seat->released, position); /* no writer waits for this one */
        return;
    }
    RTM_STORE_ORDERED(&reader->seat->released, position);
    rtm_wake_sleeping_writer(reader->ring);
}

/* Gives back everything taken below `position`; what is pinned stays protected. */
static inline void rtm_release(struct rtm_reader *reader, uint64_t position) {
    if (position > reader->taken) position = reader->taken;
    if (position > reader->released) rtm_store_released(reader, position);
}

static inline void rtm_unpin(struct rtm_reader *reader, uint32_t cell) { RTM_STORE(&reader->cells[cell], 0); }

static inline enum rtm_result rtm_check_message(
    const struct rtm_ring *ring, uint32_t slot, uint64_t offset, const struct rtm_message *message,
    struct rtm_problem *problem) {
    if (slot < ring->slot_count && offset < RTM_LINE && message->length <= ring->layout.slot_bytes)
        return RTM_DONE;
    return rtm_fail(problem, RTM_CORRUPT, "message %llu is said to have %llu bytes at %llu of slot %u",
                    (unsigned long long)message->position, (unsigned long long)message->length,
                    (unsigned long long)offset, slot);
}

/* Pins the slot of the message at `position` in `cell`. RTM_NOTHING: the message is no longer there. */
static inline enum rtm_result rtm_pin(
    struct rtm_reader *reader, uint64_t position, uint32_t cell, struct rtm_message *message,
    struct rtm_problem *problem) {
    const struct rtm_ring *ring = reader->ring;
    const struct rtm_entry *entry = rtm_entry_of(ring, position);
    if (RTM_LOAD(&entry->seq) != position + 1) return RTM_NOTHING;
    uint32_t slot = RTM_LOAD(&entry->slot);
    RTM_STORE_ORDERED(&reader->cells[cell], slot + 1);
    uint32_t offset = RTM_LOAD(&entry->offset);
    message->position = position;
    message->length = RTM_LOAD(&entry->length);
    message->publish_time_ns = RTM_LOAD(&entry->publish_time_ns);
    message->source_position = RTM_LOAD(&entry->source_position);
    message->epoch = RTM_LOAD(&entry->epoch);
    if (RTM_LOAD_ORDERED(&entry->seq) != position + 1) {
        rtm_unpin(reader, cell);
        return RTM_NOTHING;
    }
    enum rtm_result result = rtm_check_message(ring, slot, offset, message, problem);
    if (result < 0) rtm_unpin(reader, cell);
    else message->data = rtm_slot(ring, slot) + offset;
    return result;
}

/* The oldest message this reader may still be given when `head` are published. */
static inline uint64_t rtm_first_of(const struct rtm_reader *reader, uint64_t head) {
    return rtm_first(&reader->terms, reader->taken, head);
}

static inline enum rtm_result rtm_check_before_take(
    const struct rtm_reader *reader, uint64_t head, struct rtm_problem *problem) {
    if (head < reader->taken)
        return rtm_fail(problem, RTM_CORRUPT, "%llu messages are published, but reader %u has taken %llu",
                        (unsigned long long)head, reader->index, (unsigned long long)reader->taken);
    if (head > reader->taken && rtm_state_of(RTM_LOAD(&reader->seat->state)) == RTM_GONE)
        return rtm_fail(problem, RTM_WAS_GONE, "reader %u was marked gone: attach it again", reader->index);
    return RTM_DONE;
}

/* The message is delivered: the ones before it are dropped, its latency is recorded. */
static inline void rtm_deliver(struct rtm_reader *reader, const struct rtm_message *message, int64_t now_ns) {
    int64_t latency = rtm_elapsed_ns(now_ns, message->publish_time_ns);
    uint32_t bucket = rtm_bucket(latency);
    struct rtm_histogram *histogram = rtm_latencies(reader->ring, reader->index);
    reader->journal.dropped[reader->terms.reason] += message->position - reader->taken;
    reader->journal.delivered++;
    reader->journal.last_bucket = bucket;
    reader->taken = message->position + 1;
    rtm_reader_commit(reader);
    rtm_histogram_add(histogram, bucket);
    rtm_histogram_raise_max(histogram, latency);
    RTM_STORE(&reader->seat->cpu, rtm_cpu());
}

/* Messages published. A block reader does without a new look, at a line the writer's CPU owns, as long as it
** knows of some: nothing is dropped before them. */
static inline uint64_t rtm_head_for(struct rtm_reader *reader) {
    if (reader->policy != RTM_BLOCK || reader->seen <= reader->taken)
        reader->seen = rtm_commit_position(RTM_LOAD(&rtm_header(reader->ring)->commit));
    return reader->seen;
}

/* Takes the next message, pinned in `cell`. RTM_NOTHING: there is none. */
static inline enum rtm_result rtm_take(
    struct rtm_reader *reader, int64_t now_ns, uint32_t cell, struct rtm_message *message,
    struct rtm_problem *problem) {
    const uint64_t *commit = &rtm_header(reader->ring)->commit;
    uint64_t head = rtm_head_for(reader);
    if (head == reader->taken) return RTM_NOTHING;
    enum rtm_result result = rtm_check_before_take(reader, head, problem);
    if (result < 0) return result;
    uint64_t position = rtm_first_of(reader, head);
    /* Each turn passes a message that was overwritten; a reader slower than that has to be asked again. */
    for (uint32_t turn = 0; turn < 2 * (reader->ring->mask + 1) + 64; turn++) {
        result = rtm_pin(reader, position, cell, message, problem);
        if (result < 0) return result;
        if (result == RTM_DONE) {
            rtm_deliver(reader, message, now_ns);
            return RTM_DONE;
        }
        head = rtm_commit_position(RTM_LOAD(commit));
        uint64_t first = rtm_first_of(reader, head);
        position = position + 1 > first ? position + 1 : first;
        if (position >= head) {
            if (head < reader->taken) return rtm_check_before_take(reader, head, problem);
            rtm_drop_to(reader, head);
            return RTM_NOTHING;
        }
    }
    return RTM_NOTHING;
}

/* Pins a message that was taken but not released, once more; the accounts do not move. */
static inline enum rtm_result rtm_take_again(
    struct rtm_reader *reader, uint64_t position, uint32_t cell, struct rtm_message *message,
    struct rtm_problem *problem) {
    if (position < reader->released || position >= reader->taken) return RTM_NOTHING;
    return rtm_pin(reader, position, cell, message, problem);
}

static inline uint64_t rtm_available(const struct rtm_reader *reader) {
    uint64_t head = rtm_commit_position(RTM_LOAD(&rtm_header(reader->ring)->commit));
    return head > reader->taken ? head - rtm_first_of(reader, head) : 0;
}

/* The stream has ended and everything was taken. */
static inline int rtm_reader_ended(const struct rtm_reader *reader) {
    uint64_t word = RTM_LOAD(&rtm_header(reader->ring)->commit);
    return rtm_commit_ended(word) && rtm_commit_position(word) == reader->taken;
}

static inline void rtm_clear_pins(const struct rtm_ring *ring, uint32_t index) {
    for (uint32_t c = 0; c <= ring->layout.readers[index].hold; c++)
        RTM_STORE_ORDERED(&rtm_cells(ring, index)[c], 0);
}

static inline void rtm_reader_setup(struct rtm_reader *reader, const struct rtm_ring *ring, uint32_t index) {
    const struct rtm_reader_layout *plan = &ring->layout.readers[index];
    memset(reader, 0, sizeof *reader);
    reader->ring = ring;
    reader->seat = rtm_seat_at(ring, index);
    reader->cells = rtm_cells(ring, index);
    reader->identity = rtm_own_identity();
    reader->index = index;
    reader->policy = plan->policy;
    reader->hold = plan->hold;
    reader->terms = rtm_terms_of(ring, plan->policy, rtm_queue_of(ring, index));
    uint64_t word = RTM_LOAD_ORDERED(&reader->seat->commit);
    reader->taken = rtm_commit_position(word);
    reader->version = rtm_commit_version(word);
    reader->released = RTM_LOAD_ORDERED(&reader->seat->released);
    reader->journal = reader->seat->journal[reader->version & 1]; /* the seat is ours */
}

static inline enum rtm_result rtm_check_accounts(
    const struct rtm_reader *reader, struct rtm_problem *problem) {
    const struct rtm_reader_journal *journal = &reader->journal;
    uint64_t head = rtm_commit_position(RTM_LOAD(&rtm_header(reader->ring)->commit));
    uint64_t sum = journal->start + journal->delivered;
    for (int i = 0; i < (int)RTM_REASONS; i++) sum += journal->dropped[i];
    if (sum == reader->taken && reader->taken <= head && reader->released <= reader->taken) return RTM_DONE;
    return rtm_fail(
        problem, RTM_CORRUPT,
        "the account of reader %u is wrong: %llu released, %llu taken, %llu accounted for, %llu published",
        reader->index, (unsigned long long)reader->released, (unsigned long long)reader->taken,
        (unsigned long long)sum, (unsigned long long)head);
}

/* From GONE, `state`: the backlog is dropped, the reader starts at head. SYNC E: what is published after it
** became visible cannot be passed over, so the second look is the last. */
static inline void rtm_come_back(struct rtm_reader *reader, uint64_t state) {
    const uint64_t *commit = &rtm_header(reader->ring)->commit;
    for (int look = 0; look < 2; look++) {
        uint64_t head = rtm_commit_position(RTM_LOAD_ORDERED(commit));
        rtm_settle(&reader->terms, state, head, &reader->taken, reader->journal.dropped);
        rtm_reader_commit(reader);
        rtm_store_released(reader, reader->taken);
        if (look == 0) RTM_STORE_ORDERED(&reader->seat->state, rtm_state_word(RTM_ATTACHED, 0));
    }
}

/* ABSENT -> ATTACHED at the old position; GONE -> ATTACHED at head. */
static inline void rtm_become_attached(struct rtm_reader *reader) {
    uint64_t state = RTM_LOAD_ORDERED(&reader->seat->state);
    while (rtm_state_of(state) != RTM_GONE)
        if (RTM_SWAP_IF(&reader->seat->state, &state, rtm_state_word(RTM_ATTACHED, 0))) return;
    rtm_come_back(reader, state);
}

/* Adds the latency that a reader had committed but not yet counted when it died. */
static inline void rtm_repair_latencies(const struct rtm_reader *reader) {
    struct rtm_histogram *histogram = rtm_latencies(reader->ring, reader->index);
    if (rtm_histogram_count(histogram) + 1 == reader->journal.delivered)
        rtm_histogram_add(histogram, (uint32_t)(reader->journal.last_bucket % RTM_BUCKETS));
}

static inline void rtm_stop_sleeping(const struct rtm_ring *ring, uint32_t index) {
    (void)RTM_CLEAR_BITS_ORDERED(&rtm_header(ring)->sleepers, 1ULL << index);
}

/* Sits down in a fixed seat, at its old taken position. Unless `keep_unreleased`, what the last process
** took and did not release is released: that process is dead, nobody else can use it. */
static inline enum rtm_result rtm_reader_attach(
    struct rtm_reader *reader, const struct rtm_ring *ring, uint32_t index, int keep_unreleased,
    struct rtm_problem *problem) {
    uint64_t other;
    if (index >= ring->layout.fixed_readers)
        return rtm_fail(problem, RTM_BAD_LAYOUT, "it has no reader %u: it has %u", index,
                        ring->layout.fixed_readers);
    struct rtm_seat *seat = rtm_seat_at(ring, index);
    uint64_t identity = rtm_own_identity();
    if (rtm_take_seat(&seat->owner, identity, &other) != RTM_DONE)
        return rtm_fail(problem, RTM_READER_SITS, "process %u is its reader %u", rtm_identity_pid(other),
                        index);
    rtm_clear_pins(ring, index);
    rtm_stop_sleeping(ring, index);
    rtm_reader_setup(reader, ring, index);
    if (rtm_check_accounts(reader, problem) < 0) {
        rtm_leave_seat(&seat->owner, identity);
        return RTM_CORRUPT;
    }
    rtm_repair_latencies(reader);
    rtm_become_attached(reader);
    if (!keep_unreleased) rtm_release(reader, reader->taken);
    rtm_ring_bell(&rtm_header(ring)->space_bell); /* the last one may have died before it rang */
    return RTM_DONE;
}

static inline void rtm_seat_tap(struct rtm_reader *reader, const char *name, uint32_t queue) {
    const struct rtm_ring *ring = reader->ring;
    struct rtm_seat *seat = reader->seat;
    if (queue < 1 || queue > ring->layout.entries) queue = ring->layout.entries;
    reader->terms = rtm_terms_of(ring, RTM_DROP_OLDEST, queue);
    RTM_STORE(&seat->policy, (uint32_t)RTM_DROP_OLDEST);
    RTM_STORE(&seat->queue, queue);
    for (uint32_t i = 0; i + 1 < RTM_NAME_BYTES; i++) {
        RTM_STORE_COUNT(&seat->name[i], *name);
        if (*name) name++;
    }
    rtm_histogram_clear(rtm_latencies(ring, reader->index));
    for (int look = 0; look < 2; look++) { /* twice for SYNC E, as in rtm_come_back */
        memset(&reader->journal, 0, sizeof reader->journal);
        reader->taken = rtm_commit_position(RTM_LOAD_ORDERED(&rtm_header(ring)->commit));
        reader->journal.start = reader->taken;
        rtm_reader_commit(reader);
        rtm_store_released(reader, reader->taken);
        if (look == 0) RTM_STORE_ORDERED(&seat->state, rtm_state_word(RTM_ATTACHED, 0));
    }
}

/* Claims a spare seat and starts at head. */
static inline enum rtm_result rtm_tap(
    struct rtm_reader *reader, const struct rtm_ring *ring, const char *name, uint32_t queue,
    struct rtm_problem *problem) {
    uint64_t identity = rtm_own_identity(), other;
    for (uint32_t i = ring->layout.fixed_readers; i < ring->seats; i++) {
        if (rtm_take_seat(&rtm_seat_at(ring, i)->owner, identity, &other) != RTM_DONE) continue;
        RTM_STORE_ORDERED(&rtm_seat_at(ring, i)->state, rtm_state_word(RTM_FREE, 0));
        rtm_clear_pins(ring, i);
        rtm_stop_sleeping(ring, i);
        rtm_reader_setup(reader, ring, i);
        rtm_seat_tap(reader, name, queue);
        return RTM_DONE;
    }
    return rtm_fail(problem, RTM_NO_SPARE, "all %u spare seats are taken", ring->layout.spare_readers);
}

/* Gives a reader up at head; one that is gone was given up before. */
static inline void rtm_give_up(const struct rtm_ring *ring, uint32_t index) {
    struct rtm_seat *seat = rtm_seat_at(ring, index);
    uint64_t state = RTM_LOAD_ORDERED(&seat->state);
    while (rtm_state_of(state) != RTM_GONE) {
        uint64_t head = rtm_commit_position(RTM_LOAD_ORDERED(&rtm_header(ring)->commit));
        if (RTM_SWAP_IF(&seat->state, &state, rtm_gone_word(head))) return;
    }
}

/* The reader stops reading for good; what waits for it is dropped, reader_gone. Pins stay. */
static inline void rtm_leave(struct rtm_reader *reader) {
    rtm_give_up(reader->ring, reader->index);
    rtm_wake_writer_at_once(reader->ring);
}

/* The reader is cut off for a while, but lives: a block ring now holds its writer only for hold_absent. */
static inline void rtm_set_absent(struct rtm_reader *reader) {
    uint64_t state = rtm_state_word(RTM_ATTACHED, 0);
    if (!RTM_SWAP_IF(&reader->seat->state, &state, rtm_state_word(RTM_ABSENT, rtm_monotonic_ns()))) return;
    rtm_wake_writer_at_once(reader->ring);
}

/* Stands up once its last pin is gone; a tap that has left makes its seat free again. */
static inline void rtm_reader_detach(struct rtm_reader *reader) {
    struct rtm_seat *seat = reader->seat;
    int is_tap = reader->index >= reader->ring->layout.fixed_readers;
    if (RTM_LOAD(&seat->owner) != reader->identity) return; /* meshd thought it dead */
    if (is_tap) {
        rtm_leave(reader);
        RTM_STORE_ORDERED(&seat->state, rtm_state_word(RTM_FREE, 0));
    }
    rtm_leave_seat(&seat->owner, reader->identity);
}

#endif
