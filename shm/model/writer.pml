/* writer.pml: rtmesh_writer.h step by step, and the sleep of rtmesh_wait.h. */
#define MORTAL (MORTAL_WRITER && kills > 0)

#include "gather.pml"
#include "commit.pml"
#ifdef CHOOSY
#define WORTH_WAKING worth_not_sleeping
#define OWN READERS /* every queue counts */
#include "worth.pml"
#undef WORTH_WAKING
#undef OWN
#endif

proctype Writer() {
    byte whead, wtail, wversion, epoch, least, claimed, pinned, rel, position;
    byte slot_of[N], free_slots[SLOTS], free_count, limbo[SLOTS], limbo_count;
    byte r, i, st, slot, kept, until;
    byte stage; /* CLAIM, HALF, AGAIN, ROOM or ALL */
    bit last, holder, marked;
#ifdef SMALL
    byte surveyed_to, limit;
#endif
#ifdef CHOOSY
    byte now, other;
    bit is_free;
#endif

attach:
    STEP((owner_w == NOBODY || owner_w == DEAD) -> owner_w = LIVING); /*: writer_take_seat */
    STEP( /*: load_writer */
        whead = head;
        wversion = version;
        last = ended;
        epoch = journal_epoch[version % 2]);
    d_step { /*: rebuild */
        wtail = (whead > N -> whead - N : 0);
        i = wtail;
        pinned = 0;
        do
        :: i < whead ->
            if
            :: seq[i % N] == i + 1 ->
                slot_of[i % N] = entry_slot[i % N];
                assert(!(pinned & (1 << slot_of[i % N])));
                pinned = pinned | (1 << slot_of[i % N])
            :: else
            fi;
            i++
        :: else -> break
        od;
        slot = SLOTS;
        do
        :: slot > 0 ->
            if
            :: !(pinned & (1 << slot)) -> limbo[limbo_count] = slot; limbo_count++
            :: else
            fi;
            slot--
        :: else -> break
        od;
        pinned = 0;
        i = 0;
        do
        :: i < N -> assert(entry_epoch[i] <= epoch); i++ /* nobody published under the next number */
        :: else -> break
        od;
        i = 0
    }
    do
    :: i < N ->
        if
        :: slot_of[i] == 0 -> STEP(seq[i] = 0); /*: rebuild_clear */
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0;
    STEP(writer_sleeps = 0); /*: writer_awake */
#ifndef MUTANT_SUCCESSOR_SILENT
    ring_readers();
#endif
    epoch++;
    writer_commit(); /* begin_epoch */

publish:
    if
    :: last -> goto detach
    :: !last && whead == MESSAGES -> goto end_stream
    :: !last && whead < MESSAGES && epoch > 1 -> goto end_stream /* meshd ends it for a dead writer */
    :: !last && whead < MESSAGES
    fi;
#ifdef RELEASES
wait_for_all:
    if
    :: whead > 0 ->
        stage = ALL;
        STEP(bell_w = NOTED);
        STEP(wanted = whead); /*: all_wanted */
        STEP(writer_sleeps = WANTS_RELEASED; choosy_sleeps++); /*: all_sleeper */
        goto look
    :: else
    fi;
#endif
#ifdef SMALL
    if
    :: whead < surveyed_to && free_count > 0 -> goto claim /*: needs_survey */
    :: true /* a large message, or nothing is known */
    fi;
#endif

look:
    survey();
    if
#ifdef RELEASES
    :: stage == ALL && least < whead -> until = 0; goto asleep /*: all_look */
    :: stage == ALL && least == whead ->
        bell_w = AWAKE;
        STEP(writer_sleeps = 0);
        stage = CLAIM;
        goto look
#endif
    :: holder && (stage == CLAIM || stage == AGAIN) ->
        stage = (stage == CLAIM -> FIRST_SLEEP : ROOM);
        STEP(bell_w = NOTED); /*: space_note */
        STEP( /*: space_sleeper */
            writer_sleeps = (stage == HALF -> WANTS_HALF : WANTS_ROOM);
            CHOICE(choosy_sleeps++);
            HALVE(waited_for = WAITING(0) + WAITING(1)));
#ifdef MUTANT_BIT_AFTER_LOOK
        goto asleep
#else
        goto look /* after the bit */
#endif
    :: holder && (stage == HALF || stage == ROOM) -> goto asleep
    :: !holder && stage == AGAIN -> stage = CLAIM; goto look /* rtm_claim's own */
    :: !holder && (stage == HALF || stage == ROOM) ->
#ifdef HALVES
        if
        :: stage == HALF ->
            worth_not_sleeping(WANTS_HALF);
            if :: !is_free -> goto asleep :: else fi
        :: else
        fi;
#endif
        bell_w = AWAKE;
        STEP(writer_sleeps = 0); /*: space_clear */
        stage = CLAIM;
        goto look
    :: !holder && stage == CLAIM
    fi;
    gather();
claim:
    assert(free_count > 0); /* the writer always finds a slot */
    d_step { /*: claim */
        free_count--;
        claimed = free_slots[free_count];
        free_slots[free_count] = 0
    }
    STEP(WRITE_HALF(half_a)); /*: fill_first_half */
    STEP(WRITE_HALF(half_b)); /*: fill_second_half */
    if
    :: whead >= N && wtail <= whead - N -> unpublish(whead - N); wtail = whead - N + 1 /*: give_way */
    :: else
    fi;
#ifdef MUTANT_COMMIT_BEFORE_ENTRY
    whead++;
    writer_commit();
    whead--;
    fill_entry();
    whead++;
#else
    fill_entry();
    whead++;
    writer_commit();
#endif
    goto publish;

asleep:
#ifdef HALVES
    if
    :: stage == HALF -> goto woken /* RTM_HALF_SLEEP_NS is over, sooner or later */
    :: true
    fi;
#endif
#ifdef MUTANT_NO_FUTEX_VALUE
    STEP(bell_w = ASLEEP);
#else
    STEP(if :: bell_w == NOTED -> bell_w = ASLEEP :: else fi); /*: space_sleep */
#endif
    if
    :: bell_w != ASLEEP
    :: ((until & 1) && since[0] == LONG_AGO) || ((until & 2) && since[1] == LONG_AGO) /* hold_absent is over */
#ifdef HALVES
    :: timeout -> /* not for half: there is room for some, but who would make more does not go on */
        assert(stage == HALF && THERE_IS_ROOM && !HALF_IS_FREE)
#else
    :: timeout -> assert(false) /* a lost wake-up: nobody may need RTM_LONGEST_SLEEP_NS */
#endif
    :: atomic { MORTAL -> kills--; goto died }
    fi;
woken:
    skip;
    d_step { bell_w = AWAKE; until = 0; holder = 0 }
    STEP(writer_sleeps = 0);
#ifdef RELEASES
    if
    :: stage == ALL -> goto wait_for_all
    :: else
    fi;
#endif
#ifdef HALVES
    if
    :: stage == HALF && WAITING(0) + WAITING(1) < waited_for -> goto sleep_for_half /* it came nearer */
    :: true
    fi;
#endif
    stage = AFTER_SLEEP;
    HALVE(waited_for = 0);
    goto look;
#ifdef HALVES
sleep_for_half:
    STEP(bell_w = NOTED);
    STEP(writer_sleeps = WANTS_HALF; choosy_sleeps++; waited_for = WAITING(0) + WAITING(1));
    goto look;
#endif

end_stream:
    last = 1;
    writer_commit(); /* rtm_end */
detach:
    STEP(owner_w = NOBODY); /*: writer_leave_seat */
    goto over;

died:
    skip;
    d_step {
        if :: owner_w == LIVING -> owner_w = DEAD :: else fi;
        died_w = 1;
        bell_w = AWAKE;
        whead = 0; wtail = 0; wversion = 0; epoch = 0; least = 0; claimed = 0; pinned = 0; rel = 0; position = 0;
        free_count = 0; limbo_count = 0;
        forget_slots();
        r = 0; i = 0; st = 0; slot = 0; kept = 0; until = 0;
        last = 0; stage = CLAIM; holder = 0; marked = 0;
        KNOW(surveyed_to = 0; limit = 0);
        CHOICE(now = 0; other = 0; is_free = 0);
        HALVE(waited_for = 0)
    }
    goto attach; /* its successor, or meshd: when, is up to the scheduler */
over:
    finished++;
    d_step {
        forget_slots();
        free_count = 0; limbo_count = 0; wtail = 0; whead = 0;
        KNOW(surveyed_to = 0)
    }
}
#undef MORTAL
