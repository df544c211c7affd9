/* fuzz_mutate.h: how the bytes of a segment go wrong: field by field to values at the edges, coherently far
** along, made anew with another layout, or at random.
*/
#ifndef RTMESH_FUZZ_MUTATE_H
#define RTMESH_FUZZ_MUTATE_H

#include "fuzz_states.h"

/* The segment of one case. `plan` says where things lie, or lay before its bytes were changed. */
struct fuzz_segment {
    struct rtm_ring plan;
    unsigned char *base;
    uint64_t size_bytes;
};

enum fuzz_kind { PLAIN, COMMIT, STATE, OWNER };
enum fuzz_part { HEADER, SEAT, ENTRY, JOURNAL_OF_WRITER, HISTOGRAM };
struct fuzz_field {
    enum fuzz_part part;
    uint32_t offset, size;
    enum fuzz_kind kind;
};

#define FIELD(part, type, member, kind) \
    {part, (uint32_t)offsetof(struct type, member), (uint32_t)sizeof(((struct type *)0)->member), kind}
#define IN_HEADER(member) FIELD(HEADER, rtm_ring_header, member, PLAIN)
#define IN_SEAT(member) FIELD(SEAT, rtm_seat, member, PLAIN)
#define IN_ENTRY(member) FIELD(ENTRY, rtm_entry, member, PLAIN)
#define IN_JOURNAL(member) FIELD(JOURNAL_OF_WRITER, rtm_writer_journal, member, PLAIN)

/* What rtm_open checks. */
static const struct fuzz_field fuzz_geometry[] = {
    IN_HEADER(segment.magic), IN_HEADER(segment.layout_version), IN_HEADER(segment.kind),
    IN_HEADER(segment.size_bytes), IN_HEADER(entries), IN_HEADER(slot_count), IN_HEADER(slot_bytes),
    IN_HEADER(slot_stride), IN_HEADER(fixed_readers), IN_HEADER(spare_readers), IN_HEADER(origins),
    IN_HEADER(seats_offset), IN_HEADER(pins_offset), IN_HEADER(entries_offset),
    IN_HEADER(histograms_offset), IN_HEADER(slots_offset), IN_SEAT(policy), IN_SEAT(queue), IN_SEAT(hold),
    IN_SEAT(hold_absent_ns), IN_SEAT(name[127]),
};

/* What changes while a ring is used. */
static const struct fuzz_field fuzz_moving[] = {
    FIELD(HEADER, rtm_ring_header, segment.creator, OWNER), FIELD(HEADER, rtm_ring_header, commit, COMMIT),
    FIELD(HEADER, rtm_ring_header, commit, COMMIT), FIELD(HEADER, rtm_ring_header, writer, OWNER),
    IN_HEADER(writer_cpu), IN_HEADER(sleepers), IN_HEADER(data_bell), IN_HEADER(writer_sleeps),
    IN_HEADER(space_bell), IN_HEADER(words[3]), IN_HEADER(origin_ids[0]),
    FIELD(SEAT, rtm_seat, owner, OWNER), FIELD(SEAT, rtm_seat, state, STATE),
    FIELD(SEAT, rtm_seat, commit, COMMIT), IN_SEAT(released), IN_SEAT(queue), IN_SEAT(cpu),
    IN_SEAT(journal[0].start), IN_SEAT(journal[0].delivered), IN_SEAT(journal[1].dropped[0]),
    IN_SEAT(journal[1].dropped[2]), IN_SEAT(journal[0].last_bucket), IN_SEAT(name[0]),
    IN_ENTRY(seq), IN_ENTRY(seq), IN_ENTRY(slot), IN_ENTRY(slot), IN_ENTRY(offset), IN_ENTRY(length),
    IN_ENTRY(publish_time_ns), IN_ENTRY(source_position), IN_ENTRY(epoch),
    IN_JOURNAL(source_position), IN_JOURNAL(last_time_ns), IN_JOURNAL(epoch_start), IN_JOURNAL(age_count),
    IN_JOURNAL(age_place), IN_JOURNAL(epoch), FIELD(HISTOGRAM, rtm_histogram, max_ns, PLAIN),
    FIELD(HISTOGRAM, rtm_histogram, counts[0], PLAIN), FIELD(HISTOGRAM, rtm_histogram, counts[1023], PLAIN),
};
#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

