/* rtmesh_copy.h: a copy that does not fall into the trap of `rep movsb`.
**
** On x86, memcpy of glibc copies from about 2 KiB on by `rep movsb`. AMD's CPUs do that badly when the
** destination lies up to a line above the source modulo the size of a page: measured 1.6 to 2.5 GB/s instead
** of 35 to 50 on Zen 3, 69 instead of 127 on Zen 5. Slots lie on lines and buffers of Python just behind the
** start of a page, so this is not rare. In pieces below 2 KiB memcpy uses vector registers, whichever
** the CPU has: never slow, and the faster way for short messages; long ones that lie well go in one piece.
*/
#ifndef RTMESH_COPY_H
#define RTMESH_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rtmesh_layout.h"

#define RTM_PIECE_BYTES 2048u
#define RTM_SHORT_COPY_BYTES 8192u
#define RTM_TRAPPED_BYTES (512u * 1024u) /* above that, memcpy does without `rep movsb` */

static inline int rtm_goes_in_pieces(const void *to, const void *from, size_t length) {
    uintptr_t above = ((uintptr_t)to - (uintptr_t)from) % RTM_PAGE;
    if (length <= RTM_SHORT_COPY_BYTES) return 1;
    return length <= RTM_TRAPPED_BYTES && above > 0 && above < RTM_LINE;
}

static inline void rtm_copy_in_pieces(unsigned char *to, const unsigned char *from, size_t length) {
    size_t piece = RTM_PIECE_BYTES;
    __asm__("" : "+r"(piece)); /* a length the compiler knew would become `rep movsq` */
    for (; length > piece; length -= piece) {
        memcpy(to, from, piece);
        to += piece;
        from += piece;
    }
    memcpy(to, from, length);
}

/* memcpy; the two may not overlap. */
static inline void rtm_copy(void *to, const void *from, size_t length) {
#if defined(__x86_64__)
    if (rtm_goes_in_pieces(to, from, length)) {
        rtm_copy_in_pieces((unsigned char *)to, (const unsigned char *)from, length);
        return;
    }
#endif
    memcpy(to, from, length);
}

#endif
