/* test_kills.c: kill -9 between every two stores of the writer, of each reader, and of their undertaker.
**
** RTM_STOP_POINTS puts a call before every store to the segment. A child plays one party and is killed at its
** n-th stop point, for every n, in rings that are empty, half full, full and lapped. Then, as meshd would, its
** seat is marked (or not), the survivors go on, a successor sits down, and everything test_world.h knows must
** be true. Some children are only stopped there (SIGSTOP) while the others go on, and are then killed, or cut
** off and continued.
*/
#define _GNU_SOURCE 1
#define RTM_STOP_POINTS 1
#include "test_aftermath.h"

#include <sys/mman.h>
#include <sys/stat.h>

/* Before */

static void publish_before(struct world *world) {
    struct rtm_reader *block = &world->readers[BLOCK];
    struct rtm_message message;
    while (world->writer.head < now.published || block->taken < now.block_taken) {
        if (world->writer.head < now.published && publish_one(world)) {
            if (now.victim == DROP || world->pinned.data) continue;
            CHECK(take_one(world, DROP, PINNED_CELL, &world->pinned) == RTM_DONE);
            continue;
        }
        CHECK(take_one(world, BLOCK, 0, &message) == RTM_DONE);
        rtm_unpin(block, 0);
        rtm_release(block, block->taken);
    }
}

/* For so long that the writer, once its queue is full, may give it up. */
static void let_block_be_absent(struct world *world) {
    world->ring.layout.readers[BLOCK].hold_absent_ns = 0;
    rtm_set_absent(&world->readers[BLOCK]);
    stand_up(world, BLOCK);
}

static void prepare(struct world *world) {
    world->ring.layout.readers[BLOCK].hold_absent_ns = LONG_NS;
    memset(world->ring.base, 0, world->ring.slots_offset);
    memset(diary, 0, sizeof *diary);
    memset(&world->pinned, 0, sizeof world->pinned);
    rtm_format(&world->ring, rtm_own_identity());
    sit_to_write(world);
    for (uint32_t seat = 0; seat < SEATS; seat++) sit_to_read(world, seat, 0);
    publish_before(world);
    if (now.victim == TAP) drain(world, TAP); /* leaves its histogram to the next */
    stand_up(world, now.victim);
    diary->has_sat[TAP] = now.victim != TAP;
    if (now.was_gone && now.victim == WRITER) let_block_be_absent(world);
    else if (now.was_gone) CHECK(rtm_mark_dead(&world->ring, now.victim, 0, 1) == RTM_DONE);
}

/* While the child is stopped */

static void others_move(struct world *world) {
    if (now.victim != WRITER)
        for (int i = 0; i < 2; i++) (void)publish_one(world);
    drain_all(world);
}

/* A stopped reader is cut off: whatever it was doing, the writer is free from now on. */
static void cut_off(struct world *world, pid_t child) {
    if (now.victim == WRITER || now.is_burial) return;
    uint32_t rung = RTM_LOAD(&rtm_header(&world->ring)->space_bell);
    CHECK(rtm_mark_dead(&world->ring, now.victim, (uint32_t)child, 1) == RTM_DONE);
    CHECK(RTM_LOAD(&rtm_header(&world->ring)->space_bell) != rung);
    for (uint32_t i = 0; i < 2 * ENTRIES; i++) {
        CHECK(publish_one(world));
        drain_all(world);
    }
}

/* 1: the child was killed or stopped at its stop point. 0: it had fewer. */
static int meet_its_end(struct world *world, pid_t child) {
    int status = wait_status(child);
    if (WIFEXITED(status)) {
        CHECK(WEXITSTATUS(status) == 0);
        return 0;
    }
    note_place();
    int must_be_told = now.way == CONTINUED && diary->is_between_takes;
    if (WIFSTOPPED(status)) {
        others_move(world);
        if (now.way == CONTINUED) cut_off(world, child);
        CHECK(kill(child, now.way == CONTINUED ? SIGCONT : SIGKILL) == 0);
        status = wait_status(child);
    }
    if (now.way == CONTINUED) CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (must_be_told) CHECK(diary->was_told);
    if (now.way != CONTINUED) CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    continued += now.way == CONTINUED;
    kills += now.way != CONTINUED;
    return 1;
}

static int run_case(struct world *world) {
    prepare(world);
    dead_before = 0;
    if (now.is_burial) {
        dead_before = start(world, play_one_that_dies, NEVER);
        CHECK(WIFSIGNALED(wait_status(dead_before)));
    }
    struct rtm_bell bell = sleep_beside(world);
    pid_t child = start(world, play_victim, now.at);
    int was_stopped = meet_its_end(world, child);
    aftermath(world, child, bell);
    return was_stopped;
}

/* Kills at every stop point of the case. */
static void run_points(struct world *world, struct kill_case one) {
    now = one;
    for (now.at = 0; run_case(world); now.at++) continue;
}

static void run_ways(struct world *world, struct kill_case one) {
    for (int way = 0; way < WAYS; way++) {
        one.way = (enum way)way;
        run_points(world, one);
    }
}

static const uint32_t fills[][2] = {{0, 0}, {2, 1}, {4, 0}, {4, 4}, {9, 6}};

