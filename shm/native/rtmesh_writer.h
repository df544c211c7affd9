/* rtmesh_writer.h: claim, commit, abort; the one writer of a ring.
**
** A claim finds out how far every reader has got (survey), takes messages behind all of them out of the
** table (unpublish), and reuses the slots that no pin protects, newest first, so the footprint stays small.
** Which slot belongs to which entry the writer keeps in its own memory; a new writer rebuilds it from
** the entries. Slots that are neither published nor free wait in `limbo` until their pins are gone.
*/
#ifndef RTMESH_WRITER_H
#define RTMESH_WRITER_H

#include "rtmesh_futex.h"
#include "rtmesh_geometry.h"
#include "rtmesh_histogram.h"

#define RTM_NO_SLOT UINT32_MAX
#define RTM_NEXT_EPOCH 0u
#define RTM_SAME_EPOCH UINT32_MAX
#define RTM_SMALL_BYTES 1024u /* a slot of which the cache holds many: no need to have the same one back at once */

struct rtm_writer {
    const struct rtm_ring *ring;
    uint64_t identity;
    uint64_t head, tail; /* entries before tail hold nothing */
    uint64_t surveyed_to; /* head may come so far before the readers have to be looked at again */
    uint32_t version;
    int ended;
    struct rtm_writer_journal journal;
    uint32_t *slot_of;               /* by entry: its slot, or RTM_NO_SLOT */
    uint32_t *free_slots, *limbo;    /* stacks */
    uint32_t *pinned_in;             /* by slot: the last scan that found a pin on it */
    uint32_t free_count, limbo_count, scan;
    uint32_t claimed; /* slot, or RTM_NO_SLOT */
    uint32_t offset;
    uint64_t length;
    int was_full; /* the last claim found no room */
};

/* What one look at all readers tells. */
struct rtm_survey {
    uint64_t least;      /* everything below is passed by every reader */
    int holder;          /* seat that holds the writer, or -1 */
    int64_t deadline_ns; /* CLOCK_MONOTONIC when an absent holder will be gone; INT64_MAX: not by time */
    uint64_t limit;      /* whatever the readers do next, none holds a writer whose head is below */
};

static inline uint32_t rtm_queue_of(const struct rtm_ring *ring, uint32_t index) {
    const struct rtm_reader_layout *plan = &ring->layout.readers[index];
    if (plan->policy == RTM_LATEST) return 1;
    if (index < ring->layout.fixed_readers) return plan->queue;
    uint32_t queue = RTM_LOAD(&rtm_seat_at(ring, index)->queue); /* a tap chose it */
    return queue && queue <= ring->layout.entries ? queue : ring->layout.entries;
}

/* When an absent reader ceases to hold: INT64_MAX if it has never been attached. */
static inline int64_t rtm_absent_until_ns(const struct rtm_reader_layout *plan, uint64_t state) {
    int64_t since = rtm_state_since_ns(state);
    if (since == 0 || plan->hold_absent_ns > (uint64_t)(INT64_MAX - since)) return INT64_MAX;
    return since + (int64_t)plan->hold_absent_ns;
}

static inline void rtm_lower_limit(
    const struct rtm_reader_layout *plan, uint64_t limit, struct rtm_survey *survey) {
    if (plan->policy == RTM_BLOCK && limit < survey->limit) survey->limit = limit;
}

/* Where the writer must take a reader to be; sets survey->holder if its queue is full. */
static inline uint64_t rtm_survey_seat(
    const struct rtm_ring *ring, uint32_t index, uint64_t head, int may_mark, struct rtm_survey *survey) {
    struct rtm_seat *seat = rtm_seat_at(ring, index);
    const struct rtm_reader_layout *plan = &ring->layout.readers[index];
    uint64_t state = RTM_LOAD_ORDERED(&seat->state);
    uint64_t queue = rtm_queue_of(ring, index);
    if (rtm_state_of(state) == RTM_FREE || rtm_state_of(state) == RTM_GONE) {
        rtm_lower_limit(plan, head + queue, survey); /* it may come back at head */
        return head;
    }
    uint64_t released = RTM_LOAD_ORDERED(&seat->released);
    if (released > head) released = head;
    rtm_lower_limit(plan, released + queue, survey);
    if (head - released < queue) return released;
    if (plan->policy != RTM_BLOCK) return head - queue;
    if (rtm_state_of(state) == RTM_ABSENT) {
        int64_t until = rtm_absent_until_ns(plan, state);
        if (until != INT64_MAX && rtm_monotonic_ns() >= until) {
            if (!may_mark || RTM_SWAP_IF(&seat->state, &state, rtm_gone_word(head))) return head;
            until = INT64_MAX; /* it has just come back */
        }
        if (until < survey->deadline_ns) survey->deadline_ns = until;
    }
    if (survey->holder < 0) survey->holder = (int)index;
    return released;
}

