/* rtmesh_layout.h: every byte of a ring segment, and nothing else.
**
** A ring is one output port's broadcast buffer in shared memory: one writer, up to 32 readers. All
** numbers are little-endian. The first 64 bytes are those of any rtmesh segment and never change
** their meaning; the rest belongs to RTM_LAYOUT_VERSION.
**
**   +----------------+---------+--------+-----------+--------------+-------------------------+
**   | ring header    | seats   | pins   | entries   | histograms   | slots                   |
**   | 1024           | 384 * R | 64 * k | 64 * N    | 8256 * (R+O) | slot_stride * slot_count|
**   +----------------+---------+--------+-----------+--------------+-------------------------+
**                                                                  ^ on a page
** R seats = fixed readers + spare readers (taps), O budget origins, N entries (a power of two).
** slot_count = N + sum over the seats of (hold + 1) + 1: N published, every pin on a slot of its own
** (one more than `hold`: a reader copies under its last pin), one claimed. So the writer always finds a slot.
**
** RING HEADER
**   OFFSET  SIZE  WRITTEN BY  FIELD
**        0     8  creator     magic           stored last (release): right magic => the header is whole
**        8     4  creator     layout_version
**       12     4  creator     kind            RTM_KIND_RING, or RTM_KIND_PLAIN: 64 bytes, then anything
**       16     8  creator     size_bytes      of the segment
**       24     8  creator     creator         process identity: start time << 24 | pid
**       32    32  -           reserved
**       64     4  creator     entries         N
**       68     4  creator     slot_count
**       72     8  creator     slot_bytes      longest message
**       80     8  creator     slot_stride     slot_bytes + 63 rounded up to 64
**       88     4  creator     fixed_readers
**       92     4  creator     spare_readers
**       96     4  creator     origins
**      104    40  creator     offsets of seats, pins, entries, histograms, slots
**      192     8  writer      commit          COMMIT POINT: head << 8 | version << 1 | ended
**      200     4  writer      writer_cpu      where it ran last, + 1
**      256     8  readers     sleepers        bit i: reader i sleeps on data_bell
**      264     4  all         data_bell       futex: rung when there is something to take
**      320     4  writer      writer_sleeps   enum rtm_wants: the writer sleeps on space_bell
**      324     4  all         space_bell      futex: rung when there may be space
**      328     8  writer      wanted          stored before writer_sleeps = RTM_WANTS_RELEASED
**      384     8  writer      writer          process identity, 0 if nobody sits there
**      448   128  writer      journal[2]      commit's version & 1 selects the valid one
**      576    64  writer      words[8]        of the user
**      640   384  creator     origin_ids[48]
**
** SEAT (one a reader)
**        0     8  reader      owner           process identity, 0 if nobody sits there
**        8     8  all (CAS)   state           RTM_FREE or ATTACHED; since_ns << 2 | RTM_ABSENT;
**                                           head at which it was given up << 2 | RTM_GONE
**       16    24  creator     policy, queue, hold, (pad), hold_absent_ns; queue by a tap
**       64     8  reader      commit          COMMIT POINT: taken << 8 | version << 1
**       72     8  reader      released
**       80     4  reader      cpu             where it ran last, + 1
**      128   128  reader      journal[2]      start, delivered, dropped by reason, last bucket
**      256   128  creator     name            UTF-8, NUL-terminated; by a tap
**
** PINS: for each seat hold + 1 cells of 4 bytes, from a 64-byte boundary: slot + 1, or 0. By the reader.
**
** ENTRY: seq (position + 1; 0 = not published), slot, offset, length, epoch, publish_time_ns,
**        source_position. Position p lies in entry p mod N. By the writer.
**
** INVARIANTS
**   start + sum(dropped) + delivered == taken <= head            for each reader, in the selected journal
**   released <= taken
**   a BLOCK reader that is not GONE:  head - released <= queue <= N
**   seq of entry i is 0 or q + 1 with q mod N == i; a reader believes it only for q < head
**
** ACCOUNTS AS THEY ARE READ
**   A reader's words say what it has done itself. What it can no longer be given is found by whoever looks,
**   from positions alone (rtm_settle), so an account is right though its reader sleeps, is absent or is dead:
**     first = max(taken, h - queue)     h: head, or of a GONE reader the head at which it was given up
**     [taken, first)  is dropped for its policy's reason: queue_full (DROP_OLDEST), superseded (LATEST)
**     [first, head)   waits; of a GONE reader it is dropped, reader_gone: at most `queue` that waited for it,
**                     and what was published after it was given up
**   Of a BLOCK reader all is reader_gone: it gets everything unless it is GONE. The reader writes the same
**   numbers down when it takes or comes back. A look in the middle of a take may find the message that is
**   being taken overtaken, and count it as dropped; the next look sees it delivered.
**
** SYNC POINTS (what is stored by whom -> what it is loaded by, and what it therefore sees)
**   A  a message is visible:  rtm_writer_commit stores commit -> rtm_head_for, rtm_take, rtm_item_ready load
**      it: bytes, entry and journal were stored before. rtm_fill_entry stores seq -> rtm_pin loads it: the
**      same, of one entry, should the table have turned since commit was loaded.
**   B  a slot is protected:   rtm_pin stores its cell, then loads seq  <->  rtm_unpublish stores seq = 0,
**      then rtm_mark_pinned loads the cells (sequentially consistent on all four). The last of the two loads
**      sees the other side's store: either the reader finds the message gone, or the writer finds the slot
**      pinned.
**   C  a slot is given back:  rtm_unpin (or rtm_clear_pins) stores 0 -> rtm_mark_pinned loads it; then the
**      slot is written: all reading came before. A later pin in the same cell says as much: it is a release,
**      too. rtm_store_released -> rtm_survey_seat only lets the entry go; the slot still waits for its pins.
**   D  nobody sleeps through: rtm_set_sleeper notes the bell, sets the sleeper bit, then looks  <->  the
**      other side stores (commit; released; state), then looks at the bit in rtm_wake_sleepers,
**      rtm_wake_sleeping_writer or rtm_wake_writer_at_once, clears it, rings (sequentially consistent). Of
**      two who would clear it one does, and that one rings; a bit that is set anew between the two belongs
**      to a sleeper that finds the bell rung: the kernel compares it with what was noted.
**   E  a reader appears:      rtm_come_back, rtm_seat_tap store state, then load commit  <->
**      rtm_writer_commit stores commit, then rtm_survey_seat or rtm_mark_pinned loads state (sequentially
**      consistent). A survey that did not see the reader was made at a head that the reader does see, so it
**      starts at or behind it.
**   F  a seat has one owner:  rtm_leave_seat swaps the owner out -> rtm_take_seat or rtm_replace swaps its
**      own in, and reads journals, histograms and entries as its predecessor left them. Of one that was
**      killed it knows the death from the kernel (/proc, a pidfd), whose locks order all it ever stored
**      before.
**   G  a look is of one time: rtm_writer_commit, rtm_reader_commit store the other journal, then commit ->
**      rtm_look_at_... load commit, the journal, commit again: whoever saw a word of a later journal sees
**      the later commit (so journals are stored with release, loaded with acquire), and looks anew.
**   H  a ring is whole:       rtm_format stores magic -> rtm_check_segment loads it.
**
** WHY IT HOLDS ON WEAK MEMORY (ARM)
**   A, C, F, G, H hand something over: release and acquire are made for it, and all a party stores before is
**   ordered by them, plain bytes included. Between the two looks at seq in rtm_pin an entry may be filled
**   anew: its fields are stored (release) after seq = 0 and loaded (acquire) before the second look, so
**   whoever saw a new field sees that seq changed. rtm_unpublish makes it 0 before rtm_fill_entry; the only
**   entry filled without is one of an unpublished position, which no reader believes.
**   B, D, E are of another kind: each side stores its own word, then loads the other's, and one of them must
**   see. Release and acquire allow both loads to come first (x86 does it with its store buffer, ARM, too).
**   With sequential consistency there is one order of all four, in which a side's load follows its store.
**   ARMv8 keeps it: STLR before a later LDAR, and swaps and bit operations (LDAXR/STLXR, or CASAL, LDSETAL)
**   are both; LDAPR, which may pass an STLR, is at most used for unmarked loads. Loads that were done before
**   the pin (seq, slot) decide nothing: the second look does. What follows the loads (reading or writing a
**   slot) cannot move before an acquire.
**   COUNT words and cpu order nothing and need nothing: a look at them may be a little old.
**
** WHAT A CRASH LEAVES BEHIND (kill -9 just before...)
**   writer, A:       head is unchanged: nothing was published. The entry that gave way may be gone early: a
**                    dropping reader counts it. The next writer clears the half-made entry.
**   writer, D:       the message is published, a sleeper may not have been woken: rtm_writer_died and the next
**                    writer wake all, and no sleep is longer than RTM_LONGEST_SLEEP_NS. A reader, D, likewise.
**   writer, after A: the age histogram may lack its last value; the journal names it for the next writer.
**   reader, commit:  the message was not taken; it is taken again by the next process in this seat.
**   reader, after:   the latency histogram may lack its last value; repaired at the next attach, as above.
**   reader, pinned:  its slots stay protected until meshd or its successor, sure of its death, clears them.
**   a sleeper:       its bit costs needless wakes until its seat is marked or attached again.
**   in a CAS owner:  the seat is owned by a dead process: the next attach takes it over.
*/
#ifndef RTMESH_LAYOUT_H
#define RTMESH_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define RTM_ASSERT(fact, text) static_assert(fact, text)
#else
#define RTM_ASSERT(fact, text) _Static_assert(fact, text)
#endif

