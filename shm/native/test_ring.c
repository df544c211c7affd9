/* test_ring.c: one writer and readers of every policy, as threads, over one ring; run under sanitizers.
**
** Every message is filled with a pattern made from its position, so a slot that is overwritten while a
** reader has it pinned shows; order, accounts and the end of the stream are checked by each reader.
*/
#include "test_common.h"

#include <pthread.h>

#define MESSAGES 20000u

struct party {
    const struct rtm_ring *ring;
    uint32_t index;
    uint64_t delivered;
};

static void *write_all(void *argument) {
    struct party *party = (struct party *)argument;
    struct rtm_writer writer;
    struct rtm_problem problem;
    CHECK(rtm_writer_attach(&writer, party->ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    while (writer.head < MESSAGES) publish(&writer);
    rtm_end(&writer);
    rtm_writer_detach(&writer);
    return NULL;
}

/* Keeps each message pinned while it takes the next, and looks at it again before it lets go. */
static void read_to_the_end(struct rtm_reader *reader) {
    struct rtm_message messages[2];
    struct rtm_problem problem;
    uint64_t next = reader->taken, count = 0;
    while (!rtm_reader_ended(reader)) {
        struct rtm_message *message = &messages[count & 1];
        enum rtm_result result = rtm_take(reader, (int64_t)count, count & 1, message, &problem);
        if (result == RTM_NOTHING) {
            wait_for(reader, NULL);
            continue;
        }
        CHECK(result == RTM_DONE && message->position >= next);
        CHECK(reader->policy != RTM_BLOCK || message->position == next);
        CHECK(message->source_position == message->position + 1 && message->epoch == 1);
        next = message->position + 1;
        check_pattern(message);
        rtm_release(reader, reader->taken);
        if (count) {
            check_pattern(&messages[(count - 1) & 1]);
            rtm_unpin(reader, (count - 1) & 1);
        }
        count++;
    }
}

static void *read_seat(void *argument) {
    struct party *party = (struct party *)argument;
    struct rtm_reader reader;
    struct rtm_problem problem;
    CHECK(rtm_reader_attach(&reader, party->ring, party->index, 0, &problem) == RTM_DONE);
    read_to_the_end(&reader);
    party->delivered = reader.journal.delivered;
    rtm_reader_detach(&reader);
    return NULL;
}

/* Comes and goes while the others run. */
static void *tap_again_and_again(void *argument) {
    struct party *party = (struct party *)argument;
    struct rtm_problem problem;
    for (int turn = 0; turn < 200; turn++) {
        struct rtm_reader reader;
        struct rtm_message message;
        CHECK(rtm_tap(&reader, party->ring, "tap", 3, &problem) == RTM_DONE);
        for (int i = 0; i < 50; i++)
            if (rtm_take(&reader, 0, 0, &message, &problem) == RTM_DONE) {
                check_pattern(&message);
                rtm_unpin(&reader, 0);
            }
        rtm_clear_pins(party->ring, reader.index);
        rtm_reader_detach(&reader);
    }
    return NULL;
}

static void *look_again_and_again(void *argument) {
    struct party *party = (struct party *)argument;
    for (int turn = 0; turn < 2000; turn++)
        for (uint32_t i = 0; i < 6; i++) look_at(party->ring, i);
    return NULL;
}

/* Does as a relay does whose connection is cut again and again: what the other side does not hold is taken
** again, or dropped meanwhile. */
static void *relay_seat(void *argument) {
    struct party *party = (struct party *)argument;
    struct rtm_reader reader;
    struct rtm_problem problem;
    uint64_t held_position = 0, held = 0;
    CHECK(rtm_reader_attach(&reader, party->ring, party->index, 1, &problem) == RTM_DONE);
    for (uint32_t turn = 0; !rtm_reader_ended(&reader); turn++) {
        struct rtm_message message;
        if (rtm_take(&reader, 0, 0, &message, &problem) == RTM_DONE) {
            CHECK(message.position >= held_position);
            check_pattern(&message);
            rtm_unpin(&reader, 0);
        } else {
            wait_for(&reader, NULL);
        }
        if (turn % 5 == 0) {
            held_position = reader.taken;
            held = reader.journal.delivered;
            rtm_release(&reader, held_position);
        }
        if (turn % 7 == 0) CHECK(rtm_resume(&reader, held_position, held, &problem) == RTM_DONE);
    }
    party->delivered = reader.journal.delivered;
    rtm_reader_detach(&reader);
    return NULL;
}

static void every_policy_gets_what_it_should(void) {
    struct rtm_layout layout = {SLOT_BYTES, 16, 0, 2, 1, {{{0}, 0, 0, 0, 0}}, {7}};
    struct rtm_ring ring;
    set_reader(&layout, "block", RTM_BLOCK, 16);
    set_reader(&layout, "short", RTM_BLOCK, 1);
    set_reader(&layout, "drop", RTM_DROP_OLDEST, 16);
    set_reader(&layout, "drop one", RTM_DROP_OLDEST, 1);
    set_reader(&layout, "latest", RTM_LATEST, 1);
    set_reader(&layout, "relay", RTM_DROP_OLDEST, 16);
    make_ring(&ring, &layout);
    pthread_t threads[9];
    struct party parties[9];
    void *(*const work[9])(void *) = {read_seat, read_seat, read_seat, read_seat, read_seat, relay_seat,
                                      write_all, tap_again_and_again, look_again_and_again};
    for (uint32_t i = 0; i < 9; i++) parties[i] = (struct party){&ring, i, 0};
    for (int i = 0; i < 9; i++) CHECK(pthread_create(&threads[i], NULL, work[i], &parties[i]) == 0);
    for (int i = 0; i < 9; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(look_at(&ring, 5).taken == MESSAGES && look_at(&ring, 5).journal.delivered == parties[5].delivered);
    CHECK(parties[0].delivered == MESSAGES && parties[1].delivered == MESSAGES);
    for (uint32_t i = 0; i < 5; i++) check_account(&ring, i);
    CHECK(rtm_look_at_writer(&ring).head == MESSAGES && rtm_look_at_writer(&ring).ended);
    CHECK(rtm_histogram_count(rtm_ages(&ring, 0)) == MESSAGES);
    free(ring.base);
}

/* Fills a block reader's queue of 4; the next claim finds it full. */
static void fill_queue(struct rtm_writer *writer) {
    struct rtm_problem problem;
    for (int i = 0; i < 4; i++) publish(writer);
    CHECK(rtm_claim(writer, 1, 0, &problem) == RTM_NOTHING);
}

static void an_absent_reader_holds_for_its_time_and_is_then_gone(void) {
    struct rtm_layout layout = {SLOT_BYTES, 4, 0, 0, 0, {{{0}, 0, 0, 0, 0}}, {0}};
    struct rtm_ring ring;
    struct rtm_writer writer;
    struct rtm_reader reader;
    struct rtm_message message;
    struct rtm_problem problem;
    set_reader(&layout, "block", RTM_BLOCK, 4);
    make_ring(&ring, &layout);
    CHECK(rtm_writer_attach(&writer, &ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    CHECK(rtm_reader_attach(&reader, &ring, 0, 0, &problem) == RTM_DONE);
    fill_queue(&writer);
    CHECK(rtm_take(&reader, 0, 0, &message, &problem) == RTM_DONE);
    CHECK(rtm_mark_dead(&ring, 0, 0, 0) == RTM_DONE); /* killed with a pin and unreleased */
    wait_for(NULL, &writer);                           /* its 1 ms passes */
    publish(&writer);
    CHECK(rtm_state_of(ring.base ? rtm_seat_at(&ring, 0)->state : 0) == RTM_GONE);
    CHECK(rtm_reader_attach(&reader, &ring, 0, 0, &problem) == RTM_DONE);
    CHECK(reader.taken == 5 && reader.journal.delivered == 1 && reader.journal.dropped[RTM_READER_GONE] == 4);
    fill_queue(&writer);
    CHECK(rtm_take(&reader, 0, 0, &message, &problem) == RTM_DONE && message.position == 5);
    rtm_reader_detach(&reader);
    rtm_writer_detach(&writer);
    free(ring.base);
}

/* The account of a dropping reader that never takes: its policy's drops, and what waited when it left. */
static void a_reader_that_never_takes_is_accounted_for(void) {
    struct rtm_layout layout = {SLOT_BYTES, 4, 0, 0, 0, {{{0}, 0, 0, 0, 0}}, {0}};
    struct rtm_ring ring;
    struct rtm_writer writer;
    struct rtm_reader reader;
    struct rtm_problem problem;
    set_reader(&layout, "drop", RTM_DROP_OLDEST, 3);
    make_ring(&ring, &layout);
    CHECK(rtm_writer_attach(&writer, &ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    CHECK(rtm_reader_attach(&reader, &ring, 0, 0, &problem) == RTM_DONE);
    for (int i = 0; i < 10; i++) publish(&writer);
    CHECK(look_at(&ring, 0).taken == 7 && look_at(&ring, 0).journal.dropped[RTM_QUEUE_FULL] == 7);
    rtm_leave(&reader);
    for (int i = 0; i < 10; i++) publish(&writer);
    CHECK(rtm_mark_dead(&ring, 0, 0, 1) == RTM_DONE); /* it was given up before */
    struct rtm_reader_look look = look_at(&ring, 0);
    CHECK(look.journal.dropped[RTM_QUEUE_FULL] == 7 && look.journal.dropped[RTM_READER_GONE] == 13);
    CHECK(rtm_reader_attach(&reader, &ring, 0, 0, &problem) == RTM_DONE);
    CHECK(reader.taken == 20 && reader.journal.dropped[RTM_QUEUE_FULL] == 7);
    CHECK(reader.journal.dropped[RTM_READER_GONE] == 13);
    rtm_reader_detach(&reader);
    rtm_writer_detach(&writer);
    free(ring.base);
}

/* Whatever pins there are, a writer finds a slot, and never one that is pinned. */
static void pinned_slots_are_never_reused(void) {
    struct rtm_layout layout = {SLOT_BYTES, 4, 0, 0, 0, {{{0}, 0, 0, 0, 0}}, {0}};
    struct rtm_ring ring;
    struct rtm_writer writer;
    struct rtm_reader readers[2];
    struct rtm_message messages[2][3];
    struct rtm_problem problem;
    set_reader(&layout, "drop", RTM_DROP_OLDEST, 4);
    set_reader(&layout, "drop, too", RTM_DROP_OLDEST, 4);
    make_ring(&ring, &layout);
    CHECK(rtm_writer_attach(&writer, &ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    for (uint32_t r = 0; r < 2; r++) CHECK(rtm_reader_attach(&readers[r], &ring, r, 0, &problem) == RTM_DONE);
    for (uint32_t cell = 0; cell < 3; cell++)
        for (uint32_t r = 0; r < 2; r++) {
            publish(&writer);
            CHECK(rtm_take(&readers[r], 0, cell, &messages[r][cell], &problem) == RTM_DONE);
        }
    for (int i = 0; i < 100; i++) publish(&writer);
    rtm_writer_detach(&writer); /* the next writer must find the pins again */
    CHECK(rtm_writer_attach(&writer, &ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    for (int i = 0; i < 100; i++) publish(&writer);
    for (uint32_t cell = 0; cell < 3; cell++)
        for (uint32_t r = 0; r < 2; r++) check_pattern(&messages[r][cell]);
    rtm_writer_detach(&writer);
    free(ring.base);
}

/* Flips bytes of header, seats, pins and entries; opens, reads and writes must not leave the segment. */
static void garbage_is_refused_or_read_but_never_followed(void) {
    struct rtm_layout layout = {SLOT_BYTES, 4, 0, 1, 1, {{{0}, 0, 0, 0, 0}}, {7}};
    struct rtm_ring ring, opened;
    struct rtm_problem problem;
    set_reader(&layout, "block", RTM_BLOCK, 4);
    set_reader(&layout, "latest", RTM_LATEST, 1);
    make_ring(&ring, &layout);
    unsigned char *copy = (unsigned char *)malloc(ring.histograms_offset);
    CHECK(copy != NULL);
    memcpy(copy, ring.base, ring.histograms_offset);
    uint64_t random = 42;
    for (int turn = 0; turn < 20000; turn++) {
        memcpy(ring.base, copy, ring.histograms_offset);
        for (int i = 0; i < 8; i++) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            ring.base[8 + (random >> 33) % (ring.histograms_offset - 8)] ^= (unsigned char)(random >> 25);
        }
        if (rtm_open(&opened, ring.base, ring.size_bytes, &problem) < 0) continue;
        struct rtm_writer writer;
        struct rtm_reader reader;
        struct rtm_message message;
        if (rtm_writer_attach(&writer, &opened, RTM_NEXT_EPOCH, &problem) == RTM_DONE) {
            struct rtm_stamp stamp = {1, 0, 7, 0};
            for (int i = 0; i < 6 && rtm_claim(&writer, SLOT_BYTES, 63, &problem) == RTM_DONE; i++) {
                memset(rtm_claimed(&writer), i, SLOT_BYTES);
                rtm_commit(&writer, &stamp);
            }
            rtm_writer_detach(&writer);
        }
        for (uint32_t r = 0; r < 2; r++) {
            if (rtm_reader_attach(&reader, &opened, r, 0, &problem) != RTM_DONE) continue;
            unsigned sum = 0;
            struct rtm_reader_look look = rtm_look_at_reader(&opened, r);
            rtm_settle_look(&opened, r, rtm_look_at_writer(&opened).head, &look);
            (void)rtm_resume(&reader, look.released, look.journal.delivered, &problem);
            while (rtm_take(&reader, 1, 0, &message, &problem) == RTM_DONE)
                for (uint64_t i = 0; i < message.length; i++) sum += message.data[i];
            CHECK(sum < UINT_MAX);
            rtm_reader_detach(&reader);
        }
    }
    free(copy);
    free(ring.base);
}

int main(void) {
    pinned_slots_are_never_reused();
    an_absent_reader_holds_for_its_time_and_is_then_gone();
    a_reader_that_never_takes_is_accounted_for();
    garbage_is_refused_or_read_but_never_followed();
    every_policy_gets_what_it_should();
    printf("5 passed, 0 failed\n");
    return 0;
}
