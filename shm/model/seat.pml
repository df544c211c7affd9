/* seat.pml: a reader gives back what it took, wakes the writer, comes and goes. */

#ifdef CHOOSY
#define WORTH_WAKING worth_waking
#define OWN r
#include "worth.pml"
#undef WORTH_WAKING
#undef OWN
#endif

inline ring_writer() {
    STEP(ring_space_bell()); /*: space_value */
    STEP(wake_space_bell()); /*: space_wake */
}

#ifdef CHOOSY
inline wake_sleeping_writer() {
    STEP(wants = writer_sleeps; which = choosy_sleeps); /*: reader_looks_at_writer */
    do
    :: wants == 0 -> break
    :: else ->
        worth_waking(wants); /*: reader_is_worth_waking */
        if
        :: !is_free -> wants = 0
        :: else ->
            STEP( /*: reader_clears_writer */
                look = (writer_sleeps == wants);
                /* Where nobody comes or goes, it is rung for what it wants, and no earlier. */
                assert(!look || which != choosy_sleeps || DEPARTURES + KILLS + CUTS + STOPS > 0
                       || wants == WANTS_ROOM && THERE_IS_ROOM || wants == WANTS_HALF && HALF_IS_FREE
                       || wants == WANTS_RELEASED && WAITING(0) + WAITING(1) == 0);
                if
                :: look -> writer_sleeps = 0; wants = 0
                :: else -> wants = writer_sleeps; which = choosy_sleeps
                fi);
            if :: look -> look = 0; ring_writer() :: else fi
        fi
    od;
    is_free = 0;
    which = 0
}
#else
inline wake_sleeping_writer() {
    STEP(look = (writer_sleeps != 0)); /* as above; what the only reader that blocks releases always makes room */
    if
    :: look -> STEP(look = (writer_sleeps != 0); writer_sleeps = 0)
    :: else
    fi;
    if
    :: look -> look = 0; ring_writer()
    :: else
    fi
}
#endif

inline store_released() {
#ifdef MUTANT_RELEASED_LOOKS_FIRST
    if :: IS_BLOCK(r) -> wake_sleeping_writer() :: else fi;
    STEP(released[r] = mine);
#else
    STEP( /*: store_released */
        released[r] = mine);
#ifndef MUTANT_RELEASE_SILENT
    if :: IS_BLOCK(r) -> wake_sleeping_writer() :: else fi;
#endif
#endif
}

inline give_up() {
    STEP(until = head); /*: give_up_head */
    STEP( /*: give_up_swap */
        if :: state[r] != GONE -> state[r] = GONE; gone_at[r] = until :: else fi;
        until = 0);
}

/* rtm_settle for one who was GONE since `gone`, at `until`. */
inline settle_own() {
    first = SETTLED(mine, (gone < until -> gone : until), REACH(r));
    count_dropped(first - mine);
    COUNT(dropped_gone = dropped_gone + (until - first));
    mine = until;
    first = 0
}

/* rtm_come_back, and for a tap the two looks of rtm_seat_tap. */
inline come_back() {
    turn = 0;
    do
    :: turn < 2 ->
        STEP(until = head); /*: come_back_head */
        d_step {
            if
            :: IS_TAP(r) -> mine = until; COUNT(start = until; delivered = 0; dropped = 0; dropped_gone = 0)
            :: else -> settle_own()
            fi
        }
        reader_commit();
        store_released();
        if
        :: turn == 0 -> STEP(state[r] = ATTACHED) /*: come_back_attached */
        :: else
        fi;
#ifdef MUTANT_ONE_LOOK
        turn = 2
#else
        turn++
#endif
    :: else -> break
    od;
    assert(passed_by[r] <= mine || CUTS + STOPS > 0 && state[r] == GONE); /* nothing will be passed over from here on */
    d_step { turn = 0; until = 0; gone = 0 }
}
