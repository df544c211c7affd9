/* fuzz_calls.h: everything that is done with a segment, as calls that a fuzz case chooses from. Each returns
** what the ring said; what it hands out is read, or written, to the last byte.
*/
#ifndef RTMESH_FUZZ_CALLS_H
#define RTMESH_FUZZ_CALLS_H

#include "fuzz_mutate.h"

#define SITTERS 3u
#define SHORT_NS 20000 /* of the made-up clock: 20 looks at it */

/* What this process has open. */
struct fuzz_case {
    struct fuzz_segment segment;
    struct rtm_ring ring;
    struct rtm_reader readers[SITTERS];
    int is_reading[SITTERS];
    struct rtm_writer writer;
    int is_writing, is_claimed;
    uint64_t bytes_seen;
};

static inline void fuzz_read_all(struct fuzz_case *this, const unsigned char *data, uint64_t length) {
    const unsigned char *slots = this->ring.base + this->ring.slots_offset;
    MUST(length <= this->ring.layout.slot_bytes && data >= slots);
    MUST(data + length <= this->ring.base + this->segment.size_bytes);
    for (uint64_t i = 0; i < length; i++) this->bytes_seen += *(const volatile unsigned char *)&data[i];
}

/* Every slot is in one place: published, free, in limbo or claimed. */
static inline void fuzz_check_slots(const struct fuzz_case *this) {
    const struct rtm_writer *writer = &this->writer;
    uint32_t count = writer->free_count + writer->limbo_count + (writer->claimed != RTM_NO_SLOT);
    for (uint32_t i = 0; i <= this->ring.mask; i++) count += writer->slot_of[i] != RTM_NO_SLOT;
    MUST(count == this->ring.slot_count);
}

/* What a reader goes on from adds up, whatever the segment said. */
static inline void fuzz_check_account(const struct rtm_reader *reader) {
    uint64_t sum = reader->journal.start + reader->journal.delivered;
    for (uint32_t i = 0; i < RTM_REASONS; i++) sum += reader->journal.dropped[i];
    MUST(sum == reader->taken && reader->released <= reader->taken);
}

/* A reader that is attached, or NULL. */
static inline struct rtm_reader *fuzz_reader(struct fuzz_case *this) {
    uint32_t at = fuzz_pick(SITTERS);
    for (uint32_t i = 0; i < SITTERS; i++, at = (at + 1) % SITTERS)
        if (this->is_reading[at]) return &this->readers[at];
    return NULL;
}

static enum rtm_result call_open(struct fuzz_case *this, struct rtm_problem *problem) {
    enum rtm_result result = rtm_open(&this->ring, this->segment.base, this->segment.size_bytes, problem);
    const struct rtm_layout *layout = &this->ring.layout;
    for (uint32_t i = 0; result == RTM_DONE && i < layout->fixed_readers; i++)
        MUST(layout->readers[i].queue >= 1 && layout->readers[i].queue <= layout->entries);
    return result;
}

static enum rtm_result call_read(struct fuzz_case *this, struct rtm_problem *problem) {
    uint32_t at = fuzz_pick(SITTERS);
    if (this->is_reading[at]) return RTM_NOTHING;
    enum rtm_result result =
        rtm_reader_attach(&this->readers[at], &this->ring, fuzz_pick(FIXED_READERS + 1), fuzz_pick(2) != 0, problem);
    this->is_reading[at] = result == RTM_DONE;
    if (result == RTM_DONE) fuzz_check_account(&this->readers[at]);
    return result;
}

static enum rtm_result call_tap(struct fuzz_case *this, struct rtm_problem *problem) {
    uint32_t at = fuzz_pick(SITTERS);
    if (this->is_reading[at]) return RTM_NOTHING;
    enum rtm_result result = rtm_tap(&this->readers[at], &this->ring, "fuzz", (uint32_t)fuzz_edge(), problem);
    this->is_reading[at] = result == RTM_DONE;
    return result;
}

static enum rtm_result call_take(struct fuzz_case *this, struct rtm_problem *problem) {
    struct rtm_reader *reader = fuzz_reader(this);
    struct rtm_message message;
    if (!reader) return RTM_NOTHING;
    uint32_t cell = fuzz_pick(reader->hold + 1);
    uint64_t before = reader->taken;
    enum rtm_result result = rtm_take(reader, fuzz_now_ns, cell, &message, problem);
    MUST(reader->taken >= before);
    if (result == RTM_DONE) fuzz_read_all(this, message.data, message.length);
    if (result == RTM_DONE && fuzz_pick(2)) rtm_unpin(reader, cell);
    return result;
}

