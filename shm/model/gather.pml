/* gather.pml: how far the readers have got, and the slots they are done with (rtm_survey to rtm_gather). */

#ifdef MUTANT_NEVER_GONE
#define MARKED 0
#else
#define MARKED marked
#endif
#ifdef MUTANT_LIMIT_WITHOUT_GONE
#define GONE_LIMITS 0
#else
#define GONE_LIMITS 1
#endif

inline lower_limit(head_then) { /*: lower_limit */
    KNOW(if :: IS_BLOCK(r) && (head_then) < limit -> limit = (head_then) :: else fi)
}

#ifdef MUTANT_LIMIT_TOO_HIGH
#define LIMIT (limit + 1)
#else
#define LIMIT limit
#endif

/* Sets `least`, `holder`, `until` (readers that will be gone by time), `limit`. */
inline survey() {
    d_step { until = 0; least = whead; holder = 0; r = 0; KNOW(limit = 255) }
    do
    :: r < READERS ->
        STEP( /*: survey_state */
            st = state[r];
            position = whead;
            if :: st == GONE -> passed_by[r] = whead :: else fi;
            if :: GONE_LIMITS && (st == GONE || st == FREE) -> lower_limit(whead + QUEUE(r)) :: else fi);
        if
        :: st == FREE || st == GONE
        :: else ->
            STEP( /*: survey_released */
                rel = (released[r] > whead -> whead : released[r]);
                lower_limit(rel + QUEUE(r));
                marked = (IS_BLOCK(r) && st == ABSENT && since[r] == LONG_AGO);
                if
                :: whead - rel < QUEUE(r) -> position = rel; marked = 0
                :: else ->
                    position = (IS_BLOCK(r) -> rel : whead - QUEUE(r));
                    holder = (IS_BLOCK(r) && !MARKED -> 1 : holder);
                    until = (IS_BLOCK(r) && !MARKED && st == ABSENT -> until | (1 << r) : until)
                fi;
                rel = 0);
            if
            :: MARKED ->
#ifdef MUTANT_MARK_WITHOUT_SWAP
                STEP(state[r] = GONE; gone_at[r] = whead; passed_by[r] = whead; position = whead);
#else
                STEP( /*: survey_mark_gone */
                    if
                    :: state[r] == ABSENT && since[r] == LONG_AGO ->
                        state[r] = GONE;
                        gone_at[r] = whead;
                        passed_by[r] = whead;
                        position = whead
                    :: else -> holder = 1 /* it has just come back */
                    fi);
#endif
            :: else
            fi
        fi;
        d_step {
            least = (position < least -> position : least);
            marked = 0;
            st = 0;
            position = 0;
            r++
        }
    :: else -> break
    od;
    r = 0
}

#ifdef MUTANT_GIVE_WAY_FREES
inline put_into_limbo(which_slot) { free_slots[free_count] = which_slot; free_count++ }
#else
inline put_into_limbo(which_slot) { limbo[limbo_count] = which_slot; limbo_count++ }
#endif

inline unpublish(position) {
    if
    :: slot_of[(position) % N] ->
        STEP( /*: unpublish_seq */
            seq[(position) % N] = 0;
            put_into_limbo(slot_of[(position) % N]);
            slot_of[(position) % N] = 0);
    :: else
    fi
}

inline scan_pins() {
    pinned = 0;
    r = 0;
    do
    :: r < READERS ->
#ifdef TAP
        STEP(st = state[r]); /*: scan_state */
        if
        :: st != FREE -> STEP(if :: pin[r] -> pinned = pinned | (1 << pin[r]) :: else fi); /* as below */
        :: else
        fi;
#else
        STEP(if :: pin[r] -> pinned = pinned | (1 << pin[r]) :: else fi); /*: scan_pin */
#endif
        st = 0;
        r++
    :: else -> break
    od;
    r = 0
}

inline sift_limbo() {
    d_step { /*: sift */
        i = 0;
        kept = 0;
        do
        :: i < limbo_count ->
            slot = limbo[i];
            limbo[i] = 0;
            if
            :: pinned & (1 << slot) -> limbo[kept] = slot; kept++
            :: else ->
                free_slots[free_count] = slot;
                free_count++;
                half_a[slot] = 0; /* whoever still reads it shall be caught */
                half_b[slot] = 0
            fi;
            i++
        :: else -> break
        od;
        limbo_count = kept;
        kept = 0;
        i = 0;
        slot = 0;
        pinned = 0
    }
}

inline gather() {
#ifdef MUTANT_PINS_BEFORE_UNPUBLISH
    scan_pins();
    do
    :: wtail < least -> unpublish(wtail); wtail++
    :: else -> break
    od;
#else
    do
    :: wtail < least -> unpublish(wtail); wtail++
    :: else -> break
    od;
#ifndef MUTANT_PINS_IGNORED
    if :: limbo_count -> scan_pins() :: else fi;
#endif
#endif
    sift_limbo();
    d_step { /*: surveyed_to */
        least = 0;
        KNOW(surveyed_to = (LIMIT < whead + MOST -> LIMIT : whead + MOST); limit = 0)
    }
}

/* In a d_step: what a process knew is gone with it. */
inline forget_slots() {
    i = 0;
    do
    :: i < N -> slot_of[i] = 0; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < SLOTS -> free_slots[i] = 0; limbo[i] = 0; i++
    :: else -> break
    od;
    i = 0
}