/* `may_mark`: only the writer marks an absent reader gone whose time is over. */
static inline struct rtm_survey rtm_survey(const struct rtm_ring *ring, uint64_t head, int may_mark) {
    struct rtm_survey survey = {head, -1, INT64_MAX, UINT64_MAX};
    for (uint32_t i = 0; i < ring->seats; i++) {
        uint64_t position = rtm_survey_seat(ring, i, head, may_mark, &survey);
        if (position < survey.least) survey.least = position;
    }
    return survey;
}

/* SYNC B: from here on no reader can start to believe this entry. */
static inline void rtm_unpublish(struct rtm_writer *writer, uint64_t position) {
    uint32_t *slot = &writer->slot_of[position & writer->ring->mask];
    if (*slot == RTM_NO_SLOT) return;
    RTM_STORE_ORDERED(&rtm_entry_of(writer->ring, position)->seq, 0);
    writer->limbo[writer->limbo_count++] = *slot;
    *slot = RTM_NO_SLOT;
}

static inline void rtm_mark_pinned(struct rtm_writer *writer) {
    const struct rtm_ring *ring = writer->ring;
    if (++writer->scan == 0) {
        memset(writer->pinned_in, 0, ring->slot_count * sizeof(uint32_t));
        writer->scan = 1;
    }
    for (uint32_t i = 0; i < ring->seats; i++) {
        if (rtm_state_of(RTM_LOAD_ORDERED(&rtm_seat_at(ring, i)->state)) == RTM_FREE) continue;
        const uint32_t *cells = rtm_cells(ring, i);
        for (uint32_t c = 0; c <= ring->layout.readers[i].hold; c++) {
            uint32_t pin = RTM_LOAD_ORDERED(&cells[c]);
            if (pin && pin <= ring->slot_count) writer->pinned_in[pin - 1] = writer->scan;
        }
    }
}

/* Moves the slots in limbo that no pin protects to the free ones. */
static inline void rtm_sift_limbo(struct rtm_writer *writer) {
    if (!writer->limbo_count) return;
    rtm_mark_pinned(writer);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < writer->limbo_count; i++) {
        uint32_t slot = writer->limbo[i];
        if (writer->pinned_in[slot] == writer->scan) writer->limbo[kept++] = slot;
        else writer->free_slots[writer->free_count++] = slot;
    }
    writer->limbo_count = kept;
}

/* Looks at all readers, and gathers the slots they are done with. RTM_NOTHING: one of them holds the writer.
** Readers only move on, and a new one begins at head, so what was found stays true up to `limit`; half of
** the table at most, so that slots come back in time. */
static inline enum rtm_result rtm_gather(struct rtm_writer *writer) {
    struct rtm_survey survey = rtm_survey(writer->ring, writer->head, 1);
    if (survey.holder >= 0) return RTM_NOTHING;
    for (; writer->tail < survey.least; writer->tail++) rtm_unpublish(writer, writer->tail);
    rtm_sift_limbo(writer);
    uint64_t most = writer->head + (writer->ring->mask + 1) / 2;
    writer->surveyed_to = survey.limit < most ? survey.limit : most;
    return RTM_DONE;
}

/* A small message does without a look at the readers, whose lines other CPUs own, as long as it may. */
static inline int rtm_needs_survey(const struct rtm_writer *writer, uint64_t length) {
    return writer->head >= writer->surveyed_to || !writer->free_count || length > RTM_SMALL_BYTES;
}