#define RTM_MAGIC 0x3148534D54522E72ULL
#define RTM_LAYOUT_VERSION 1u
#define RTM_KIND_RING 1u
#define RTM_KIND_PLAIN 2u
#define RTM_MOST_READERS 32u
#define RTM_MOST_ORIGINS 48u
#define RTM_MOST_ENTRIES (1u << 20)
#define RTM_MOST_HOLD 4096u
#define RTM_MOST_SLOT_BYTES (1ULL << 32)
#define RTM_MOST_SEGMENT_BYTES (1ULL << 46)
#define RTM_NAME_BYTES 128u
#define RTM_SPARE_HOLD 4u
#define RTM_WORDS 8u
#define RTM_REASONS 3u
#define RTM_BUCKETS 1024u
#define RTM_LINE 64u
#define RTM_PAGE 4096u

enum rtm_policy { RTM_BLOCK = 1, RTM_DROP_OLDEST = 2, RTM_LATEST = 3 };
enum rtm_state { RTM_FREE = 0, RTM_ATTACHED = 1, RTM_ABSENT = 2, RTM_GONE = 3 };
/* What a sleeping writer is woken for: room in every queue, that half of every queue is free, or that
** everything below `wanted` is released. */
enum rtm_wants { RTM_WANTS_ROOM = 1, RTM_WANTS_HALF = 2, RTM_WANTS_RELEASED = 3 };
enum rtm_reason { RTM_QUEUE_FULL = 0, RTM_SUPERSEDED = 1, RTM_READER_GONE = 2 };