static inline uint64_t fuzz_edge(void) {
    static const uint64_t edges[] = {0, 1, 2, 3, 4, 8, 31, 32, 33, 48, 49, 63, 64, 65, 4096, 4097, 1 << 20,
                                     (1 << 20) + 1, 1 << 24, INT32_MAX, 0x80000000u, 0xFFFFFFFEu, UINT32_MAX,
                                     1ULL << 32, 1ULL << 46, (1ULL << 56) - 1, 1ULL << 62, INT64_MAX,
                                     1ULL << 63, UINT64_MAX - 63, UINT64_MAX - 1, UINT64_MAX};
    return edges[fuzz_pick(COUNT_OF(edges))];
}

static inline uint64_t fuzz_plan_value(const struct fuzz_segment *segment) {
    const struct rtm_ring *plan = &segment->plan;
    uint64_t values[] = {plan->slot_count, plan->mask, plan->layout.slot_bytes, plan->slot_stride,
                         plan->size_bytes, plan->seats};
    return values[fuzz_pick(COUNT_OF(values))] + fuzz_pick(3) - 1;
}

/* Whole numbers: near the value before, at an edge, near one of the layout's, a bit away, or any. */
static inline uint64_t fuzz_number(const struct fuzz_segment *segment, uint64_t before) {
    switch (fuzz_pick(6)) {
        case 0: return before + fuzz_pick(5) - 2;
        case 1: return before ^ 1ULL << fuzz_pick(64);
        case 2: return fuzz_plan_value(segment);
        case 3: return fuzz_draw();
        default: return fuzz_edge();
    }
}

static inline uint64_t fuzz_commit(const struct fuzz_segment *segment, uint64_t before) {
    uint64_t position = fuzz_number(segment, rtm_commit_position(before));
    return rtm_commit_word(position, rtm_commit_version(before) + fuzz_pick(2), fuzz_pick(8) == 0);
}

static inline uint64_t fuzz_seat_state(const struct fuzz_segment *segment, uint64_t before) {
    if (fuzz_pick(3) == 0) return rtm_state_word((enum rtm_state)fuzz_pick(4), fuzz_now_ns);
    return fuzz_number(segment, before >> 2) << 2 | fuzz_pick(4);
}

static inline uint64_t fuzz_owner(void) {
    uint64_t owners[] = {0, fuzz_identity(FUZZ_SELF), fuzz_identity(FUZZ_FORMER), fuzz_identity(FUZZ_NEIGHBOUR),
                         fuzz_identity(FUZZ_NEIGHBOUR) + (1 << RTM_PID_BITS), fuzz_draw()};
    return owners[fuzz_pick(COUNT_OF(owners))];
}

static inline uint64_t fuzz_value(const struct fuzz_segment *segment, enum fuzz_kind kind, uint64_t before) {
    switch (kind) {
        case COMMIT: return fuzz_commit(segment, before);
        case STATE: return fuzz_seat_state(segment, before);
        case OWNER: return fuzz_owner();
        default: return fuzz_number(segment, before);
    }
}

static inline uint64_t fuzz_part_at(const struct fuzz_segment *segment, enum fuzz_part part) {
    const struct rtm_ring *plan = &segment->plan;
    uint32_t histograms = plan->seats + plan->layout.origins;
    switch (part) {
        case SEAT: return plan->seats_offset + (plan->seats ? fuzz_pick(plan->seats) : 0) * sizeof(struct rtm_seat);
        case ENTRY: return plan->entries_offset + fuzz_pick(plan->mask + 1) * sizeof(struct rtm_entry);
        case JOURNAL_OF_WRITER: return offsetof(struct rtm_ring_header, journal[fuzz_pick(2)]);
        case HISTOGRAM:
            return plan->histograms_offset +
                   (histograms ? fuzz_pick(histograms) : 0) * sizeof(struct rtm_histogram);
        default: return 0;
    }
}

