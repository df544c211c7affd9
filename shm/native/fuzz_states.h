/* fuzz_states.h: valid rings in many states, from which the fuzz cases start. Each is made by the ring's own
** functions, in the name of a former process.
*/
#ifndef RTMESH_FUZZ_STATES_H
#define RTMESH_FUZZ_STATES_H

#include "fuzz_world.h"

enum { BLOCKS, DROPS, LATEST, FIXED_READERS, SPARE_READERS = 2 };

struct fuzz_recipe {
    const char *name;
    uint32_t entries, slot_bytes, hold, origins;
    uint32_t publish, take; /* messages; every fixed reader takes as many */
    uint32_t taps;
    int keeps_pins, gone, absent, ended, half_made, stays; /* stays: the former process sits there, dead or alive */
};

static const struct fuzz_recipe fuzz_recipes[] = {
    {.name = "fresh", .entries = 8, .slot_bytes = 100, .hold = 2, .origins = 1},
    {.name = "half full", .entries = 8, .slot_bytes = 100, .hold = 2, .origins = 1, .publish = 4, .take = 1},
    {.name = "full", .entries = 8, .slot_bytes = 64, .hold = 2, .origins = 1, .publish = 50},
    {.name = "lapped", .entries = 4, .slot_bytes = 200, .hold = 1, .publish = 50, .gone = 1, .taps = 1},
    {.name = "absent", .entries = 8, .slot_bytes = 1, .hold = 0, .publish = 3, .take = 2, .absent = 1},
    {.name = "gone", .entries = 8, .slot_bytes = 64, .hold = 4, .publish = 7, .take = 2, .gone = 1},
    {.name = "taps", .entries = 16, .slot_bytes = 64, .hold = 1, .publish = 5, .taps = 2, .stays = 1},
    {.name = "pinned", .entries = 4, .slot_bytes = 64, .hold = 3, .publish = 9, .take = 2, .keeps_pins = 1, .stays = 1},
    {.name = "ended", .entries = 8, .slot_bytes = 64, .hold = 1, .origins = 2, .publish = 6, .take = 3, .ended = 1},
    {.name = "drained", .entries = 8, .slot_bytes = 64, .hold = 1, .publish = 4, .take = 4, .ended = 1},
    {.name = "half made", .entries = 4, .slot_bytes = 64, .hold = 1, .publish = 3, .take = 3, .half_made = 1, .stays = 1},
    {.name = "smallest", .entries = 1, .slot_bytes = 1, .hold = 0, .publish = 3, .take = 1},
};
#define FUZZ_STATES (sizeof fuzz_recipes / sizeof *fuzz_recipes)

struct fuzz_state {
    struct rtm_ring ring; /* its plan; the base moves */
    unsigned char *bytes;
};
static struct fuzz_state fuzz_states[FUZZ_STATES];

#define MUST(fact)                                                                       \
    do {                                                                                 \
        if (!(fact)) {                                                                   \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #fact);     \
            abort();                                                                     \
        }                                                                                \
    } while (0)

static inline void fuzz_lay_out(const struct fuzz_recipe *recipe, struct rtm_layout *layout) {
    memset(layout, 0, sizeof *layout);
    layout->entries = recipe->entries;
    layout->slot_bytes = recipe->slot_bytes;
    layout->fixed_readers = FIXED_READERS;
    layout->spare_readers = SPARE_READERS;
    layout->origins = recipe->origins;
    for (uint32_t i = 0; i < recipe->origins; i++) layout->origin_ids[i] = 7 + i;
    for (uint32_t i = 0; i < FIXED_READERS; i++) {
        struct rtm_reader_layout *reader = &layout->readers[i];
        snprintf(reader->name, sizeof reader->name, "reader.%u", i);
        reader->policy = RTM_BLOCK + i;
        reader->queue = recipe->entries;
        reader->hold = recipe->hold;
        reader->hold_absent_ns = 1000000;
    }
}