struct rtm_segment_header {
    uint64_t magic;
    uint32_t layout_version, kind;
    uint64_t size_bytes;
    uint64_t creator;
    uint64_t reserved[4];
};

struct rtm_writer_journal {
    uint64_t source_position;
    int64_t first_time_ns, last_time_ns;
    uint64_t epoch_start; /* position of the first message of this epoch */
    uint64_t age_count;   /* values in all age histograms, this commit's included */
    uint32_t age_place;   /* origin * RTM_BUCKETS + bucket of the newest of them */
    uint32_t epoch;
    uint64_t reserved[2];
};

struct rtm_ring_header {
    struct rtm_segment_header segment;
    uint32_t entries, slot_count;
    uint64_t slot_bytes, slot_stride;
    uint32_t fixed_readers, spare_readers, origins, reserved_0;
    uint64_t seats_offset, pins_offset, entries_offset, histograms_offset, slots_offset;
    uint64_t reserved_1[6];
    uint64_t commit;
    uint32_t writer_cpu, reserved_2[13];
    uint64_t sleepers;
    uint32_t data_bell, reserved_3[13];
    uint32_t writer_sleeps, space_bell;
    uint64_t wanted;
    uint32_t reserved_4[12];
    uint64_t writer, reserved_5[7];
    struct rtm_writer_journal journal[2];
    uint64_t words[RTM_WORDS];
    uint64_t origin_ids[RTM_MOST_ORIGINS];
};

struct rtm_reader_journal {
    uint64_t start, delivered, dropped[RTM_REASONS];
    uint64_t last_bucket; /* where the newest delivered message stands in the latency histogram */
    uint64_t reserved[2];
};

struct rtm_seat {
    uint64_t owner, state;
    uint32_t policy, queue, hold, reserved_0;
    uint64_t hold_absent_ns, reserved_1[3];
    uint64_t commit, released;
    uint32_t cpu, reserved_2[11];
    struct rtm_reader_journal journal[2];
    char name[RTM_NAME_BYTES];
};

struct rtm_entry {
    uint64_t seq;
    uint32_t slot, offset;
    uint64_t length;
    int64_t publish_time_ns;
    uint64_t source_position;
    uint32_t epoch, reserved_0;
    uint64_t reserved_1[2];
};

/* Log-linear: 32 buckets of 1 ns, then 32 for each doubling up to 2^36 ns (68.7 s); the last takes all above.
** max_ns is exact, unless the process was killed between its commit and max_ns: the next one counts the value
** in its bucket, but does not know it any better. */
struct rtm_histogram {
    int64_t max_ns;
    uint64_t reserved[7];
    uint64_t counts[RTM_BUCKETS];
};