static enum rtm_result call_take_again(struct fuzz_case *this, struct rtm_problem *problem) {
    struct rtm_reader *reader = fuzz_reader(this);
    struct rtm_message message;
    if (!reader) return RTM_NOTHING;
    uint32_t cell = fuzz_pick(reader->hold + 1);
    uint64_t position = fuzz_pick(4) ? reader->released : fuzz_edge();
    enum rtm_result result = rtm_take_again(reader, position, cell, &message, problem);
    if (result == RTM_DONE) fuzz_read_all(this, message.data, message.length);
    return result;
}

static enum rtm_result call_release(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    struct rtm_reader *reader = fuzz_reader(this);
    if (!reader) return RTM_NOTHING;
    rtm_unpin(reader, fuzz_pick(reader->hold + 1));
    rtm_release(reader, fuzz_pick(4) ? reader->taken : fuzz_edge());
    return RTM_DONE;
}

static enum rtm_result call_ask_reader(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    struct rtm_reader *reader = fuzz_reader(this);
    if (!reader) return RTM_NOTHING;
    return rtm_available(reader) || rtm_reader_ended(reader) ? RTM_DONE : RTM_NOTHING;
}

static enum rtm_result call_resume(struct fuzz_case *this, struct rtm_problem *problem) {
    struct rtm_reader *reader = fuzz_reader(this);
    if (!reader) return RTM_NOTHING;
    uint64_t position = fuzz_pick(2) ? reader->released : fuzz_edge();
    uint64_t delivered = fuzz_pick(2) ? reader->journal.delivered - fuzz_pick(2) : fuzz_edge();
    return rtm_resume(reader, position, delivered, problem);
}

static enum rtm_result call_be_absent(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    struct rtm_reader *reader = fuzz_reader(this);
    if (!reader) return RTM_NOTHING;
    rtm_set_absent(reader);
    if (fuzz_pick(2)) rtm_become_attached(reader);
    return RTM_DONE;
}

static enum rtm_result call_stop_reading(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    uint32_t at = fuzz_pick(SITTERS);
    if (!this->is_reading[at]) return RTM_NOTHING;
    if (fuzz_pick(2)) rtm_leave(&this->readers[at]);
    rtm_reader_detach(&this->readers[at]);
    this->is_reading[at] = 0;
    return RTM_DONE;
}

static enum rtm_result call_write(struct fuzz_case *this, struct rtm_problem *problem) {
    static const uint32_t epochs[] = {RTM_NEXT_EPOCH, RTM_SAME_EPOCH, 5};
    if (this->is_writing) return RTM_NOTHING;
    enum rtm_result result = rtm_writer_attach(&this->writer, &this->ring, epochs[fuzz_pick(3)], problem);
    this->is_writing = result == RTM_DONE;
    this->is_claimed = 0;
    return result;
}

static enum rtm_result call_claim(struct fuzz_case *this, struct rtm_problem *problem) {
    if (!this->is_writing) return RTM_NOTHING;
    uint64_t most = this->ring.layout.slot_bytes, length = fuzz_pick(16) ? most - fuzz_pick(2) : fuzz_edge();
    enum rtm_result result = rtm_claim(&this->writer, length, fuzz_draw(), problem);
    if (result != RTM_DONE) return result;
    this->is_claimed = 1;
    unsigned char *data = rtm_claimed(&this->writer);
    MUST(data + length <= this->ring.base + this->segment.size_bytes);
    memset(data, 0xA5, length);
    return result;
}

static enum rtm_result call_commit(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    if (!this->is_writing || !this->is_claimed) return RTM_NOTHING;
    struct rtm_stamp stamp = {(int64_t)fuzz_edge(), fuzz_pick(2) ? fuzz_edge() : 0, 7, (int64_t)fuzz_edge()};
    if (fuzz_pick(4)) stamp.publish_time_ns = fuzz_now_ns;
    rtm_commit(&this->writer, &stamp);
    this->is_claimed = 0;
    return RTM_DONE;
}

static enum rtm_result call_publish(struct fuzz_case *this, struct rtm_problem *problem) {
    for (uint32_t left = 1 + fuzz_pick(20); left; left--) {
        enum rtm_result result = call_claim(this, problem);
        if (result != RTM_DONE) return result;
        call_commit(this, problem);
    }
    return RTM_DONE;
}

