/* fuzz_world.h: what a fuzz case lives in: numbers drawn from a seed, processes and a clock that are made up,
** and a segment between pages that nobody may touch.
**
** Nothing here depends on the machine, so a case is reproduced by its seed alone. Include it first: it takes
** the place of the system calls of rtmesh_process.h.
*/
#ifndef RTMESH_FUZZ_WORLD_H
#define RTMESH_FUZZ_WORLD_H

#define _GNU_SOURCE 1
#define RTM_STOP_POINTS 1 /* fuzz_segment.c: bytes change in the middle of a call */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define FUZZ_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_ASAN 1
#endif
#endif
#ifdef FUZZ_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

/* ---- numbers: from a seed (splitmix64), or from the bytes that libFuzzer gives */

struct fuzz_source {
    uint64_t state;
    const uint8_t *bytes;
    size_t left;
};
static __thread struct fuzz_source *fuzz_source;

static inline uint64_t fuzz_draw(void) {
    struct fuzz_source *source = fuzz_source;
    if (source->bytes) {
        uint64_t value = 0;
        size_t count = source->left < sizeof value ? source->left : sizeof value;
        memcpy(&value, source->bytes, count);
        source->bytes += count;
        source->left -= count;
        return value;
    }
    uint64_t mixed = source->state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

/* One of 0 to count - 1. */
static inline uint32_t fuzz_pick(uint32_t count) {
    struct fuzz_source *source = fuzz_source;
    if (!source->bytes || count > 256) return (uint32_t)(fuzz_draw() % count);
    if (!source->left) return 0;
    source->left--;
    return *source->bytes++ % count;
}

/* ---- processes: this one, its predecessor, one that lives, and all others dead */

enum { FUZZ_SELF = 100, FUZZ_FORMER = 200, FUZZ_NEIGHBOUR = 300, FUZZ_START = 5000 };
static uint32_t fuzz_self = FUZZ_SELF;
static int fuzz_former_lives;
static __thread uint32_t fuzz_asked;

static inline int fuzz_open(const char *path) {
    fuzz_asked = (uint32_t)strtoul(path + strlen("/proc/"), NULL, 10);
    if (fuzz_asked == FUZZ_FORMER) return fuzz_former_lives ? 0 : -1;
    return fuzz_asked == FUZZ_SELF || fuzz_asked == FUZZ_NEIGHBOUR ? 0 : -1;
}

static inline ssize_t fuzz_read(char *buffer) {
    static const char text[] = " (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5000 0 ";
    memcpy(buffer, text, sizeof text);
    return (ssize_t)sizeof text - 1;
}

static inline uint64_t fuzz_identity(uint32_t pid) { return (uint64_t)FUZZ_START << 24 | pid; }

/* ---- time: a microsecond passes at every look at the clock */

static __thread int64_t fuzz_now_ns;

static inline int fuzz_clock(struct timespec *now) {
    fuzz_now_ns += 1000;
    now->tv_sec = (time_t)(fuzz_now_ns / 1000000000);
    now->tv_nsec = (long)(fuzz_now_ns % 1000000000);
    return 0;
}

static inline int64_t fuzz_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#define open(path, flags) fuzz_open(path)
#define read(descriptor, buffer, size) fuzz_read(buffer)
#define close(descriptor) ((void)(descriptor))
#define getpid() ((pid_t)fuzz_self)
#define clock_gettime(clock, now) fuzz_clock(now)
#include "rtmesh_ring.h"

/* ---- the segment: it ends where the address space does, but for 63 bytes; those and what lies before it
** are poisoned under AddressSanitizer */

#define FUZZ_ARENA_BYTES (1u << 18)
static unsigned char *fuzz_arena;

static inline void fuzz_make_arena(void) {
    size_t guard = 1u << 20;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *base = mmap(NULL, FUZZ_ARENA_BYTES + 2 * guard, PROT_NONE, flags, -1, 0);
    if (base == MAP_FAILED) abort();
    fuzz_arena = (unsigned char *)base + guard;
    if (mprotect(fuzz_arena, FUZZ_ARENA_BYTES, PROT_READ | PROT_WRITE) < 0) abort();
}

/* Where a segment of `size_bytes` begins. */
static inline unsigned char *fuzz_place(uint64_t size_bytes) {
    ASAN_UNPOISON_MEMORY_REGION(fuzz_arena, FUZZ_ARENA_BYTES);
    uint64_t before = (FUZZ_ARENA_BYTES - size_bytes) & ~(uint64_t)(RTM_LINE - 1);
    return fuzz_arena + before;
}

static inline void fuzz_fence(unsigned char *base, uint64_t size_bytes) {
    unsigned char *end = fuzz_arena + FUZZ_ARENA_BYTES;
    ASAN_POISON_MEMORY_REGION(fuzz_arena, (size_t)(base - fuzz_arena));
    ASAN_POISON_MEMORY_REGION(base + size_bytes, (size_t)(end - base - size_bytes));
    (void)end;
}

#endif
