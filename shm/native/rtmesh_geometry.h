/* rtmesh_geometry.h: from a layout to offsets, a new segment, and the check of one that exists.
**
** What an attached process uses of the layout lies in its own memory (struct rtm_ring), computed again from
** the few numbers that define it: whatever bytes a segment holds, no access leaves it.
*/
#ifndef RTMESH_GEOMETRY_H
#define RTMESH_GEOMETRY_H

#include <stdarg.h>

#include "rtmesh_layout.h"
#include "rtmesh_process.h"

enum rtm_result {
    RTM_NOTHING = 0, /* full, or nothing to take: a value, not an error */
    RTM_DONE = 1,
    RTM_BAD_LAYOUT = -1,
    RTM_MISMATCH = -2,
    RTM_CORRUPT = -3,
    RTM_WRITER_SITS = -4,
    RTM_READER_SITS = -5,
    RTM_NO_SPARE = -6,
    RTM_TOO_LARGE = -7,
    RTM_ENDED = -8,
    RTM_WAS_GONE = -9,
    RTM_NO_MEMORY = -10,
    RTM_BAD_RECORD = -11
};

struct rtm_problem {
    char text[256];
};

__attribute__((format(printf, 3, 4))) static inline enum rtm_result rtm_fail(
    struct rtm_problem *problem, enum rtm_result result, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(problem->text, sizeof problem->text, format, values);
    va_end(values);
    return result;
}

/* What a ring is made from. */
struct rtm_reader_layout {
    char name[RTM_NAME_BYTES];
    uint32_t policy, queue, hold;
    uint64_t hold_absent_ns;
};
struct rtm_layout {
    uint64_t slot_bytes;
    uint32_t entries, fixed_readers, spare_readers, origins;
    struct rtm_reader_layout readers[RTM_MOST_READERS];
    uint64_t origin_ids[RTM_MOST_ORIGINS];
};

/* A ring as one process sees it. */
struct rtm_ring {
    unsigned char *base;
    struct rtm_layout layout; /* spare seats filled in, too */
    uint32_t seats, mask, slot_count;
    uint64_t slot_stride, size_bytes;
    uint64_t seats_offset, pins_offset, entries_offset, histograms_offset, slots_offset;
    uint64_t cells_offset[RTM_MOST_READERS];
};

static inline struct rtm_ring_header *rtm_header(const struct rtm_ring *ring) {
    return (struct rtm_ring_header *)(void *)ring->base;
}
static inline struct rtm_seat *rtm_seat_at(const struct rtm_ring *ring, uint32_t index) {
    return (struct rtm_seat *)(void *)(ring->base + ring->seats_offset) + index;
}
static inline struct rtm_entry *rtm_entry_of(const struct rtm_ring *ring, uint64_t position) {
    return (struct rtm_entry *)(void *)(ring->base + ring->entries_offset) + (position & ring->mask);
}
static inline uint32_t *rtm_cells(const struct rtm_ring *ring, uint32_t index) {
    return (uint32_t *)(void *)(ring->base + ring->cells_offset[index]);
}
static inline struct rtm_histogram *rtm_latencies(const struct rtm_ring *ring, uint32_t index) {
    return (struct rtm_histogram *)(void *)(ring->base + ring->histograms_offset) + index;
}
static inline struct rtm_histogram *rtm_ages(const struct rtm_ring *ring, uint32_t origin) {
    return rtm_latencies(ring, ring->seats + origin);
}
static inline unsigned char *rtm_slot(const struct rtm_ring *ring, uint32_t slot) {
    return ring->base + ring->slots_offset + slot * ring->slot_stride;
}
static inline uint64_t rtm_round_up(uint64_t value, uint64_t step) {
    return (value + step - 1) / step * step;
}

static inline enum rtm_result rtm_check_reader(
    const struct rtm_reader_layout *reader, uint32_t entries, struct rtm_problem *problem) {
    const char *name = reader->name;
    if (!memchr(name, 0, RTM_NAME_BYTES))
        return rtm_fail(problem, RTM_BAD_LAYOUT, "a reader's name is longer than 127 bytes");
    if (reader->policy < RTM_BLOCK || reader->policy > RTM_LATEST)
        return rtm_fail(problem, RTM_BAD_LAYOUT, "reader '%s': no policy has the number %u", name,
                        reader->policy);
    if (reader->queue < 1 || reader->queue > entries)
        return rtm_fail(problem, RTM_BAD_LAYOUT,
                        "reader '%s': queue is %u; it must be from 1 to entries (%u)", name, reader->queue,
                        entries);
    if (reader->hold > RTM_MOST_HOLD)
        return rtm_fail(problem, RTM_BAD_LAYOUT, "reader '%s': hold is %u; at most %u", name, reader->hold,
                        RTM_MOST_HOLD);
    return RTM_DONE;
}