/* Claims room for `length` bytes whose byte `align_at` lies on 64 bytes. RTM_NOTHING: a block reader's queue
** is full. A claim that was not committed is replaced. */
static inline enum rtm_result rtm_claim(
    struct rtm_writer *writer, uint64_t length, uint64_t align_at, struct rtm_problem *problem) {
    const struct rtm_ring *ring = writer->ring;
    if (writer->ended)
        return rtm_fail(problem, RTM_ENDED, "the stream has ended: nothing more can be published");
    if (length > ring->layout.slot_bytes)
        return rtm_fail(problem, RTM_TOO_LARGE,
                        "a message of %llu bytes does not fit in the %llu of this ring's slots",
                        (unsigned long long)length, (unsigned long long)ring->layout.slot_bytes);
    if (writer->claimed == RTM_NO_SLOT) {
        int is_full = rtm_needs_survey(writer, length) && rtm_gather(writer) != RTM_DONE;
        __atomic_store_n(&writer->was_full, is_full, __ATOMIC_RELAXED);
        if (is_full) return RTM_NOTHING;
        if (!writer->free_count)
            return rtm_fail(problem, RTM_CORRUPT, "no slot is free: the pins of its readers are corrupt");
        writer->claimed = writer->free_slots[--writer->free_count];
    }
    writer->offset = (uint32_t)((RTM_LINE - align_at % RTM_LINE) % RTM_LINE);
    writer->length = length;
    return RTM_DONE;
}

static inline unsigned char *rtm_claimed(const struct rtm_writer *writer) {
    return rtm_slot(writer->ring, writer->claimed) + writer->offset;
}

static inline void rtm_abort(struct rtm_writer *writer) {
    if (writer->claimed == RTM_NO_SLOT) return;
    writer->free_slots[writer->free_count++] = writer->claimed;
    writer->claimed = RTM_NO_SLOT;
}

/* SYNC D. Whoever clears a bit must ring after it, and only then: a sleeper that sets its bit anew in between
** noted the bell before it, and does not sleep. So sleepers who have not run yet are not rung for twice. */
static inline void rtm_wake_sleepers(struct rtm_ring_header *header) {
    uint64_t sleepers = RTM_LOAD_ORDERED(&header->sleepers);
    if (sleepers && (RTM_CLEAR_BITS_ORDERED(&header->sleepers, sleepers) & sleepers))
        rtm_ring_bell(&header->data_bell);
}

/* Journal first, then the word that selects it: the writer's commit point, SYNC A. */
static inline void rtm_writer_commit(struct rtm_writer *writer) {
    struct rtm_ring_header *header = rtm_header(writer->ring);
    writer->version++;
    struct rtm_writer_journal *journal = &header->journal[writer->version & 1];
    RTM_STORE(&journal->source_position, writer->journal.source_position);
    RTM_STORE(&journal->first_time_ns, writer->journal.first_time_ns);
    RTM_STORE(&journal->last_time_ns, writer->journal.last_time_ns);
    RTM_STORE(&journal->epoch_start, writer->journal.epoch_start);
    RTM_STORE(&journal->age_count, writer->journal.age_count);
    RTM_STORE(&journal->age_place, writer->journal.age_place);
    RTM_STORE(&journal->epoch, writer->journal.epoch);
    RTM_STORE_ORDERED(&header->commit, rtm_commit_word(writer->head, writer->version, writer->ended));
    rtm_wake_sleepers(header);
}

/* Index of a budget origin, or -1. */
static inline int rtm_find_origin(const struct rtm_ring *ring, uint64_t origin) {
    if (origin)
        for (uint32_t i = 0; i < ring->layout.origins; i++)
            if (ring->layout.origin_ids[i] == origin) return (int)i;
    return -1;
}

static inline void rtm_fill_entry(
    struct rtm_writer *writer, int64_t publish_time_ns, uint64_t source_position) {
    struct rtm_entry *entry = rtm_entry_of(writer->ring, writer->head);
    RTM_STORE(&entry->slot, writer->claimed);
    RTM_STORE(&entry->offset, writer->offset);
    RTM_STORE(&entry->length, writer->length);
    RTM_STORE(&entry->publish_time_ns, publish_time_ns);
    RTM_STORE(&entry->source_position, source_position);
    RTM_STORE(&entry->epoch, writer->journal.epoch);
    RTM_STORE(&entry->seq, writer->head + 1);
    writer->slot_of[writer->head & writer->ring->mask] = writer->claimed;
    writer->claimed = RTM_NO_SLOT;
}