static inline int fuzz_publish(struct rtm_writer *writer, uint32_t length) {
    struct rtm_problem problem;
    struct rtm_stamp stamp = {fuzz_now_ns, writer->head + 1, 7, fuzz_now_ns - 500};
    if (rtm_claim(writer, length, writer->head % 64, &problem) != RTM_DONE) return 0;
    memset(rtm_claimed(writer), (int)writer->head & 255, length);
    rtm_commit(writer, &stamp);
    return 1;
}

static inline void fuzz_take_some(
    const struct fuzz_recipe *recipe, const struct rtm_ring *ring, uint32_t index, struct rtm_reader *reader) {
    struct rtm_problem problem;
    struct rtm_message message;
    MUST(rtm_reader_attach(reader, ring, index, 0, &problem) == RTM_DONE);
    for (uint32_t i = 0; i < recipe->take; i++) {
        uint32_t cell = i % (recipe->hold + 1);
        if (rtm_take(reader, fuzz_now_ns, cell, &message, &problem) != RTM_DONE) break;
        if (recipe->keeps_pins) continue;
        rtm_unpin(reader, cell);
        rtm_release(reader, reader->taken);
    }
}

/* A writer that is killed just before SYNC A: the entry is there, the commit is not. */
static inline void fuzz_begin_a_commit(struct rtm_writer *writer) {
    struct rtm_problem problem;
    if (rtm_claim(writer, 1, 0, &problem) == RTM_DONE) rtm_fill_entry(writer, fuzz_now_ns, 1);
}

static inline void fuzz_live(const struct fuzz_recipe *recipe, const struct rtm_ring *ring) {
    struct rtm_reader readers[FIXED_READERS], tap;
    struct rtm_writer writer;
    struct rtm_problem problem;
    MUST(rtm_writer_attach(&writer, ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    for (uint32_t i = 0; i < recipe->taps; i++) MUST(rtm_tap(&tap, ring, "tap", 3, &problem) == RTM_DONE);
    if (recipe->gone) rtm_give_up(ring, BLOCKS);
    for (uint32_t i = 0; i < recipe->publish; i++) fuzz_publish(&writer, recipe->slot_bytes);
    for (uint32_t i = 0; i < FIXED_READERS && recipe->publish; i++) {
        if (recipe->gone && i == BLOCKS) continue;
        fuzz_take_some(recipe, ring, i, &readers[i]);
        if (recipe->absent) rtm_set_absent(&readers[i]);
        if (!recipe->stays) rtm_reader_detach(&readers[i]);
    }
    if (recipe->ended) rtm_end(&writer);
    if (recipe->half_made) fuzz_begin_a_commit(&writer);
    if (recipe->stays) rtm_writer_free(&writer);
    else rtm_writer_detach(&writer);
}

static inline void fuzz_make_state(const struct fuzz_recipe *recipe, struct fuzz_state *state) {
    struct rtm_layout layout;
    struct rtm_problem problem;
    fuzz_lay_out(recipe, &layout);
    MUST(rtm_plan(&state->ring, &layout, &problem) == RTM_DONE);
    MUST(state->ring.size_bytes <= FUZZ_ARENA_BYTES);
    state->bytes = (unsigned char *)aligned_alloc(RTM_PAGE, rtm_round_up(state->ring.size_bytes, RTM_PAGE));
    MUST(state->bytes);
    memset(state->bytes, 0, state->ring.size_bytes);
    state->ring.base = state->bytes;
    fuzz_self = FUZZ_FORMER;
    fuzz_former_lives = 1;
    rtm_format(&state->ring, rtm_own_identity());
    fuzz_live(recipe, &state->ring);
    fuzz_self = FUZZ_SELF;
}

static inline void fuzz_make_states(void) {
    for (uint32_t i = 0; i < FUZZ_STATES; i++) fuzz_make_state(&fuzz_recipes[i], &fuzz_states[i]);
}

#endif