static inline enum rtm_result rtm_check_layout(const struct rtm_layout *layout, struct rtm_problem *problem) {
    uint32_t entries = layout->entries, fixed = layout->fixed_readers, spare = layout->spare_readers;
    if (!entries || entries > RTM_MOST_ENTRIES || (entries & (entries - 1)))
        return rtm_fail(problem, RTM_BAD_LAYOUT, "entries is %u; it must be a power of two up to %u", entries,
                        RTM_MOST_ENTRIES);
    if (!layout->slot_bytes || layout->slot_bytes > RTM_MOST_SLOT_BYTES)
        return rtm_fail(problem, RTM_BAD_LAYOUT, "slot_bytes is %llu; it must be from 1 to 4 GiB",
                        (unsigned long long)layout->slot_bytes);
    if (fixed > RTM_MOST_READERS || spare > RTM_MOST_READERS - fixed)
        return rtm_fail(problem, RTM_BAD_LAYOUT, "%u readers and %u spare ones; a ring has at most %u", fixed,
                        spare, RTM_MOST_READERS);
    if (layout->origins > RTM_MOST_ORIGINS)
        return rtm_fail(problem, RTM_BAD_LAYOUT, "%u budget origins; a ring has at most %u", layout->origins,
                        RTM_MOST_ORIGINS);
    for (uint32_t i = 0; i < fixed; i++)
        if (rtm_check_reader(&layout->readers[i], entries, problem) < 0) return RTM_BAD_LAYOUT;
    return RTM_DONE;
}

static inline void rtm_plan_spare(struct rtm_layout *layout, uint32_t index) {
    struct rtm_reader_layout *reader = &layout->readers[index];
    memset(reader, 0, sizeof *reader);
    reader->policy = RTM_DROP_OLDEST;
    reader->queue = layout->entries;
    reader->hold = RTM_SPARE_HOLD;
}

/* Computes all offsets and the size; `ring->base` is the caller's. RTM_BAD_LAYOUT with the reason. */
static inline enum rtm_result rtm_plan(
    struct rtm_ring *ring, const struct rtm_layout *layout, struct rtm_problem *problem) {
    if (rtm_check_layout(layout, problem) < 0) return RTM_BAD_LAYOUT;
    ring->layout = *layout;
    ring->seats = layout->fixed_readers + layout->spare_readers;
    ring->mask = layout->entries - 1;
    ring->seats_offset = sizeof(struct rtm_ring_header);
    ring->pins_offset = rtm_round_up(ring->seats_offset + ring->seats * sizeof(struct rtm_seat), RTM_LINE);
    uint64_t at = ring->pins_offset, slots = (uint64_t)layout->entries + 1;
    for (uint32_t i = 0; i < ring->seats; i++) {
        if (i >= layout->fixed_readers) rtm_plan_spare(&ring->layout, i);
        uint64_t cells = (uint64_t)ring->layout.readers[i].hold + 1;
        ring->cells_offset[i] = at;
        at += rtm_round_up(cells * sizeof(uint32_t), RTM_LINE);
        slots += cells;
    }
    ring->entries_offset = at;
    ring->histograms_offset = at + layout->entries * (uint64_t)sizeof(struct rtm_entry);
    at = ring->histograms_offset + (ring->seats + layout->origins) * (uint64_t)sizeof(struct rtm_histogram);
    ring->slots_offset = rtm_round_up(at, RTM_PAGE);
    ring->slot_count = (uint32_t)slots;
    ring->slot_stride = rtm_round_up(layout->slot_bytes + RTM_LINE - 1, RTM_LINE);
    ring->size_bytes = ring->slots_offset + slots * ring->slot_stride;
    if (ring->size_bytes > RTM_MOST_SEGMENT_BYTES)
        return rtm_fail(problem, RTM_BAD_LAYOUT, "the ring would have %llu bytes",
                        (unsigned long long)ring->size_bytes);
    return RTM_DONE;
}

static inline void rtm_format_seat(const struct rtm_ring *ring, uint32_t index) {
    struct rtm_seat *seat = rtm_seat_at(ring, index);
    const struct rtm_reader_layout *reader = &ring->layout.readers[index];
    seat->policy = reader->policy;
    seat->queue = reader->queue;
    seat->hold = reader->hold;
    seat->hold_absent_ns = reader->hold_absent_ns;
    memcpy(seat->name, reader->name, RTM_NAME_BYTES);
    seat->state = rtm_state_word(index < ring->layout.fixed_readers ? RTM_ABSENT : RTM_FREE, 0);
}

