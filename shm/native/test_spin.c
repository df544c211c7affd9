/* test_spin.c: what a wait learns, when it spins, when it gives way. */
#include "test_stage.h"

#include <pthread.h>

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

static void stay_on_one_cpu(void) {
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    CHECK(sched_setaffinity(0, sizeof here, &here) == 0);
}

/* Only the peer of the item that came last keeps a wait from spinning, if it is known. */
static void the_item_that_came_last_says_whether_to_spin(void) {
    struct stage quiet, busy;
    set_stage(&quiet, 8, 8);
    set_stage(&busy, 8, 8);
    struct rtm_wait_item items[2] = {rtm_wait_for(&quiet.readers[0], NULL), rtm_wait_for(&busy.readers[0], NULL)};
    struct rtm_wait_item all[3] = {rtm_wait_for(&quiet.readers[1], NULL), items[0], items[1]};
    *rtm_patience_for(items) = (struct rtm_patience){NULL, 0};
    stay_on_one_cpu();
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

static void *publish_to_one_that_waits(void *argument) {
    struct stage *stage = (struct stage *)argument;
    publish(&stage->writer);
    return NULL;
}

/* Both threads are on one CPU: the reader lets the writer go on, and need not be rung for. */
static void a_reader_gives_way_to_a_writer_on_its_cpu(void) {
    struct stage stage;
    pthread_t thread;
    struct rtm_bell bell;
    set_stage(&stage, 8, 8);
    stay_on_one_cpu();
    struct rtm_wait_item item = rtm_wait_for(&stage.readers[0], NULL);
    rtm_header(&stage.ring)->writer_cpu = rtm_cpu();
    *rtm_patience_for(&item) = (struct rtm_patience){NULL, 0};
    uint32_t before = rtm_header(&stage.ring)->data_bell;
    CHECK(pthread_create(&thread, NULL, publish_to_one_that_waits, &stage) == 0);
    CHECK(rtm_wait(&item, 1, &bell, RTM_FOREVER, PATIENCE_NS) == 1);
    pthread_join(thread, NULL);
    CHECK(rtm_header(&stage.ring)->data_bell == before);
    clear_stage(&stage);
}

/* Where others use the CPU that it gives away, it had better sleep: it would be woken while they run. */
static void who_gave_way_to_strangers_sleeps_the_next_times(void) {
    struct rtm_patience patience = {NULL, 0};
    rtm_learn_from_giving_way(&patience, RTM_STRANGERS_NS, RTM_LITTLE);
    CHECK(patience.doubt == 0);
    rtm_learn_from_giving_way(&patience, RTM_STRANGERS_NS - 1, 1);
    CHECK(patience.doubt == 0);
    rtm_learn_from_giving_way(&patience, RTM_STRANGERS_NS - 1, 0);
    CHECK(patience.doubt == RTM_DOUBT_STEP);
    rtm_learn_from_giving_way(&patience, RTM_STRANGERS_NS, 1);
    CHECK(patience.doubt == RTM_DOUBT_STRANGERS);
}

int main(void) {
    spins_that_do_not_pay_end_and_begin_again_when_they_would();
    a_thread_that_waits_in_vain_ceases_to_spin();
    the_item_that_came_last_says_whether_to_spin();
    a_reader_gives_way_to_a_writer_on_its_cpu();
    who_gave_way_to_strangers_sleeps_the_next_times();
    printf("5 passed, 0 failed\n");
    return 0;
}
