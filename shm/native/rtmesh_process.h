/* rtmesh_process.h: who a process is, and whether it still lives.
**
** An identity is start time (field 22 of /proc/PID/stat, clock ticks) << 24 | pid: one word, so it is never
** torn, and a reused pid does not deceive. 0 is nobody.
*/
#ifndef RTMESH_PROCESS_H
#define RTMESH_PROCESS_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RTM_PID_BITS 24

static inline int64_t rtm_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline uint32_t rtm_identity_pid(uint64_t identity) {
    return (uint32_t)(identity & ((1u << RTM_PID_BITS) - 1));
}

/* Reads /proc/PID/stat; returns the text from its third field on (`buffer` owns it), or NULL. */
static inline const char *rtm_process_stat(uint32_t pid, char *buffer, size_t size) {
    snprintf(buffer, size, "/proc/%u/stat", pid);
    int descriptor = open(buffer, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return NULL;
    ssize_t length = read(descriptor, buffer, size - 1);
    close(descriptor);
    if (length <= 0) return NULL;
    buffer[length] = 0;
    const char *name_end = strrchr(buffer, ')'); /* the name may hold anything, also ')' */
    return name_end && name_end[1] ? name_end + 2 : NULL;
}

/* The `number`-th field (counted as in proc(5), from 3), or NULL. */
static inline const char *rtm_process_field(const char *stat, int number) {
    for (int at = 3; stat && at < number; at++) {
        stat = strchr(stat, ' ');
        if (stat) stat++;
    }
    return stat;
}

/* The identity of a living process, or 0. A zombie is dead once its last thread has ended: a leader that
** ends first shows Z while its threads may still run. */
static inline uint64_t rtm_process_identity(uint32_t pid) {
    char buffer[1024];
    const char *stat = rtm_process_stat(pid, buffer, sizeof buffer);
    const char *threads = rtm_process_field(stat, 20), *start = rtm_process_field(stat, 22);
    if (!stat || !threads || !start) return 0;
    if ((*stat == 'Z' || *stat == 'X') && strtol(threads, NULL, 10) <= 1) return 0;
    return strtoull(start, NULL, 10) << RTM_PID_BITS | pid;
}

static inline uint64_t rtm_own_identity(void) { return rtm_process_identity((uint32_t)getpid()); }

static inline int rtm_is_alive(uint64_t identity) {
    return identity != 0 && rtm_process_identity(rtm_identity_pid(identity)) == identity;
}

#endif
