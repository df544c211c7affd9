/* half.pml: rtm_is_half_free, for the writer and for a reader: they include it each with its own death. */

inline LOOKS_FOR_HALF() {
    STEP(now = head); /*: half_head */
    other = 0;
    is_free = 1;
    do
    :: other < READERS && is_free ->
        if
        :: COUNTS(other) ->
            STEP(is_free = !HALF_STATE(other)); /*: half_state */
            if
            :: !is_free -> STEP(is_free = (now < released[other] + QUEUE(other) / 2 + 1)) /*: half_released */
            :: else
            fi
        :: else
        fi;
        other++
    :: else -> break
    od;
    d_step { now = 0; other = 0 }
}