/* What a message is published with. source_position 0 leaves the ring's as it is. */
struct rtm_stamp {
    int64_t publish_time_ns;
    uint64_t source_position, origin;
    int64_t origin_time_ns;
};

/* Publishes the claim; returns its position. There must be a claim. */
static inline uint64_t rtm_commit(struct rtm_writer *writer, const struct rtm_stamp *stamp) {
    const struct rtm_ring *ring = writer->ring;
    uint64_t position = writer->head;
    if (position > ring->mask && writer->tail <= position - ring->mask - 1) {
        rtm_unpublish(writer, position - ring->mask - 1);
        writer->tail = position - ring->mask;
    }
    rtm_fill_entry(writer, stamp->publish_time_ns, stamp->source_position);
    struct rtm_writer_journal *journal = &writer->journal;
    if (position == 0) journal->first_time_ns = stamp->publish_time_ns;
    journal->last_time_ns = stamp->publish_time_ns;
    if (stamp->source_position) journal->source_position = stamp->source_position;
    int origin = rtm_find_origin(ring, stamp->origin);
    int64_t age = rtm_elapsed_ns(stamp->publish_time_ns, stamp->origin_time_ns);
    if (origin >= 0) {
        journal->age_count++;
        journal->age_place = (uint32_t)origin * RTM_BUCKETS + rtm_bucket(age);
    }
    writer->head++;
    RTM_STORE(&rtm_header(ring)->writer_cpu, rtm_cpu());
    rtm_writer_commit(writer);
    if (origin >= 0) {
        rtm_histogram_add(rtm_ages(ring, (uint32_t)origin), journal->age_place % RTM_BUCKETS);
        rtm_histogram_raise_max(rtm_ages(ring, (uint32_t)origin), age);
    }
    return position;
}

static inline void rtm_skip_to(struct rtm_writer *writer, uint64_t source_position) {
    writer->journal.source_position = source_position;
    rtm_writer_commit(writer);
}

static inline void rtm_end(struct rtm_writer *writer) {
    if (writer->ended) return;
    rtm_abort(writer);
    writer->ended = 1;
    rtm_writer_commit(writer);
}

/* Rebuilds which slots are published; the half-made entry of a writer that died is cleared. */
static inline enum rtm_result rtm_rebuild_slots(struct rtm_writer *writer, struct rtm_problem *problem) {
    const struct rtm_ring *ring = writer->ring;
    for (uint32_t i = 0; i <= ring->mask; i++) writer->slot_of[i] = RTM_NO_SLOT;
    writer->tail = writer->head > ring->mask + 1ULL ? writer->head - ring->mask - 1 : 0;
    for (uint64_t p = writer->tail; p < writer->head; p++) {
        const struct rtm_entry *entry = rtm_entry_of(ring, p);
        if (RTM_LOAD(&entry->seq) != p + 1) continue;
        uint32_t slot = RTM_LOAD(&entry->slot);
        if (slot >= ring->slot_count || writer->pinned_in[slot])
            return rtm_fail(problem, RTM_CORRUPT, "message %llu lies in slot %u, which cannot be",
                            (unsigned long long)p, slot);
        writer->pinned_in[slot] = 1;
        writer->slot_of[p & ring->mask] = slot;
    }
    for (uint32_t i = 0; i <= ring->mask; i++)
        if (writer->slot_of[i] == RTM_NO_SLOT) RTM_STORE_ORDERED(&rtm_entry_of(ring, i)->seq, 0);
    for (uint32_t slot = ring->slot_count; slot-- > 0;)
        if (!writer->pinned_in[slot]) writer->limbo[writer->limbo_count++] = slot;
    memset(writer->pinned_in, 0, ring->slot_count * sizeof(uint32_t));
    return RTM_DONE;
}

/* Adds the age that a writer had committed but not yet counted when it died. */
static inline void rtm_repair_ages(const struct rtm_writer *writer) {
    const struct rtm_ring *ring = writer->ring;
    uint64_t counted = 0;
    uint32_t origin = writer->journal.age_place / RTM_BUCKETS;
    for (uint32_t i = 0; i < ring->layout.origins; i++) counted += rtm_histogram_count(rtm_ages(ring, i));
    if (counted + 1 == writer->journal.age_count && origin < ring->layout.origins)
        rtm_histogram_add(rtm_ages(ring, origin), writer->journal.age_place % RTM_BUCKETS);
}

