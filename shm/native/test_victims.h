/* test_victims.h: what the child of test_kills.c plays, and where it is killed. */
#ifndef RTMESH_TEST_VICTIMS_H
#define RTMESH_TEST_VICTIMS_H

#include "test_world.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum mark { UNMARKED, ABSENT, GONE, MARKS };
enum way { AT_ONCE, STOPPED, CONTINUED, WAYS };
static const char *const party_names[] = {"block", "drop_oldest", "latest", "tap", "writer"};

#define NEVER UINT32_MAX
#define MOST_PLACES 512u

struct kill_case {
    uint32_t victim, published, block_taken;
    enum mark mark;
    enum way way;
    int is_burial; /* the child that is killed is the undertaker of `victim` */
    int ends;      /* a writer ends the stream; an heir of a reader keeps what it did not release */
    int was_gone;  /* a reader: given up before it sits down; a writer: its block reader is absent */
    uint32_t at;
};

static struct kill_case now;
static struct diary *diary;
static uint32_t stop_at = NEVER, passed, in_a_row, most_in_a_row = 3;
static struct {
    const char *function;
    int line;
} last, places[MOST_PLACES];
static uint32_t place_count, kills, continued;

void rtm_stop_point(const char *function, int line) {
    if (stop_at == NEVER) return;
    in_a_row = last.function == function && last.line == line ? in_a_row + 1 : 0;
    last.function = function;
    last.line = line;
    if (in_a_row >= most_in_a_row || passed++ != stop_at) return; /* a loop that clears is sampled */
    diary->function = function;
    diary->line = line;
    raise(now.way == AT_ONCE ? SIGKILL : SIGSTOP);
}

static void note_place(void) {
    for (uint32_t i = 0; i < place_count; i++)
        if (places[i].function == diary->function && places[i].line == diary->line) return;
    CHECK(place_count < MOST_PLACES);
    places[place_count].function = diary->function;
    places[place_count++].line = diary->line;
}

static void tell_case(void) {
    fprintf(stderr, "%s%s killed at stop point %u (%s, line %d), mark %d, way %d, %u published, %u taken\n",
            now.is_burial ? "undertaker of the " : "", party_names[now.victim], now.at,
            diary->function ? diary->function : "the end", diary->line, (int)now.mark, (int)now.way,
            now.published, now.block_taken);
}

/* The parties that are played in the child */

static uint32_t wants_now(void) { return now.ends ? RTM_WANTS_HALF : RTM_WANTS_ROOM; }

static void sleep_once(struct world *world, uint32_t party) {
    struct rtm_wait_item item = rtm_wait_for(NULL, NULL);
    struct rtm_bell bell;
    if (party == WRITER) item.writer = &world->writer;
    else item.reader = &world->readers[party];
    int64_t at_once = rtm_monotonic_ns();
    CHECK(rtm_sleep_once(&item, 1, &bell, wants_now(), at_once, at_once) >= 0);
}

static void play_writer(struct world *world) {
    sit_to_write(world);
    rtm_skip_to(&world->writer, world->writer.head);
    for (int i = 0; i < 3; i++)
        if (!publish_one(world)) sleep_once(world, WRITER);
    (void)rtm_claim(&world->writer, 1, 0, &world->problem);
    rtm_abort(&world->writer);
    if (now.ends) rtm_end(&world->writer);
    rtm_writer_detach(&world->writer);
}

/* Cut off for a while, as a relay is, and back. */
static void go_and_come_back(struct world *world, uint32_t seat) {
    struct rtm_reader *reader = &world->readers[seat];
    rtm_set_absent(reader);
    STOP_POINT();
    rtm_become_attached(reader);
    check_queue(world);
    CHECK(rtm_resume(reader, reader->taken, reader->journal.delivered, &world->problem) == RTM_DONE);
    diary->next[seat] = reader->taken;
}

static void play_reader(struct world *world, uint32_t seat) {
    struct rtm_reader *reader = &world->readers[seat];
    struct rtm_message held, message;
    sit_to_read(world, seat, 0);
    int holds = take_one(world, seat, 1, &held) == RTM_DONE;
    diary->is_between_takes = 1;
    sleep_once(world, seat);
    diary->is_between_takes = 0;
    drain(world, seat);
    if (holds) check_pattern(&held);
    if (holds) rtm_unpin(reader, 1);
    if (seat != TAP) go_and_come_back(world, seat);
    if (take_one(world, seat, 0, &message) == RTM_DONE) {
        rtm_release(reader, reader->taken);
        rtm_unpin(reader, 0);
    }
    rtm_clear_pins(&world->ring, seat);
    rtm_leave(reader);
    rtm_reader_detach(reader);
}

/* As meshd does: in the name of whoever is said to sit there. */
static void bury(struct world *world, uint32_t party, enum mark mark, pid_t child) {
    const uint64_t *owner =
        party == WRITER ? &rtm_header(&world->ring)->writer : &rtm_seat_at(&world->ring, party)->owner;
    uint32_t holder = rtm_identity_pid(RTM_LOAD(owner)), pid = holder ? holder : (uint32_t)child;
    if (mark == UNMARKED) return;
    if (party == WRITER) CHECK(rtm_writer_died(&world->ring, pid) == RTM_DONE);
    else CHECK(rtm_mark_dead(&world->ring, party, pid, mark == GONE) == RTM_DONE);
}

/* Dies by itself with whatever a party can leave behind: a claim, a pin, a sleeper's bit. */
static void die_in_the_middle(struct world *world, uint32_t party) {
    struct rtm_wait_item item = party == WRITER ? rtm_wait_for(NULL, &world->writer)
                                                : rtm_wait_for(&world->readers[party], NULL);
    struct rtm_message message;
    if (party == WRITER) {
        sit_to_write(world);
        (void)rtm_claim(&world->writer, 1, 0, &world->problem);
    } else {
        sit_to_read(world, party, 0);
        (void)take_one(world, party, 1, &message);
    }
    (void)rtm_set_sleeper(&item, wants_now());
    raise(SIGKILL);
}

/* A child plays, from `at` on with stop points; returns its pid. */
static pid_t start(struct world *world, void (*play)(struct world *), uint32_t at) {
    fflush(NULL);
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    if (child) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    alarm(30);
    stop_at = at;
    play(world);
    STOP_POINT();
    _exit(0);
}

static int wait_status(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, WUNTRACED) == child);
    return status;
}

static pid_t dead_before;
static void play_victim(struct world *world) {
    if (now.is_burial) bury(world, now.victim, now.mark, dead_before);
    else if (now.victim == WRITER) play_writer(world);
    else play_reader(world, now.victim);
}

static void play_one_that_dies(struct world *world) { die_in_the_middle(world, now.victim); }

#endif