/* Another process stores: one word, never half of one. */
static inline void fuzz_store(
    const struct fuzz_segment *segment, uint64_t at, uint32_t size, enum fuzz_kind kind) {
    if (at + size > segment->size_bytes) return;
    unsigned char *field = segment->base + at;
    if (size == 8) {
        uint64_t *word = (uint64_t *)(void *)field;
        __atomic_store_n(word, fuzz_value(segment, kind, __atomic_load_n(word, __ATOMIC_RELAXED)), __ATOMIC_RELAXED);
    } else if (size == 4) {
        uint32_t *word = (uint32_t *)(void *)field;
        __atomic_store_n(word, (uint32_t)fuzz_value(segment, kind, __atomic_load_n(word, __ATOMIC_RELAXED)),
                         __ATOMIC_RELAXED);
    } else {
        __atomic_store_n(field, (unsigned char)fuzz_draw(), __ATOMIC_RELAXED);
    }
}

static inline void fuzz_mutate_field(
    const struct fuzz_segment *segment, const struct fuzz_field *fields, uint32_t count) {
    const struct fuzz_field *field = &fields[fuzz_pick(count)];
    fuzz_store(segment, fuzz_part_at(segment, field->part) + field->offset, field->size, field->kind);
}

/* Wrong for a moment, then as before: not one of two looks at it may be believed. */
static inline void fuzz_blink(const struct fuzz_segment *segment) {
    const struct fuzz_field *field = &fuzz_geometry[fuzz_pick(COUNT_OF(fuzz_geometry))];
    uint64_t at = fuzz_part_at(segment, field->part) + field->offset, pause = fuzz_pick(200);
    unsigned char before[8];
    memcpy(before, segment->base + at, field->size);
    fuzz_store(segment, at, field->size, field->kind);
    while (pause--) rtm_pause();
    memcpy(segment->base + at, before, field->size);
}

static inline void fuzz_mutate_pin(const struct fuzz_segment *segment) {
    uint64_t pins = segment->plan.entries_offset - segment->plan.pins_offset;
    if (pins) fuzz_store(segment, segment->plan.pins_offset + fuzz_pick((uint32_t)pins / 4) * 4u, 4, PLAIN);
}

static inline void fuzz_mutate_anywhere(const struct fuzz_segment *segment) {
    uint64_t words = segment->size_bytes / 8;
    if (words) fuzz_store(segment, fuzz_pick((uint32_t)words) * 8ULL, 8, PLAIN);
}

/* One change of what moves: what a program that is wrong does to a ring that others use. */
static inline void fuzz_mutate(const struct fuzz_segment *segment) {
    switch (fuzz_pick(8)) {
        case 0: fuzz_mutate_pin(segment); break;
        case 1: fuzz_mutate_anywhere(segment); break;
        default: fuzz_mutate_field(segment, fuzz_moving, COUNT_OF(fuzz_moving));
    }
}

/* The layout of a ring that is open may change, too: nobody looks at it again. */
static inline void fuzz_mutate_open(const struct fuzz_segment *segment) {
    if (fuzz_pick(4)) fuzz_mutate(segment);
    else fuzz_mutate_field(segment, fuzz_geometry, COUNT_OF(fuzz_geometry));
}

/* As if killed between a commit and its histogram, with the place of the missing value anywhere. */
static inline void fuzz_leave_uncounted(const struct fuzz_segment *segment) {
    struct rtm_ring ring = segment->plan;
    uint64_t counted = 0;
    ring.base = segment->base;
    for (uint32_t i = 0; i < ring.layout.origins; i++) counted += rtm_histogram_count(rtm_ages(&ring, i));
    for (int j = 0; j < 2; j++) {
        rtm_header(&ring)->journal[j].age_count = counted + 1;
        rtm_header(&ring)->journal[j].age_place = (uint32_t)fuzz_number(segment, 0);
    }
    for (uint32_t i = 0; i < ring.seats; i++) {
        rtm_latencies(&ring, i)->counts[fuzz_pick(RTM_BUCKETS)] -= 1;
        for (int j = 0; j < 2; j++) rtm_seat_at(&ring, i)->journal[j].last_bucket = fuzz_number(segment, 0);
    }
}