static enum rtm_result call_ask_writer(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    if (!this->is_writing) return RTM_NOTHING;
    fuzz_check_slots(this);
    int64_t until_ns = RTM_FOREVER;
    struct rtm_survey survey = rtm_survey(&this->ring, this->writer.head, (int)fuzz_pick(2));
    this->bytes_seen += rtm_released_by_all(&this->writer, &until_ns) + survey.least;
    return RTM_DONE;
}

static enum rtm_result call_stop_writing(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    if (!this->is_writing) return RTM_NOTHING;
    switch (fuzz_pick(4)) {
        case 0: rtm_end(&this->writer); break;
        case 1: rtm_abort(&this->writer); break;
        case 2: rtm_skip_to(&this->writer, fuzz_edge()); break;
        default: rtm_writer_detach(&this->writer); this->is_writing = 0;
    }
    this->is_claimed = 0;
    return RTM_DONE;
}

static enum rtm_result call_wait(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    struct rtm_wait_item items[2];
    struct rtm_bell bells[2];
    struct rtm_reader *reader = fuzz_reader(this);
    uint32_t count = 0;
    if (reader) items[count++] = rtm_wait_for(reader, NULL);
    if (this->is_writing) items[count++] = rtm_wait_for(NULL, &this->writer);
    if (!count) return RTM_NOTHING;
    return rtm_wait(items, count, bells, fuzz_now_ns + SHORT_NS, fuzz_pick(2) * 5000) > 0 ? RTM_DONE : RTM_NOTHING;
}

/* As python_mapping.h does it: readers first, then the writer. */
static enum rtm_result call_look(struct fuzz_case *this, struct rtm_problem *problem) {
    (void)problem;
    const struct rtm_ring *ring = &this->ring;
    struct rtm_reader_look looks[RTM_MOST_READERS];
    for (uint32_t i = 0; i < ring->seats; i++) looks[i] = rtm_look_at_reader(ring, i);
    struct rtm_writer_look writer = rtm_look_at_writer(ring);
    for (uint32_t i = 0; i < ring->seats; i++) {
        struct rtm_survey survey = {.least = writer.head, .holder = -1, .deadline_ns = INT64_MAX};
        MUST(rtm_queue_of(ring, i) >= 1 && rtm_queue_of(ring, i) <= ring->mask + 1);
        rtm_settle_look(ring, i, writer.head, &looks[i]);
        rtm_survey_seat(ring, i, writer.head, 0, &survey);
        this->bytes_seen += looks[i].taken + survey.least;
    }
    uint32_t histograms = ring->seats + ring->layout.origins;
    if (histograms) this->bytes_seen += rtm_histogram_count(rtm_latencies(ring, fuzz_pick(histograms)));
    return RTM_DONE;
}

static enum rtm_result call_bury(struct fuzz_case *this, struct rtm_problem *problem) {
    static const uint32_t pids[] = {0, FUZZ_FORMER, FUZZ_NEIGHBOUR};
    uint32_t pid = pids[fuzz_pick(3)], seats = this->ring.seats;
    switch (fuzz_pick(4)) {
        case 0: return rtm_writer_died(&this->ring, pid);
        case 1: return rtm_end_for_writer(&this->ring, problem);
        default:
            return seats ? rtm_mark_dead(&this->ring, fuzz_pick(seats), pid, (int)fuzz_pick(2)) : RTM_NOTHING;
    }
}

static const struct fuzz_call {
    const char *name;
    enum rtm_result (*run)(struct fuzz_case *this, struct rtm_problem *problem);
} fuzz_calls[] = {
    {"open", call_open}, {"look", call_look}, {"bury", call_bury}, {"read", call_read}, {"read", call_read},
    {"tap", call_tap}, {"take", call_take}, {"take", call_take}, {"take", call_take}, {"take", call_take},
    {"take again", call_take_again}, {"release", call_release}, {"ask reader", call_ask_reader},
    {"resume", call_resume}, {"be absent", call_be_absent}, {"stop reading", call_stop_reading},
    {"write", call_write}, {"write", call_write}, {"claim", call_claim}, {"commit", call_commit},
    {"publish", call_publish}, {"publish", call_publish}, {"ask writer", call_ask_writer},
    {"stop writing", call_stop_writing}, {"wait", call_wait},
};

static inline void fuzz_let_go(struct fuzz_case *this) {
    for (uint32_t i = 0; i < SITTERS; i++)
        if (this->is_reading[i]) rtm_reader_detach(&this->readers[i]);
    if (this->is_writing) rtm_writer_detach(&this->writer);
}

#endif
