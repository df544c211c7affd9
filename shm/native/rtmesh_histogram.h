/* rtmesh_histogram.h: latencies in log-linear buckets; the error of a value is below 1/32 of it. */
#ifndef RTMESH_HISTOGRAM_H
#define RTMESH_HISTOGRAM_H

#include "rtmesh_layout.h"

/* Bucket of a value in ns; below 0 counts as 0, above 2^36 as the last bucket. */
static inline uint32_t rtm_bucket(int64_t value_ns) {
    if (value_ns < 32) return value_ns < 0 ? 0 : (uint32_t)value_ns;
    if (value_ns >= (int64_t)1 << 36) return RTM_BUCKETS - 1;
    uint32_t exponent = 63u - (uint32_t)__builtin_clzll((unsigned long long)value_ns);
    return (exponent - 4) * 32 + (uint32_t)((uint64_t)value_ns >> (exponent - 5)) - 32;
}

/* How long after `earlier_ns` it is; times that a segment gives may be any, so the difference may wrap. */
static inline int64_t rtm_elapsed_ns(int64_t now_ns, int64_t earlier_ns) {
    return (int64_t)((uint64_t)now_ns - (uint64_t)earlier_ns);
}

/* Smallest value of a bucket, ns. */
static inline int64_t rtm_bucket_floor_ns(uint32_t bucket) {
    if (bucket < 64) return bucket;
    uint32_t exponent = bucket / 32 + 4;
    return (int64_t)(32 + bucket % 32) << (exponent - 5);
}

/* One party writes a histogram; others may look on. */
static inline void rtm_histogram_add(struct rtm_histogram *histogram, uint32_t bucket) {
    uint64_t *count = &histogram->counts[bucket % RTM_BUCKETS];
    RTM_STORE_COUNT(count, RTM_LOAD_COUNT(count) + 1);
}

static inline void rtm_histogram_raise_max(struct rtm_histogram *histogram, int64_t value_ns) {
    if (value_ns > RTM_LOAD_COUNT(&histogram->max_ns)) RTM_STORE_COUNT(&histogram->max_ns, value_ns);
}

static inline uint64_t rtm_histogram_count(const struct rtm_histogram *histogram) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < RTM_BUCKETS; i++)
        sum += RTM_LOAD_COUNT(&histogram->counts[i]);
    return sum;
}

static inline void rtm_histogram_clear(struct rtm_histogram *histogram) {
    RTM_STORE_COUNT(&histogram->max_ns, 0);
    for (uint32_t i = 0; i < RTM_BUCKETS; i++) RTM_STORE_COUNT(&histogram->counts[i], 0);
}

#endif
