/* fuzz_segment.c: whatever bytes a segment holds, every call gives a message, nothing, or a named error:
** never a crash, an endless loop or an access outside of it.
**
**   fuzz COUNT [FIRST]    COUNT cases from seed FIRST on, one after the other: the same ones on any machine
**   fuzz storm COUNT      the same, while another thread writes into the segment
**   fuzz longest          how long a call can take on the largest ring there can be
**
** A case takes a valid ring in some state, changes its bytes, opens it and makes some calls; between two
** calls, and before any store within one, bytes may change again. Built with -DFUZZ_BY_CLANG it is a
** libFuzzer target: the bytes that it is given choose what a seed chooses here.
*/
#include "fuzz_calls.h"

#include <pthread.h>
#include <signal.h>

#define CALLS 24u
#define LONGEST_CASE_S 10

enum { WORST = -RTM_NO_MEMORY, RESULTS = WORST + 2 };
static const char *const result_names[RESULTS] = {
    [WORST + RTM_NO_MEMORY] = "no memory", [WORST + RTM_WAS_GONE] = "was gone", [WORST + RTM_ENDED] = "ended",
    [WORST + RTM_TOO_LARGE] = "too large", [WORST + RTM_NO_SPARE] = "no spare seat",
    [WORST + RTM_READER_SITS] = "reader sits", [WORST + RTM_WRITER_SITS] = "writer sits",
    [WORST + RTM_CORRUPT] = "corrupt", [WORST + RTM_MISMATCH] = "mismatch",
    [WORST + RTM_BAD_LAYOUT] = "bad layout", [WORST] = "nothing", [WORST + RTM_DONE] = "done",
};
static uint64_t tally[COUNT_OF(fuzz_calls)][RESULTS];
static uint64_t seed_now, slowest_seed;
static int64_t slowest_ns;

static const struct fuzz_segment *changing; /* its bytes change before the `countdown`-th store */
static uint32_t countdown;

void rtm_stop_point(const char *function, int line) {
    (void)function;
    (void)line;
    if (countdown && --countdown == 0) fuzz_mutate(changing);
}

static void tell_the_seed(void) {
    char text[120];
    int length = snprintf(text, sizeof text, "fuzz: case %llu; run it alone: fuzz 1 %llu\n",
                          (unsigned long long)seed_now, (unsigned long long)seed_now);
    (void)!write(2, text, (size_t)length);
}

static void give_up(int number) {
    const char *why = number == SIGALRM ? "fuzz: a case does not end\n" : "fuzz: a case crashed\n";
    (void)!write(2, why, strlen(why));
    tell_the_seed();
    _exit(1);
}

static void watch(void) {
    signal(SIGALRM, give_up);
    signal(SIGABRT, give_up);
#ifdef FUZZ_ASAN
    __sanitizer_set_death_callback(tell_the_seed);
#else
    signal(SIGSEGV, give_up);
    signal(SIGBUS, give_up);
#endif
}

static enum rtm_result call(struct fuzz_case *this, uint32_t which) {
    struct rtm_problem problem = {""};
    enum rtm_result result = fuzz_calls[which].run(this, &problem);
    MUST(result >= RTM_NO_MEMORY && result <= RTM_DONE);
    MUST((result < 0) == (problem.text[0] != 0)); /* an error says what it is */
    tally[which][WORST + (int)result]++;
    return result;
}

static void make_calls(struct fuzz_case *this, int is_calm) {
    changing = &this->segment;
    for (uint32_t left = CALLS; left; left--) {
        if (!is_calm && fuzz_pick(8) == 0) fuzz_mutate_open(&this->segment);
        countdown = !is_calm && fuzz_pick(8) == 0 ? 1 + fuzz_pick(30) : 0;
        call(this, 1 + fuzz_pick(COUNT_OF(fuzz_calls) - 1));
    }
    countdown = 0;
    changing = NULL;
}

static void copy_state(struct fuzz_case *this, const struct fuzz_state *state) {
    this->segment.plan = state->ring;
    this->segment.size_bytes = state->ring.size_bytes;
    this->segment.base = fuzz_place(state->ring.size_bytes);
    memcpy(this->segment.base, state->bytes, state->ring.size_bytes);
}

static void run_case(void) {
    struct fuzz_case this;
    memset(&this, 0, sizeof this);
    fuzz_now_ns = 1000000000;
    copy_state(&this, &fuzz_states[fuzz_pick(FUZZ_STATES)]);
    fuzz_former_lives = fuzz_pick(4) == 0;
    fuzz_spoil(&this.segment);
    fuzz_fence(this.segment.base, this.segment.size_bytes);
    int is_calm = fuzz_pick(2) == 0;
    if (call(&this, 0) == RTM_DONE) make_calls(&this, is_calm);
    fuzz_let_go(&this);
}