/* Makes a ring of `ring->size_bytes` zero bytes at `ring->base`, planned by rtm_plan. Last: the magic. */
static inline void rtm_format(const struct rtm_ring *ring, uint64_t creator) {
    struct rtm_ring_header *header = rtm_header(ring);
    header->segment.layout_version = RTM_LAYOUT_VERSION;
    header->segment.kind = RTM_KIND_RING;
    header->segment.size_bytes = ring->size_bytes;
    header->segment.creator = creator;
    header->entries = ring->layout.entries;
    header->slot_count = ring->slot_count;
    header->slot_bytes = ring->layout.slot_bytes;
    header->slot_stride = ring->slot_stride;
    header->fixed_readers = ring->layout.fixed_readers;
    header->spare_readers = ring->layout.spare_readers;
    header->origins = ring->layout.origins;
    header->seats_offset = ring->seats_offset;
    header->pins_offset = ring->pins_offset;
    header->entries_offset = ring->entries_offset;
    header->histograms_offset = ring->histograms_offset;
    header->slots_offset = ring->slots_offset;
    memcpy(header->origin_ids, ring->layout.origin_ids, sizeof header->origin_ids);
    for (uint32_t i = 0; i < ring->seats; i++) rtm_format_seat(ring, i);
    RTM_STORE(&header->segment.magic, RTM_MAGIC);
}

static inline enum rtm_result rtm_check_segment(
    const struct rtm_segment_header *header, uint64_t size_bytes, struct rtm_problem *problem) {
    if (size_bytes < sizeof(struct rtm_segment_header))
        return rtm_fail(problem, RTM_CORRUPT, "it has %llu bytes, less than a header",
                        (unsigned long long)size_bytes);
    uint64_t magic = RTM_LOAD(&header->magic);
    if (magic != RTM_MAGIC)
        return rtm_fail(problem, RTM_MISMATCH, "it is no rtmesh segment: magic is %016llx, not %016llx; "
                        "remove it, or take another name",
                        (unsigned long long)magic, (unsigned long long)RTM_MAGIC);
    if (header->layout_version != RTM_LAYOUT_VERSION)
        return rtm_fail(problem, RTM_MISMATCH,
                        "it has layout version %u, this program has %u; run the same rtmesh on both sides",
                        header->layout_version, RTM_LAYOUT_VERSION);
    if (header->size_bytes != size_bytes)
        return rtm_fail(problem, RTM_CORRUPT, "its header says %llu bytes, it has %llu",
                        (unsigned long long)header->size_bytes, (unsigned long long)size_bytes);
    return RTM_DONE;
}

/* Copies the numbers that define the layout, once: another process may scribble while we check. */
static inline void rtm_read_layout(
    const struct rtm_ring_header *header, uint64_t size_bytes, struct rtm_layout *layout) {
    memset(layout, 0, sizeof *layout);
    layout->entries = header->entries;
    layout->slot_bytes = header->slot_bytes;
    layout->fixed_readers = header->fixed_readers;
    layout->spare_readers = header->spare_readers;
    layout->origins = header->origins;
    memcpy(layout->origin_ids, header->origin_ids, sizeof layout->origin_ids);
    const struct rtm_seat *seats = (const struct rtm_seat *)(const void *)(header + 1);
    uint64_t room = (size_bytes - sizeof *header) / sizeof *seats;
    for (uint32_t i = 0; i < layout->fixed_readers && i < RTM_MOST_READERS && i < room; i++) {
        struct rtm_reader_layout *reader = &layout->readers[i];
        memcpy(reader->name, seats[i].name, RTM_NAME_BYTES);
        reader->name[RTM_NAME_BYTES - 1] = 0;
        reader->policy = seats[i].policy;
        reader->queue = seats[i].queue;
        reader->hold = seats[i].hold;
        reader->hold_absent_ns = seats[i].hold_absent_ns;
    }
}

static inline int rtm_offsets_agree(const struct rtm_ring *ring, const struct rtm_ring_header *header) {
    return header->slot_count == ring->slot_count && header->slot_stride == ring->slot_stride &&
           header->seats_offset == ring->seats_offset && header->pins_offset == ring->pins_offset &&
           header->entries_offset == ring->entries_offset &&
           header->histograms_offset == ring->histograms_offset &&
           header->slots_offset == ring->slots_offset && ring->size_bytes == header->segment.size_bytes;
}

/* Checks the `size_bytes` at `base` (64-byte aligned) and fills `ring`. */
static inline enum rtm_result rtm_open(
    struct rtm_ring *ring, void *base, uint64_t size_bytes, struct rtm_problem *problem) {
    const struct rtm_ring_header *header = (const struct rtm_ring_header *)base;
    enum rtm_result result = rtm_check_segment(&header->segment, size_bytes, problem);
    if (result < 0) return result;
    if (header->segment.kind != RTM_KIND_RING)
        return rtm_fail(problem, RTM_MISMATCH, "it is a segment of kind %u, not a ring",
                        header->segment.kind);
    if (size_bytes < sizeof *header)
        return rtm_fail(problem, RTM_CORRUPT, "it has %llu bytes, less than a ring's header",
                        (unsigned long long)size_bytes);
    struct rtm_layout layout;
    rtm_read_layout(header, size_bytes, &layout);
    ring->base = (unsigned char *)base;
    if (rtm_plan(ring, &layout, problem) < 0) return RTM_CORRUPT;
    if (ring->size_bytes != size_bytes || !rtm_offsets_agree(ring, header))
        return rtm_fail(problem, RTM_CORRUPT, "its offsets and sizes do not follow from its layout");
    return RTM_DONE;
}

#endif
