/* test_wait.c: who is woken and when, when readers are looked at anew.
**
** Mostly in one thread: a sleeper is played by its bit, and what the bell does is read from its word.
*/
#include "test_stage.h"

#include <pthread.h>

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

/* Of two readers whose queues of 8 are full, the second is the last to release `enough`. */
static void is_rung_for_by_the_last(uint32_t wants, int enough) {
    struct stage stage;
    set_stage(&stage, 8, 8);
    struct rtm_ring_header *header = rtm_header(&stage.ring);
    fill_queues(&stage);
    uint32_t before = header->space_bell;
    header->writer_sleeps = wants;
    take_and_release(&stage.readers[0], 8);
    if (enough > 1) take_and_release(&stage.readers[1], enough - 1);
    CHECK(header->space_bell == before && header->writer_sleeps == wants);
    take_and_release(&stage.readers[1], 1);
    CHECK(header->space_bell == before + 1 && header->writer_sleeps == 0);
    take_and_release(&stage.readers[1], 1);
    CHECK(header->space_bell == before + 1);
    clear_stage(&stage);
}

static void a_writer_is_rung_for_by_the_last_reader_that_makes_what_it_wants(void) {
    is_rung_for_by_the_last(RTM_WANTS_ROOM, 1);
    is_rung_for_by_the_last(RTM_WANTS_HALF, 4);
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

/* One message each 8 us: half of the queue of 128 takes some of the sleeps for half, each of which sees a share. */
static void *release_steadily(void *argument) {
    struct stage *stage = (struct stage *)argument;
    int64_t due = rtm_monotonic_ns();
    while (!RTM_LOAD_ORDERED(&stage->is_over) && stage->readers[1].taken < 128)
        if (rtm_monotonic_ns() >= due) {
            take_and_release(&stage->readers[1], 1);
            due += 8000;
        }
    return NULL;
}

static int waits_until_half_is_free(void) {
    struct stage stage;
    pthread_t thread;
    struct rtm_bell bell;
    set_stage(&stage, 128, 128);
    struct rtm_wait_item item = rtm_wait_for(NULL, &stage.writer);
    fill_queues(&stage);
    take_and_release(&stage.readers[0], 128);
    CHECK(pthread_create(&thread, NULL, release_steadily, &stage) == 0);
    CHECK(rtm_wait(&item, 1, &bell, rtm_monotonic_ns() + PATIENCE_NS, 0) == 1);
    int is_half = rtm_missing_half(&item) == 0;
    RTM_STORE_ORDERED(&stage.is_over, 1);
    pthread_join(thread, NULL);
    clear_stage(&stage);
    return is_half;
}

static void a_writer_goes_on_for_half_as_long_as_it_comes_nearer(void) {
    int in_a_row = 0; /* one alone may be a sleep that the machine made longer */
    for (int turn = 0; turn < 1000 && in_a_row < 8; turn++)
        in_a_row = waits_until_half_is_free() ? in_a_row + 1 : 0;
    CHECK(in_a_row == 8);
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

int main(void) {
    sleepers_are_rung_for_once();
    a_writer_is_rung_for_by_the_last_reader_that_makes_what_it_wants();
    one_that_leaves_is_not_waited_for();
    room_for_one_is_enough_after_a_while_or_at_a_deadline();
    a_writer_goes_on_for_half_as_long_as_it_comes_nearer();
    a_relay_is_woken_once_all_have_released_what_it_wants();
    a_reader_that_comes_back_holds_the_writer_in_time();
    printf("7 passed, 0 failed\n");
    return 0;
}