/* Coherently: the whole ring is `by` messages further along, also where positions run out of bits. */
static inline void fuzz_go_far(const struct fuzz_segment *segment) {
    struct rtm_ring ring = segment->plan;
    ring.base = segment->base;
    uint64_t by = (fuzz_pick(2) ? (1ULL << 56) - 64 * (1 + fuzz_pick(2)) : fuzz_draw() >> fuzz_pick(40)) & ~63ULL;
    struct rtm_ring_header *header = rtm_header(&ring);
    header->commit += by << 8;
    for (uint32_t i = 0; i <= ring.mask; i++)
        if (rtm_entry_of(&ring, i)->seq) rtm_entry_of(&ring, i)->seq += by;
    for (uint32_t i = 0; i < ring.seats; i++) {
        struct rtm_seat *seat = rtm_seat_at(&ring, i);
        seat->commit += by << 8;
        seat->released += by;
        for (int j = 0; j < 2; j++) seat->journal[j].start += by;
    }
}

/* Another layout, in agreement with itself, over bytes that are not. */
static inline void fuzz_lay_anew(struct fuzz_segment *segment) {
    struct rtm_layout layout;
    struct rtm_problem problem;
    struct rtm_ring ring;
    struct fuzz_recipe recipe = {.entries = 1u << fuzz_pick(6), .slot_bytes = 1 + fuzz_pick(130),
                                 .hold = fuzz_pick(6), .origins = fuzz_pick(3)};
    fuzz_lay_out(&recipe, &layout);
    layout.fixed_readers = fuzz_pick(FIXED_READERS + 1);
    layout.spare_readers = fuzz_pick(8);
    MUST(rtm_plan(&ring, &layout, &problem) == RTM_DONE);
    uint64_t before = segment->size_bytes;
    unsigned char *bytes = segment->base;
    if (ring.size_bytes > FUZZ_ARENA_BYTES) return;
    segment->base = fuzz_place(ring.size_bytes);
    memmove(segment->base, bytes, before < ring.size_bytes ? before : ring.size_bytes);
    segment->size_bytes = ring.size_bytes;
    ring.base = segment->base;
    segment->plan = ring;
    rtm_format(&ring, fuzz_identity(FUZZ_FORMER));
    for (int i = 0; i < 64; i++) fuzz_mutate_anywhere(segment);
    rtm_format(&ring, fuzz_identity(FUZZ_FORMER));
}

/* Cut short or made longer; now and then the header knows. */
static inline void fuzz_resize(struct fuzz_segment *segment) {
    uint64_t size = fuzz_pick(2) ? fuzz_pick(2048) : fuzz_pick((uint32_t)segment->size_bytes + 4096);
    if (size > FUZZ_ARENA_BYTES) size = FUZZ_ARENA_BYTES;
    unsigned char *bytes = segment->base, *base = fuzz_place(size);
    memmove(base, bytes, size < segment->size_bytes ? size : segment->size_bytes);
    if (size > segment->size_bytes) memset(base + segment->size_bytes, 0, size - segment->size_bytes);
    segment->base = base;
    segment->size_bytes = size;
    if (size >= sizeof(struct rtm_segment_header) && fuzz_pick(2))
        ((struct rtm_segment_header *)(void *)base)->size_bytes = size;
}

static inline void fuzz_scribble(const struct fuzz_segment *segment) {
    uint64_t at = fuzz_pick((uint32_t)segment->size_bytes), length = 1 + fuzz_pick(300);
    if (length > segment->size_bytes - at) length = segment->size_bytes - at;
    switch (fuzz_pick(3)) {
        case 0: memset(segment->base + at, 0, length); break;
        case 1: memset(segment->base + at, 255, length); break;
        default:
            for (uint64_t i = 0; i < length; i++) segment->base[at + i] = (unsigned char)fuzz_draw();
    }
}

/* What happened to the segment before anybody opens it. */
static inline void fuzz_spoil(struct fuzz_segment *segment) {
    uint32_t how = fuzz_pick(32);
    if (how < 3) fuzz_go_far(segment);
    else if (how < 6) fuzz_lay_anew(segment);
    else if (how == 6) fuzz_resize(segment);
    else if (how == 7) fuzz_scribble(segment);
    else if (how < 11) fuzz_mutate_field(segment, fuzz_geometry, COUNT_OF(fuzz_geometry));
    else if (how < 14) fuzz_leave_uncounted(segment);
    if (how < 24)
        for (uint32_t left = 1 + fuzz_pick(3); left; left--) fuzz_mutate(segment);
}

#endif
