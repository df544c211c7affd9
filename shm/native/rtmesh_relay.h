/* rtmesh_relay.h: what only a relay needs, which reads one ring and fills another elsewhere.
**
** It takes messages and sends them; some are lost on the way, with the connection or with the relay. Then the
** other side says how far it got, and the reader's account becomes, in one commit, what it would be had the
** lost ones never been taken. What the ring has let go of meanwhile is dropped, reader_gone.
*/
#ifndef RTMESH_RELAY_H
#define RTMESH_RELAY_H

#include "rtmesh_reader.h"

/* The other side holds `delivered` messages, all of them below `position`. Continues at `position`, or at the
** oldest unreleased message if that is later. RTM_CORRUPT: it holds more than was ever taken here. */
static inline enum rtm_result rtm_resume(
    struct rtm_reader *reader, uint64_t position, uint64_t delivered, struct rtm_problem *problem) {
    struct rtm_reader_journal *journal = &reader->journal;
    uint64_t from = position > reader->released ? position : reader->released;
    uint64_t back = reader->taken - from, lost = journal->delivered - delivered;
    if (from > reader->taken || delivered > journal->delivered ||
        (lost < back && back - lost > journal->dropped[reader->terms.reason]))
        return rtm_fail(problem, RTM_CORRUPT,
                        "the other side holds %llu messages below %llu; reader %u gave %llu below %llu",
                        (unsigned long long)delivered, (unsigned long long)position, reader->index,
                        (unsigned long long)journal->delivered, (unsigned long long)reader->taken);
    if (lost > back) journal->dropped[RTM_READER_GONE] += lost - back;
    else journal->dropped[reader->terms.reason] -= back - lost; /* dropped among them: decided anew */
    journal->delivered = delivered;
    reader->taken = from;
    rtm_reader_commit(reader);
    return RTM_DONE;
}

/* Everything below is released by every reader that can hold the writer; head if none can. `until_ns` is
** lowered to the time at which an absent reader whose queue is full stops holding it. */
static inline uint64_t rtm_released_by_all(const struct rtm_writer *writer, int64_t *until_ns) {
    struct rtm_survey survey = {writer->head, -1, INT64_MAX, UINT64_MAX};
    uint64_t least = writer->head;
    for (uint32_t i = 0; i < writer->ring->layout.fixed_readers; i++) {
        if (writer->ring->layout.readers[i].policy != RTM_BLOCK) continue;
        uint64_t position = rtm_survey_seat(writer->ring, i, writer->head, 1, &survey);
        if (position < least) least = position;
    }
    if (survey.deadline_ns < *until_ns) *until_ns = survey.deadline_ns;
    return least;
}

#endif
