/* test_stage.h: a ring with a writer and two readers that block, all in one process. */
#ifndef RTMESH_TEST_STAGE_H
#define RTMESH_TEST_STAGE_H

#include "test_common.h"

struct stage {
    struct rtm_ring ring;
    struct rtm_writer writer;
    struct rtm_reader readers[2];
    uint32_t is_over; /* tells a second thread */
};

static void set_stage(struct stage *stage, uint32_t entries, uint32_t queue) {
    struct rtm_layout layout = {SLOT_BYTES, entries, 0, 0, 0, {{{0}, 0, 0, 0, 0}}, {0}};
    struct rtm_problem problem;
    set_reader(&layout, "first", RTM_BLOCK, queue);
    set_reader(&layout, "second", RTM_BLOCK, queue);
    make_ring(&stage->ring, &layout);
    stage->is_over = 0;
    CHECK(rtm_writer_attach(&stage->writer, &stage->ring, RTM_NEXT_EPOCH, &problem) == RTM_DONE);
    for (uint32_t i = 0; i < 2; i++)
        CHECK(rtm_reader_attach(&stage->readers[i], &stage->ring, i, 0, &problem) == RTM_DONE);
}

static void clear_stage(struct stage *stage) {
    for (uint32_t i = 0; i < 2; i++) rtm_reader_detach(&stage->readers[i]);
    rtm_writer_detach(&stage->writer);
    free(stage->ring.base);
}

#endif
