/* reader.pml: rtmesh_reader.h and the sleep of rtmesh_wait.h, step by step. */
#define MORTAL ((r == 0 -> MORTAL_0 : MORTAL_1) && kills > 0)

#include "account.pml"
#include "seat.pml"

proctype Reader(byte r) {
    byte mine, rversion, slot, at, until, first, gone, seen, half, turn, known;
    bit look;
#ifdef CHOOSY
    byte now, other, wants, which;
    bit is_free;
#endif
#ifdef ACCOUNTS
    byte start, delivered, dropped, dropped_gone;
#endif

#ifdef SEATED
    if
    :: !IS_TAP(r) -> d_step { owner[r] = LIVING; state[r] = ATTACHED } goto take
    :: else
    fi;
#endif
attach:
    STEP((owner[r] == NOBODY || owner[r] == DEAD) -> owner[r] = LIVING); /*: reader_take_seat */
    if
    :: IS_TAP(r) -> STEP(state[r] = FREE; gone_at[r] = 0) /*: tap_free */
    :: else
    fi;
    STEP(pin[r] = 0); /*: clear_pins */
    STEP(sleepers = sleepers & ~(1 << r)); /*: stop_sleeping */
    STEP( /*: reader_setup */
        mine = taken[r];
        rversion = version_r[r];
        load_journal(););
    assert(mine <= head && released[r] <= mine);
    if
    :: IS_TAP(r) -> gone = 0
    :: else ->
        STEP( /*: become_attached */
            if
            :: state[r] != GONE -> state[r] = ATTACHED; since[r] = NEVER
            :: else -> look = 1; gone = gone_at[r]
            fi);
    fi;
    if
    :: IS_TAP(r) || look -> look = 0; come_back()
    :: else
    fi;
    if
    :: released[r] < mine -> store_released() /* of the process before */
    :: else
    fi;
#ifndef MUTANT_SUCCESSOR_SILENT
    if :: !IS_TAP(r) -> ring_writer() :: else fi;
#endif

take:
    if
    :: d_step { departures > 0 && (r == 0 || IS_TAP(r)) -> departures-- } goto leave
    :: true
    fi;
    STEP( /*: take_head */
        if :: !IS_BLOCK(r) || known <= mine -> known = head :: else fi;
        until = known;
        if :: !IS_BLOCK(r) -> known = 0 :: else fi;
        look = (ended && head == mine));
    if
    :: look -> look = 0; goto detach
    :: !look && until == mine -> goto sleep
    :: else
    fi;
#if CUTS + STOPS > 0
    STEP(look = (state[r] == GONE)); /*: take_state */
    if
    :: look -> look = 0; goto stand_up /* RTM_WAS_GONE: attach it again */
    :: else
    fi;
#else
    assert(state[r] != GONE); /* as above: nobody gives up one who sits there */
#endif
    assert(!IS_BLOCK(r) || until - (mine > passed_by[r] -> mine : passed_by[r]) <= QUEUE(r)
           || until <= passed_by[r]);
    at = SETTLED(mine, until, REACH(r));
find:
    STEP(seen = (seq[at % N] == at + 1)); /*: pin_first_look */
    if :: !seen -> goto missed :: else fi;
    STEP(slot = entry_slot[at % N]); /*: pin_slot */
    STEP(pin[r] = slot); /*: pin_store */
    STEP(half = entry_epoch[at % N]); /*: pin_epoch */
#ifdef MUTANT_NO_SECOND_LOOK
    held[r] = slot;
#else
    STEP( /*: pin_second_look */
        seen = (seq[at % N] == at + 1);
        if :: seen -> held[r] = slot :: else fi);
#endif
    if
    :: !seen ->
        STEP(pin[r] = 0; slot = 0; half = 0); /*: pin_undo */
        goto missed
    :: else
    fi;
    /* Each once, in order; a reader that blocks misses only what passed it while it was gone. */
    assert(at >= taken[r] && at < head);
    assert(!IS_BLOCK(r) || at == mine || at <= passed_by[r]);
#ifdef MUTANT_RELEASE_BEFORE_COMMIT
    STEP(released[r] = at + 1);
#endif
    d_step { /*: deliver */
        count_dropped(at - mine);
        COUNT(delivered++);
        mine = at + 1;
        seen = 0;
        until = 0
    }
    reader_commit();
#ifdef MUTANT_UNPIN_BEFORE_USE
    STEP(pin[r] = 0);
#endif
    STEP(assert(half_a[slot] == STAMP(at, half))); /*: use_first_half */
#if STOPS > 0
    if
    :: d_step { stops > 0 -> stops--; cuts++ } ended /* whatever it is that stops it: meshd will cut it off */
    :: true
    fi;
#endif
    STEP(assert(half_b[slot] == STAMP(at, half)); half = 0; at = 0); /*: use_second_half */
#ifdef RELEASE_BEFORE_UNPIN
    store_released();
    STEP(pin[r] = 0; held[r] = 0; slot = 0);
#else
    STEP(pin[r] = 0; held[r] = 0; slot = 0); /*: unpin */
    store_released();
#endif
    goto take;

missed:
    STEP(until = head); /*: take_next_head */
    d_step {
        first = SETTLED(mine, until, REACH(r));
        at = (at + 1 > first -> at + 1 : first);
        seen = 0;
        first = 0
    }
    if
    :: at < until -> until = 0; goto find
    :: else
    fi;
    assert(!IS_BLOCK(r) || until <= passed_by[r]);
    d_step { /*: drop_to */
        count_dropped(until - mine);
        mine = until;
        until = 0;
        at = 0
    }
    reader_commit();
    goto take;

sleep:
    until = 0;
    STEP(bell[r] = NOTED); /*: data_note */
#ifdef MUTANT_BIT_AFTER_LOOK
    STEP(look = (head != mine || ended));
    STEP(sleepers = sleepers | (1 << r));
#else
    STEP(sleepers = sleepers | (1 << r)); /*: data_sleeper */
    STEP(look = (head != mine || ended)); /*: data_look */
#endif
    if
    :: look -> look = 0
    :: else ->
#ifdef MUTANT_NO_FUTEX_VALUE
        STEP(bell[r] = ASLEEP);
#else
        STEP(if :: bell[r] == NOTED -> bell[r] = ASLEEP :: else fi); /*: data_sleep */
#endif
        if
        :: bell[r] != ASLEEP
        :: timeout -> assert(false) /* a lost wake-up */
        :: atomic { MORTAL -> kills--; goto died }
        fi
    fi;
    bell[r] = AWAKE;
    STEP(sleepers = sleepers & ~(1 << r)); /*: data_clear */
    goto take;

leave:
    if
    :: give_up()
    :: !IS_TAP(r) && !GONE_ONLY ->
        STEP( /*: set_absent */
            if :: state[r] == ATTACHED -> state[r] = ABSENT; since[r] = LATELY :: else fi);
    fi;
#ifdef MUTANT_LEAVE_ASKS_FIRST
    wake_sleeping_writer();
#else
    STEP(look = (writer_sleeps != 0)); /*: leave_looks_at_writer */
    if
    :: look -> look = 0; ring_writer()
    :: else
    fi;
#endif
stand_up:
    if
    :: IS_TAP(r) -> STEP(state[r] = FREE; gone_at[r] = 0) /*: tap_detach */
    :: else
    fi;
    STEP(owner[r] = NOBODY); /*: reader_leave_seat */
    d_step { mine = 0; rversion = 0; known = 0; until = 0; COUNT(start = 0; delivered = 0; dropped = 0; dropped_gone = 0) }
    if
    :: true -> goto attach
    :: true -> goto over
    fi;

detach:
    assert(ended && mine == head);
    STEP(owner[r] = NOBODY);
    goto over;

died:
    skip;
    d_step {
        if :: owner[r] == LIVING -> owner[r] = DEAD :: else fi;
        died_r[r] = 1;
        bell[r] = AWAKE;
        held[r] = 0;
        mine = 0; rversion = 0; slot = 0; at = 0; until = 0; first = 0; gone = 0; seen = 0; half = 0; turn = 0;
        look = 0; known = 0;
        CHOICE(now = 0; other = 0; wants = 0; which = 0; is_free = 0);
        COUNT(start = 0; delivered = 0; dropped = 0; dropped_gone = 0)
    }
    if
    :: true -> goto attach /* its successor: when, is up to the scheduler */
    :: true
    fi;
over:
    atomic { finished++; mine = 0; rversion = 0; until = 0 }
}
#undef MORTAL
