/* test_copy.c: copies are exact, whichever way they go. */
#include "test_common.h"

#define ROOM_BYTES (600u * 1024u)

static void copy_and_compare(unsigned char *to, const unsigned char *from, size_t length) {
    memset(to - 1, 0xEE, length + 2);
    rtm_copy(to, from, length);
    CHECK(memcmp(to, from, length) == 0 && to[-1] == 0xEE && to[length] == 0xEE);
}

static void copies_are_exact_at_every_length_and_place(void) {
    static const size_t lengths[] = {2047, 2048, 2049, 4095, 4097, 6144, 8191, 8192, 8193, 16384, 65537};
    unsigned char *from = (unsigned char *)aligned_alloc(RTM_PAGE, ROOM_BYTES);
    unsigned char *to = (unsigned char *)aligned_alloc(RTM_PAGE, ROOM_BYTES);
    CHECK(from && to);
    for (size_t i = 0; i < ROOM_BYTES; i++) from[i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t length = 0; length < 300; length++) copy_and_compare(to + 64, from + length % 64, length);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t place = 0; place < 72; place += 7)
            for (size_t back = 0; back < 72; back += 9) copy_and_compare(to + 64 + place, from + back, lengths[i]);
    for (size_t place = 0; place < 3; place++)
        for (size_t more = 0; more < 3; more++)
            copy_and_compare(to + 64 + place, from + 64, RTM_TRAPPED_BYTES - 1 + more);
    free(from);
    free(to);
}

static void the_trap_is_known(void) {
    const unsigned char *page = (const unsigned char *)(uintptr_t)(16 * RTM_PAGE);
    const unsigned char *other = page + 8 * RTM_PAGE;
    CHECK(rtm_goes_in_pieces(page + 48, other, 65536) && rtm_goes_in_pieces(other + 1, page, 65536));
    CHECK(!rtm_goes_in_pieces(page, other, 65536) && !rtm_goes_in_pieces(page + 64, other, 65536));
    CHECK(!rtm_goes_in_pieces(page, other + 48, 65536) && !rtm_goes_in_pieces(page + 48, other, 4u << 20));
    CHECK(rtm_goes_in_pieces(page, other, 4096));
}

int main(void) {
    copies_are_exact_at_every_length_and_place();
    the_trap_is_known();
    printf("2 passed, 0 failed\n");
    return 0;
}