static void run_seed(uint64_t seed) {
    struct fuzz_source source = {seed, NULL, 0};
    fuzz_source = &source;
    seed_now = seed;
    int64_t begun_ns = fuzz_cpu_ns();
    run_case();
    int64_t took_ns = fuzz_cpu_ns() - begun_ns;
    if (took_ns > slowest_ns) slowest_ns = took_ns, slowest_seed = seed;
}

static void tell_row(const char *name, const uint64_t *counts) {
    printf("  %-14s", name);
    for (int i = RESULTS; i-- > 0;)
        if (counts[i]) printf(" %s %llu,", result_names[i], (unsigned long long)counts[i]);
    printf("\n");
}

/* Calls that stand in the table more than once are added up. */
static void tell_all(uint64_t cases) {
    uint64_t opened = tally[0][WORST + RTM_DONE], tried = 0;
    for (int i = 0; i < RESULTS; i++) tried += tally[0][i];
    printf("%llu cases, %llu %% past the header; the slowest took %.1f ms (seed %llu)\n", (unsigned long long)cases,
           (unsigned long long)(100 * opened / tried), (double)slowest_ns / 1e6, (unsigned long long)slowest_seed);
    for (uint32_t c = 0; c < COUNT_OF(fuzz_calls); c++) {
        if (c + 1 < COUNT_OF(fuzz_calls) && fuzz_calls[c].run == fuzz_calls[c + 1].run) {
            for (int i = 0; i < RESULTS; i++) tally[c + 1][i] += tally[c][i];
            continue;
        }
        tell_row(fuzz_calls[c].name, tally[c]);
    }
}

static int run_cases(uint64_t count, uint64_t first) {
    for (uint64_t i = 0; i < count; i++) {
        if (i % 64 == 0) alarm(LONGEST_CASE_S);
        run_seed(first + i);
    }
    alarm(0);
    tell_all(count);
    return 0;
}

/* ---- storm: the bytes change at any time */

struct storm {
    struct fuzz_segment segment;
    uint64_t seed;
    int has_begun, is_over;
};

static void *blow(void *argument) {
    struct storm *storm = (struct storm *)argument;
    struct fuzz_source source = {~storm->seed, NULL, 0};
    fuzz_source = &source;
    __atomic_store_n(&storm->has_begun, 1, __ATOMIC_RELAXED);
    while (!__atomic_load_n(&storm->is_over, __ATOMIC_RELAXED)) {
        if (fuzz_pick(4)) fuzz_blink(&storm->segment);
        else fuzz_mutate(&storm->segment);
        for (uint32_t lull = fuzz_pick(500); lull; lull--) rtm_pause();
    }
    return NULL;
}

/* The ring is opened again and again: its layout may change while it is checked. */
static void weather(struct fuzz_case *this, const struct fuzz_state *state) {
    for (int turn = 0; turn < 200; turn++) {
        memcpy(this->segment.base, state->bytes, this->segment.size_bytes);
        if (call(this, 0) != RTM_DONE) continue;
        make_calls(this, 1);
        fuzz_let_go(this);
        memset(this->is_reading, 0, sizeof this->is_reading);
        this->is_writing = 0;
    }
}

static void run_storm(uint64_t seed) {
    struct fuzz_source source = {seed, NULL, 0};
    struct fuzz_case this;
    pthread_t thread;
    memset(&this, 0, sizeof this);
    fuzz_source = &source;
    seed_now = seed;
    const struct fuzz_state *state = &fuzz_states[fuzz_pick(FUZZ_STATES)];
    copy_state(&this, state);
    fuzz_fence(this.segment.base, this.segment.size_bytes);
    struct storm storm = {this.segment, seed, 0, 0};
    MUST(pthread_create(&thread, NULL, blow, &storm) == 0);
    while (!__atomic_load_n(&storm.has_begun, __ATOMIC_RELAXED)) sched_yield();
    weather(&this, state);
    __atomic_store_n(&storm.is_over, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}

static int run_storms(uint64_t count) {
    for (uint64_t seed = 0; seed < count; seed++) {
        alarm(LONGEST_CASE_S);
        run_storm(seed);
    }
    alarm(0);
    tell_all(count);
    return 0;
}

#include "fuzz_longest.h"

#ifdef FUZZ_BY_CLANG
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct fuzz_source source = {0, bytes, size};
    if (!fuzz_arena) fuzz_make_arena(), fuzz_make_states();
    fuzz_source = &source;
    run_case();
    return 0;
}
#else
int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "1000";
    uint64_t number = count > 2 ? strtoull(arguments[2], NULL, 10) : 0;
    watch();
    fuzz_make_arena();
    fuzz_now_ns = 1000000000;
    fuzz_make_states();
    if (strcmp(what, "longest") == 0) return run_longest();
    if (strcmp(what, "storm") == 0) return run_storms(number ? number : 50);
    return run_cases(strtoull(what, NULL, 10), number);
}
#endif