static inline void rtm_load_writer(struct rtm_writer *writer) {
    const struct rtm_ring_header *header = rtm_header(writer->ring);
    uint64_t word = RTM_LOAD_ORDERED(&header->commit);
    writer->head = rtm_commit_position(word);
    writer->version = rtm_commit_version(word);
    writer->ended = rtm_commit_ended(word);
    writer->journal = header->journal[writer->version & 1]; /* nobody else writes: the seat is ours */
}

/* SYNC F: takes an owner word for `identity`. RTM_NOTHING: a living process has it. */
static inline enum rtm_result rtm_take_seat(uint64_t *owner, uint64_t identity, uint64_t *other) {
    *other = RTM_LOAD_ORDERED(owner);
    if (*other && rtm_is_alive(*other)) return RTM_NOTHING;
    return RTM_SWAP_IF(owner, other, identity) ? RTM_DONE : RTM_NOTHING;
}

static inline void rtm_leave_seat(uint64_t *owner, uint64_t identity) {
    (void)RTM_SWAP_IF(owner, &identity, 0);
}

static inline void rtm_writer_free(struct rtm_writer *writer) {
    free(writer->slot_of);
    writer->slot_of = NULL;
}

static inline enum rtm_result rtm_writer_allocate(struct rtm_writer *writer, struct rtm_problem *problem) {
    size_t entries = (size_t)writer->ring->mask + 1, slots = writer->ring->slot_count;
    writer->slot_of = (uint32_t *)calloc(entries + 3 * slots, sizeof(uint32_t));
    if (!writer->slot_of) return rtm_fail(problem, RTM_NO_MEMORY, "no memory for the table of slots");
    writer->free_slots = writer->slot_of + entries;
    writer->limbo = writer->free_slots + slots;
    writer->pinned_in = writer->limbo + slots;
    return RTM_DONE;
}

/* Begins `epoch`; the last one again goes on with its sequence. */
static inline void rtm_begin_epoch(struct rtm_writer *writer, uint32_t epoch) {
    if (epoch == RTM_SAME_EPOCH) return;
    if (epoch == RTM_NEXT_EPOCH) epoch = writer->journal.epoch + 1;
    if (epoch != writer->journal.epoch) writer->journal.epoch_start = writer->head;
    writer->journal.epoch = epoch;
    rtm_writer_commit(writer);
}

/* Sits down as the ring's writer. */
static inline enum rtm_result rtm_writer_attach(
    struct rtm_writer *writer, const struct rtm_ring *ring, uint32_t epoch, struct rtm_problem *problem) {
    struct rtm_ring_header *header = rtm_header(ring);
    uint64_t other;
    memset(writer, 0, sizeof *writer);
    writer->ring = ring;
    writer->identity = rtm_own_identity();
    writer->claimed = RTM_NO_SLOT;
    if (rtm_writer_allocate(writer, problem) < 0) return RTM_NO_MEMORY;
    if (rtm_take_seat(&header->writer, writer->identity, &other) != RTM_DONE) {
        rtm_writer_free(writer);
        return rtm_fail(problem, RTM_WRITER_SITS, "process %u is its writer; a ring has one",
                        rtm_identity_pid(other));
    }
    rtm_load_writer(writer);
    if (rtm_rebuild_slots(writer, problem) < 0) {
        rtm_leave_seat(&header->writer, writer->identity);
        rtm_writer_free(writer);
        return RTM_CORRUPT;
    }
    rtm_repair_ages(writer);
    RTM_STORE_ORDERED(&header->writer_sleeps, 0);
    rtm_ring_bell(&header->data_bell); /* the last one may have died before it rang */
    rtm_begin_epoch(writer, epoch);
    return RTM_DONE;
}

/* Leaves the seat without ending the stream. */
static inline void rtm_writer_detach(struct rtm_writer *writer) {
    rtm_leave_seat(&rtm_header(writer->ring)->writer, writer->identity);
    rtm_writer_free(writer);
}

#endif