RTM_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the layout is little-endian");
RTM_ASSERT(sizeof(struct rtm_segment_header) == 64, "see the table above");
RTM_ASSERT(offsetof(struct rtm_segment_header, creator) == 24, "see the table above");
RTM_ASSERT(sizeof(struct rtm_writer_journal) == RTM_LINE, "a journal entry is a line");
RTM_ASSERT(sizeof(struct rtm_reader_journal) == RTM_LINE, "a journal entry is a line");
RTM_ASSERT(offsetof(struct rtm_ring_header, slot_bytes) == 72, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, origins) == 96, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, seats_offset) == 104, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, commit) == 192, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, sleepers) == 256, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, writer_sleeps) == 320, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, wanted) == 328, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, writer) == 384, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, journal) == 448, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, words) == 576, "see the table above");
RTM_ASSERT(offsetof(struct rtm_ring_header, origin_ids) == 640, "see the table above");
RTM_ASSERT(sizeof(struct rtm_ring_header) == 1024, "see the table above");
RTM_ASSERT(offsetof(struct rtm_seat, commit) == 64, "see the table above");
RTM_ASSERT(offsetof(struct rtm_seat, journal) == 128, "see the table above");
RTM_ASSERT(offsetof(struct rtm_seat, name) == 256, "see the table above");
RTM_ASSERT(sizeof(struct rtm_seat) == 384, "see the table above");
RTM_ASSERT(sizeof(struct rtm_entry) == RTM_LINE, "an entry is a line");
RTM_ASSERT(sizeof(struct rtm_histogram) == 8256, "see the table above");

/* Every store to a segment is made by a macro below, and passes a stop point first. In a program that defines
** RTM_STOP_POINTS (test_kills.c, nothing that ships) a stop point is a call that may kill the process just
** there; everywhere else it is no token at all. */
#ifdef RTM_STOP_POINTS
void rtm_stop_point(const char *function, int line);
#define RTM_STOP rtm_stop_point(__func__, __LINE__),
#else
#define RTM_STOP
#endif

/* The atomics of C11 as the compilers' builtins: unlike <stdatomic.h> they also compile as C++, and leave
** the fields plain integers for bindings. Unmarked loads acquire, unmarked stores release; ORDERED ones are
** sequentially consistent (sync points B, D, E). COUNT ones order nothing: statistics with one writer. No
** free-standing fences: ThreadSanitizer cannot see them. */
#define RTM_LOAD(field) __atomic_load_n((field), __ATOMIC_ACQUIRE)
#define RTM_STORE(field, value) (RTM_STOP __atomic_store_n((field), (value), __ATOMIC_RELEASE))
#define RTM_LOAD_ORDERED(field) __atomic_load_n((field), __ATOMIC_SEQ_CST)
#define RTM_STORE_ORDERED(field, value) (RTM_STOP __atomic_store_n((field), (value), __ATOMIC_SEQ_CST))
#define RTM_SWAP_IF(field, expected, value) \
    (RTM_STOP __atomic_compare_exchange_n(  \
        (field), (expected), (value), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
#define RTM_ADD_ORDERED(field, value) (RTM_STOP __atomic_fetch_add((field), (value), __ATOMIC_SEQ_CST))
#define RTM_SET_BITS_ORDERED(field, bits) (RTM_STOP __atomic_fetch_or((field), (bits), __ATOMIC_SEQ_CST))
#define RTM_CLEAR_BITS_ORDERED(field, bits) (RTM_STOP __atomic_fetch_and((field), ~(bits), __ATOMIC_SEQ_CST))
#define RTM_LOAD_COUNT(field) __atomic_load_n((field), __ATOMIC_RELAXED)
#define RTM_STORE_COUNT(field, value) (RTM_STOP __atomic_store_n((field), (value), __ATOMIC_RELAXED))

/* A commit word: position << 8 | version << 1 | ended. The version selects the journal, and tells a reader
** of the journal that it changed meanwhile although the position did not. */
static inline uint64_t rtm_commit_word(uint64_t position, uint32_t version, int ended) {
    return position << 8 | (uint64_t)(version & 127u) << 1 | (ended ? 1u : 0u);
}
static inline uint64_t rtm_commit_position(uint64_t word) { return word >> 8; }
static inline uint32_t rtm_commit_version(uint64_t word) { return (uint32_t)(word >> 1) & 127u; }
static inline int rtm_commit_ended(uint64_t word) { return (int)(word & 1u); }

static inline uint64_t rtm_state_word(enum rtm_state state, int64_t since_ns) {
    return (uint64_t)since_ns << 2 | (uint64_t)state;
}
static inline enum rtm_state rtm_state_of(uint64_t word) { return (enum rtm_state)(word & 3u); }
static inline int64_t rtm_state_since_ns(uint64_t word) { return (int64_t)(word >> 2); }

static inline uint64_t rtm_gone_word(uint64_t head) { return head << 2 | (uint64_t)RTM_GONE; }
static inline uint64_t rtm_gone_at(uint64_t word) { return word >> 2; }

#endif
