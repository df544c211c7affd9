/* test_wait.c: who is woken and when, what a wait learns, when readers are looked at anew, copies.
**
** In one thread: a sleeper is played by its bit, and what the bell does is read from its word.
*/
#include "test_common.h"

struct stage {
    struct rtm_ring ring;
    struct rtm_writer writer;
    struct rtm_reader readers[2];
};

static void set_stage(struct stage *stage, uint32_t entries, uint32_t queue) {
    struct rtm_layout layout = {SLOT_BYTES, entries, 0, 0, 0, {{{0}, 0, 0, 0, 0}}, {0}};
    struct rtm_problem problem;
    set_reader(&layout, "first", RTM_BLOCK, queue);
    set_reader(&layout, "second", RTM_BLOCK, queue);
    make_ring(&stage->ring, &layout);
    CHECK(rtm_writer_attach(&stage->writer, &stage->ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    for (uint32_t i = 0; i < 2; i++)
        CHECK(rtm_reader_attach(&stage->readers[i], &stage->ring, i, 0, &problem) == RTM_DONE);
}

static void clear_stage(struct stage *stage) {
    for (uint32_t i = 0; i < 2; i++) rtm_reader_detach(&stage->readers[i]);
    rtm_writer_detach(&stage->writer);
    free(stage->ring.base);
}

static int is_full(struct stage *stage) {
    struct rtm_problem problem;
    enum rtm_result result = rtm_claim(&stage->writer, 8, 0, &problem);
    CHECK(result >= 0);
    rtm_abort(&stage->writer);
    return result == RTM_NOTHING;
}

static void fill_queues(struct stage *stage) {
    while (!is_full(stage)) publish(&stage->writer);
}

static void take_and_release(struct rtm_reader *reader, int count) {
    struct rtm_message message = {0, 0, 0, 0, 0, NULL};
    struct rtm_problem problem;
    for (int i = 0; i < count; i++) {
        CHECK(rtm_take(reader, 0, 0, &message, &problem) == RTM_DONE);
        check_pattern(&message);
        rtm_unpin(reader, 0);
        rtm_release(reader, reader->taken);
    }
}

static void sleepers_are_rung_for_once(void) {
    struct stage stage;
    set_stage(&stage, 16, 16);
    struct rtm_ring_header *header = rtm_header(&stage.ring);
    uint32_t before = header->data_bell;
    publish(&stage.writer);
    CHECK(header->data_bell == before);
    header->sleepers = 3;
    publish(&stage.writer);
    CHECK(header->data_bell == before + 1 && header->sleepers == 0);
    publish(&stage.writer);
    CHECK(header->data_bell == before + 1);
    clear_stage(&stage);
}

static void a_writer_that_wants_room_is_rung_for_by_the_first_release(void) {
    struct stage stage;
    set_stage(&stage, 8, 8);
    struct rtm_ring_header *header = rtm_header(&stage.ring);
    fill_queues(&stage);
    uint32_t before = header->space_bell;
    header->writer_sleeps = RTM_WANTS_ROOM;
    take_and_release(&stage.readers[0], 1);
    CHECK(header->space_bell == before + 1 && header->writer_sleeps == 0);
    take_and_release(&stage.readers[0], 1);
    CHECK(header->space_bell == before + 1);
    clear_stage(&stage);
}

static void a_writer_that_wants_half_is_rung_for_by_the_last_reader_to_pass_it(void) {
    struct stage stage;
    set_stage(&stage, 8, 8);
    struct rtm_ring_header *header = rtm_header(&stage.ring);
    fill_queues(&stage);
    uint32_t before = header->space_bell;
    header->writer_sleeps = RTM_WANTS_HALF;
    take_and_release(&stage.readers[0], 8);
    take_and_release(&stage.readers[1], 3);
    CHECK(header->space_bell == before && header->writer_sleeps == RTM_WANTS_HALF);
    take_and_release(&stage.readers[1], 1);
    CHECK(header->space_bell == before + 1 && header->writer_sleeps == 0);
    clear_stage(&stage);
}

static void one_that_leaves_is_not_waited_for(void) {
    struct stage stage;
    set_stage(&stage, 8, 8);
    struct rtm_ring_header *header = rtm_header(&stage.ring);
    fill_queues(&stage);
    uint32_t before = header->space_bell;
    header->writer_sleeps = RTM_WANTS_HALF;
    rtm_leave(&stage.readers[0]);
    CHECK(header->space_bell == before + 1);
    header->writer_sleeps = RTM_WANTS_HALF;
    take_and_release(&stage.readers[1], 4);
    CHECK(header->space_bell == before + 2);
    clear_stage(&stage);
}

/* Nobody rings; the writer looks itself once the time for half a queue is over. */
static void room_for_one_is_enough_after_a_while_or_at_a_deadline(void) {
    struct stage stage;
    set_stage(&stage, 8, 8);
    struct rtm_wait_item item = rtm_wait_for(NULL, &stage.writer);
    struct rtm_bell bell;
    fill_queues(&stage);
    for (uint32_t i = 0; i < 2; i++) take_and_release(&stage.readers[i], 1);
    CHECK(rtm_wait(&item, 1, &bell, 0, 0) == 1);
    CHECK(is_full(&stage) == 0);
    publish(&stage.writer);
    CHECK(is_full(&stage));
    for (uint32_t i = 0; i < 2; i++) take_and_release(&stage.readers[i], 1);
    int64_t shortest = INT64_MAX;
    for (int turn = 0; turn < 5; turn++) { /* one of them is not held up by this machine */
        int64_t since = rtm_monotonic_ns();
        CHECK(rtm_wait(&item, 1, &bell, since + PATIENCE_NS, 0) == 1);
        int64_t took = rtm_monotonic_ns() - since;
        if (took < shortest) shortest = took;
    }
    CHECK(shortest >= RTM_HALF_SLEEP_NS && shortest < RTM_LONGEST_SLEEP_NS / 2);
    CHECK(rtm_header(&stage.ring)->writer_sleeps == 0);
    clear_stage(&stage);
}

/* Who waits for what is released is rung for when every reader is there, not before. */
static void a_relay_is_woken_once_all_have_released_what_it_wants(void) {
    struct stage stage;
    set_stage(&stage, 8, 8);
    struct rtm_ring_header *header = rtm_header(&stage.ring);
    struct rtm_wait_item item = rtm_wait_for(NULL, &stage.writer);
    int64_t ignored = RTM_FOREVER;
    item.released = 3;
    fill_queues(&stage);
    (void)rtm_set_sleeper(&item, RTM_WANTS_ROOM);
    CHECK(header->writer_sleeps == RTM_WANTS_RELEASED && header->wanted == 3);
    uint32_t before = header->space_bell;
    take_and_release(&stage.readers[0], 4);
    take_and_release(&stage.readers[1], 2);
    CHECK(header->space_bell == before && !rtm_item_ready(&item, &ignored));
    take_and_release(&stage.readers[1], 1);
    CHECK(header->space_bell == before + 1 && rtm_item_ready(&item, &ignored));
    header->writer_sleeps = RTM_WANTS_RELEASED;
    header->wanted = 8;
    rtm_leave(&stage.readers[0]);
    CHECK(header->space_bell == before + 2); /* one reader less: it has to look */
    clear_stage(&stage);
}

/* The writer does without a look at its readers, but not past what any of them may hold, also one that was gone
** when it looked. */
static void a_reader_that_comes_back_holds_the_writer_in_time(void) {
    struct stage stage;
    struct rtm_problem problem;
    set_stage(&stage, 64, 4);
    rtm_leave(&stage.readers[0]);
    rtm_leave(&stage.readers[1]);
    rtm_reader_detach(&stage.readers[0]);
    publish(&stage.writer);
    publish(&stage.writer);
    CHECK(stage.writer.surveyed_to == 4);
    CHECK(rtm_reader_attach(&stage.readers[0], &stage.ring, 0, 0, &problem) == RTM_DONE);
    fill_queues(&stage);
    CHECK(stage.writer.head == 6);
    take_and_release(&stage.readers[0], 4);
    CHECK(stage.readers[0].taken == 6 && stage.readers[0].journal.delivered == 4);
    clear_stage(&stage);
}

static void spins_that_do_not_pay_end_and_begin_again_when_they_would(void) {
    struct rtm_patience patience = {NULL, 0};
    CHECK(rtm_expects_soon(&patience));
    rtm_learn_from_spin(&patience, 0);
    CHECK(!rtm_expects_soon(&patience));
    for (int i = 0; i < 1000; i++) rtm_learn_from_sleep(&patience, 1000000, 20000); /* 1 kHz: never again */
    CHECK(!rtm_expects_soon(&patience));
    rtm_learn_from_sleep(&patience, 15000, 20000);
    CHECK(rtm_expects_soon(&patience));
    for (int i = 0; i < 10; i++) rtm_learn_from_spin(&patience, 0);
    CHECK(patience.doubt == RTM_DOUBT_MOST);
    rtm_learn_from_spin(&patience, 1);
    CHECK(rtm_expects_soon(&patience) && patience.doubt == 0);
}

/* A wait that ends by its deadline, again and again, spins but once. */
static void a_thread_that_waits_in_vain_ceases_to_spin(void) {
    struct stage stage;
    set_stage(&stage, 8, 8);
    struct rtm_wait_item item = rtm_wait_for(&stage.readers[0], NULL);
    struct rtm_bell bell;
    rtm_header(&stage.ring)->writer_cpu = 0; /* elsewhere, as far as it is known */
    *rtm_patience_for(&item) = (struct rtm_patience){NULL, 0};
    CHECK(rtm_wait(&item, 1, &bell, rtm_monotonic_ns() + 300000, 100000) == 0);
    CHECK(!rtm_expects_soon(rtm_patience_for(&item)));
    clear_stage(&stage);
}

/* Only the peer of the item that came last keeps a wait from spinning, if it is known. */
static void the_item_that_came_last_says_whether_to_spin(void) {
    struct stage quiet, busy;
    set_stage(&quiet, 8, 8);
    set_stage(&busy, 8, 8);
    struct rtm_wait_item items[2] = {rtm_wait_for(&quiet.readers[0], NULL), rtm_wait_for(&busy.readers[0], NULL)};
    struct rtm_wait_item all[3] = {rtm_wait_for(&quiet.readers[1], NULL), items[0], items[1]};
    *rtm_patience_for(items) = (struct rtm_patience){NULL, 0};
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    CHECK(sched_setaffinity(0, sizeof here, &here) == 0);
    rtm_header(&quiet.ring)->writer_cpu = rtm_cpu();
    rtm_header(&busy.ring)->writer_cpu = 0;
    CHECK(!rtm_may_spin(items, 2));
    rtm_note_ready(items, 2);
    CHECK(rtm_may_spin(items, 2) && rtm_may_spin(all, 3));
    rtm_note_ready(items, 1);
    CHECK(!rtm_may_spin(items, 2));
    clear_stage(&quiet);
    clear_stage(&busy);
}

#define ROOM_BYTES (600u * 1024u)

static void copy_and_compare(unsigned char *to, const unsigned char *from, size_t length) {
    memset(to - 1, 0xEE, length + 2);
    rtm_copy(to, from, length);
    CHECK(memcmp(to, from, length) == 0 && to[-1] == 0xEE && to[length] == 0xEE);
}

static void copies_are_exact_at_every_length_and_place(void) {
    static const size_t lengths[] = {2047, 2048, 2049, 4095, 4097, 6144, 8191, 8192, 8193, 16384, 65537};
    unsigned char *from = (unsigned char *)aligned_alloc(RTM_PAGE, ROOM_BYTES);
    unsigned char *to = (unsigned char *)aligned_alloc(RTM_PAGE, ROOM_BYTES);
    CHECK(from && to);
    for (size_t i = 0; i < ROOM_BYTES; i++) from[i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t length = 0; length < 300; length++) copy_and_compare(to + 64, from + length % 64, length);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t place = 0; place < 72; place += 7)
            for (size_t back = 0; back < 72; back += 9) copy_and_compare(to + 64 + place, from + back, lengths[i]);
    for (size_t place = 0; place < 3; place++)
        for (size_t more = 0; more < 3; more++)
            copy_and_compare(to + 64 + place, from + 64, RTM_TRAPPED_BYTES - 1 + more);
    free(from);
    free(to);
}

static void the_trap_is_known(void) {
    const unsigned char *page = (const unsigned char *)(uintptr_t)(16 * RTM_PAGE);
    const unsigned char *other = page + 8 * RTM_PAGE;
    CHECK(rtm_goes_in_pieces(page + 48, other, 65536) && rtm_goes_in_pieces(other + 1, page, 65536));
    CHECK(!rtm_goes_in_pieces(page, other, 65536) && !rtm_goes_in_pieces(page + 64, other, 65536));
    CHECK(!rtm_goes_in_pieces(page, other + 48, 65536) && !rtm_goes_in_pieces(page + 48, other, 4u << 20));
    CHECK(rtm_goes_in_pieces(page, other, 4096));
}

int main(void) {
    sleepers_are_rung_for_once();
    a_writer_that_wants_room_is_rung_for_by_the_first_release();
    a_writer_that_wants_half_is_rung_for_by_the_last_reader_to_pass_it();
    one_that_leaves_is_not_waited_for();
    room_for_one_is_enough_after_a_while_or_at_a_deadline();
    a_relay_is_woken_once_all_have_released_what_it_wants();
    a_reader_that_comes_back_holds_the_writer_in_time();
    spins_that_do_not_pay_end_and_begin_again_when_they_would();
    a_thread_that_waits_in_vain_ceases_to_spin();
    the_item_that_came_last_says_whether_to_spin();
    copies_are_exact_at_every_length_and_place();
    the_trap_is_known();
    printf("11 passed, 0 failed\n");
    return 0;
}
