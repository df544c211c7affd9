/* rtmesh_futex.h: ringing a bell, sleeping on one or several. Bells are shared between processes. */
#ifndef RTMESH_FUTEX_H
#define RTMESH_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>

#include "rtmesh_layout.h"
#include "rtmesh_process.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449 /* the same number on every architecture */
#endif
#define RTM_MOST_BELLS 128u

struct rtm_bell {
    uint32_t *word;
    uint32_t seen; /* sleep only while the word still holds this */
};

/* struct futex_waitv of the kernel; older headers lack it. */
struct rtm_futex_waitv {
    uint64_t value, address;
    uint32_t flags, reserved;
};

/* 0 once the kernel has answered that it has no FUTEX_WAITV (before 5.16), or a test says so. */
static int rtm_has_waitv = 1;

static inline void rtm_ring_bell(uint32_t *bell) {
    (void)RTM_ADD_ORDERED(bell, 1);
    (void)(RTM_STOP syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
}

static inline struct timespec rtm_timespec(int64_t time_ns) {
    struct timespec time;
    time.tv_sec = (time_t)(time_ns / 1000000000);
    time.tv_nsec = (long)(time_ns % 1000000000);
    return time;
}

static inline long rtm_sleep_on_one(const struct rtm_bell *bell, int64_t until_ns) {
    struct timespec until = rtm_timespec(until_ns); /* FUTEX_WAIT_BITSET: absolute, CLOCK_MONOTONIC */
    return syscall(SYS_futex, bell->word, FUTEX_WAIT_BITSET, bell->seen, &until, NULL,
                   FUTEX_BITSET_MATCH_ANY);
}

static inline long rtm_sleep_on_many(const struct rtm_bell *bells, uint32_t count, int64_t until_ns) {
    struct rtm_futex_waitv waits[RTM_MOST_BELLS];
    for (uint32_t i = 0; i < count; i++) {
        waits[i].value = bells[i].seen;
        waits[i].address = (uint64_t)(uintptr_t)bells[i].word;
        waits[i].flags = 2; /* FUTEX2_SIZE_U32, shared */
        waits[i].reserved = 0;
    }
    struct timespec until = rtm_timespec(until_ns);
    return syscall(SYS_futex_waitv, waits, count, 0, &until, CLOCK_MONOTONIC);
}

/* Without FUTEX_WAITV: a nap of 50 microseconds to 1 ms, longer the longer it has waited. */
static inline int rtm_nap(int64_t since_ns, int64_t until_ns) {
    int64_t now = rtm_monotonic_ns(), length = (now - since_ns) / 8;
    if (length < 50000) length = 50000;
    if (length > 1000000) length = 1000000;
    if (length > until_ns - now) length = until_ns - now;
    if (length <= 0) return 0;
    struct timespec nap = rtm_timespec(length);
    return nanosleep(&nap, NULL);
}

/* Sleeps until a bell rings or `until_ns` (CLOCK_MONOTONIC), or less. -1: a signal interrupted it. */
static inline int rtm_sleep(
    const struct rtm_bell *bells, uint32_t count, int64_t since_ns, int64_t until_ns) {
    int can_wait =
        count == 1 || (count <= RTM_MOST_BELLS && __atomic_load_n(&rtm_has_waitv, __ATOMIC_RELAXED));
    if (count && can_wait) {
        long result =
            count == 1 ? rtm_sleep_on_one(bells, until_ns) : rtm_sleep_on_many(bells, count, until_ns);
        if (result >= 0 || errno == EAGAIN || errno == ETIMEDOUT) return 0;
        if (errno == EINTR) return -1;
        /* ENOSYS, or a sandbox forbids it */
        if (count > 1) __atomic_store_n(&rtm_has_waitv, 0, __ATOMIC_RELAXED);
    }
    return rtm_nap(since_ns, until_ns) < 0 && errno == EINTR ? -1 : 0;
}

/* CPU this thread runs on, + 1 (0 means unknown). */
static inline uint32_t rtm_cpu(void) { return (uint32_t)(sched_getcpu() + 1); }

static inline void rtm_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
