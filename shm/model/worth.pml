/* worth.pml: is what the writer sleeps for there (rtm_missing, rtm_is_wanted_released)? The writer and a
** reader include it each with a death of its own. */

#define MAY_WAIT(what, reader) \
    (what == WANTS_RELEASED -> 0 : (what == WANTS_HALF -> QUEUE(reader) / 2 : QUEUE(reader) - 1))

inline WORTH_WAKING(what) {
    if
    :: what != WANTS_RELEASED -> STEP(now = head) /*: missing_head */
    :: what == WANTS_RELEASED -> STEP(now = wanted) /*: wanted_position */
    fi;
    other = 0;
    is_free = 1;
    do
    :: other < READERS && is_free ->
        if
        :: COUNTS(other) ->
            STEP(is_free = !COUNTS_STATE(other)); /*: worth_state */
            if
            :: !is_free ->
                STEP( /*: worth_released */
                    is_free = (now <= released[other] + MAY_WAIT(what, other)))
            :: else
            fi
        :: else
        fi;
        other++
    :: else -> break
    od;
    now = 0;
    other = 0
}
#undef MAY_WAIT