static void kill_party(struct world *world, uint32_t victim) {
    for (uint32_t f = 0; f < sizeof fills / sizeof fills[0]; f++)
        for (int mark = 0; mark < (victim == WRITER ? 2 : MARKS); mark++) {
            struct kill_case one = {victim, fills[f][0], fills[f][1], (enum mark)mark, AT_ONCE, 0, 0, 0, 0};
            one.ends = (f + (uint32_t)mark) % 2 == 1;
            one.was_gone = victim != TAP && (f + (uint32_t)mark) % 3 == 1;
            run_ways(world, one);
        }
}

static void kill_undertaker(struct world *world, uint32_t victim) {
    for (int mark = 1; mark < (victim == WRITER ? 2 : MARKS); mark++) {
        struct kill_case one = {victim, 4, 0, (enum mark)mark, AT_ONCE, 1, 0, 0, 0};
        run_points(world, one);
    }
}

/* Asleep for good, in the kernel. */
static void play_sleeper(struct world *world) {
    struct rtm_wait_item item = rtm_wait_for(NULL, NULL);
    struct rtm_bell bell;
    if (now.victim == WRITER) sit_to_write(world);
    else sit_to_read(world, now.victim, 0);
    if (now.victim == WRITER) item.writer = &world->writer;
    else item.reader = &world->readers[now.victim];
    for (;;) (void)rtm_wait(&item, 1, &bell, RTM_FOREVER, 0);
}

static int sleeps(const struct world *world, pid_t child) {
    char buffer[1024];
    const struct rtm_ring_header *header = rtm_header(&world->ring);
    int bit = now.victim == WRITER ? (int)RTM_LOAD(&header->writer_sleeps)
                                   : (int)(RTM_LOAD(&header->sleepers) >> now.victim & 1);
    const char *stat = rtm_process_stat((uint32_t)child, buffer, sizeof buffer);
    return bit && stat && *stat == 'S';
}

static void kill_sleeper(struct world *world, uint32_t victim, enum mark mark) {
    now = (struct kill_case){victim, 4, victim == WRITER ? 0 : 4, mark, AT_ONCE, 0, 0, 0, NEVER};
    prepare(world);
    for (uint32_t seat = 0; seat < SEATS; seat++)
        if (world->sits[seat] && victim != WRITER) drain(world, seat);
    if (victim != WRITER) { /* nothing is left to take */
        sit_to_read(world, victim, 0);
        drain(world, victim);
        stand_up(world, victim);
    }
    pid_t child = start(world, play_sleeper, NEVER);
    int64_t until = rtm_monotonic_ns() + PATIENCE_NS;
    while (!sleeps(world, child)) CHECK(rtm_monotonic_ns() < until && sched_yield() == 0);
    struct rtm_bell bell = sleep_beside(world);
    CHECK(kill(child, SIGKILL) == 0 && WIFSIGNALED(wait_status(child)));
    kills++;
    aftermath(world, child, bell);
}

static void kill_all_parties(struct world *world) {
    for (uint32_t victim = 0; victim <= SEATS; victim++) {
        kill_party(world, victim);
        kill_undertaker(world, victim);
        for (int mark = 0; mark < (victim == WRITER ? 2 : MARKS); mark++)
            kill_sleeper(world, victim, (enum mark)mark);
    }
}

/* Every single store of a tap that sits down, a thousand of which clear its histogram. */
static void kill_tap_at_each_store(struct world *world) {
    struct kill_case one = {TAP, 9, 6, GONE, AT_ONCE, 0, 0, 0, 0};
    most_in_a_row = NEVER;
    run_points(world, one);
    most_in_a_row = 3;
}

/* The same over a segment with a name. */
static void kill_over_a_segment(struct world *world, void *base) {
    char name[64];
    snprintf(name, sizeof name, "/rtmesh.%u.test-kills.%d", (unsigned)getuid(), (int)getpid());
    int descriptor = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(descriptor >= 0 && ftruncate(descriptor, (off_t)world->ring.size_bytes) == 0);
    int is_mapped = mmap(base, world->ring.size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                         descriptor, 0) == base;
    CHECK(shm_unlink(name) == 0 && close(descriptor) == 0 && is_mapped);
    for (uint32_t victim = 0; victim <= SEATS; victim++) {
        struct kill_case one = {victim, 9, 6, ABSENT, AT_ONCE, 0, 0, 0, 0};
        run_points(world, one);
    }
    CHECK(shm_open(name, O_RDWR, 0600) < 0 && errno == ENOENT);
}

static void *shared_memory(size_t size_bytes) {
    void *base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(base != MAP_FAILED);
    return base;
}

static void tell_if_failed(int status, void *unused) {
    (void)unused;
    if (status && stop_at == NEVER) tell_case();
}

int main(void) {
    static struct world world;
    int64_t start_ns = rtm_monotonic_ns();
    plan_world(&world);
    diary = world.diary = (struct diary *)shared_memory(sizeof *diary);
    world.ring.base = (unsigned char *)shared_memory(world.ring.size_bytes);
    CHECK(on_exit(tell_if_failed, NULL) == 0);
    kill_all_parties(&world);
    kill_tap_at_each_store(&world);
    uint32_t before = kills;
    kill_over_a_segment(&world, world.ring.base);
    CHECK(kills >= 2000);
    printf("%u kills at %u stop points (%u over /dev/shm), %u stops continued, in %.1f s: all accounts exact\n",
           kills, place_count, kills - before, continued, (double)(rtm_monotonic_ns() - start_ns) / 1e9);
    return 0;
}
