/* others.pml: rtmesh_manage.h (the undertaker, the looks), and the clock. None of them is mortal. */

/* Absent, or gone for good; a tap is always gone. */
inline mark_seat(r) {
    if
    :: !IS_TAP(r) && !GONE_ONLY ->
        atomic { /*: bury_absent */
            if
            :: state[r] == ATTACHED -> state[r] = ABSENT; since[r] = LATELY
#ifndef MUTANT_FIRST_DEATH_FORGOTTEN
            :: state[r] == ABSENT && since[r] == NEVER -> since[r] = LATELY /* it died in its first attach */
#endif
            :: else
            fi
        }
    :: until = head; /* rtm_give_up */
        d_step { /*: bury_gone */
            if :: state[r] != GONE -> state[r] = GONE; gone_at[r] = until :: else fi;
            until = 0
        }
    fi
}

/* The dead reader's place is taken first, so that a successor's pins stay (SYNC F). */
inline bury_reader(r) {
#ifdef MUTANT_UNDERTAKER_WITHOUT_SEAT
    died_r[r] = 0;
#else
    d_step { /*: bury_replace */
        died_r[r] = 0;
        if :: owner[r] == DEAD || owner[r] == NOBODY -> owner[r] = UNDERTAKER :: else fi
    }
    if :: owner[r] != UNDERTAKER -> goto next :: else fi;
#endif
#ifndef MUTANT_UNDERTAKER_KEEPS_PINS
    pin[r] = 0; /*: bury_pins */
#endif
    sleepers = sleepers & ~(1 << r); /*: bury_sleeper */
    if
    :: IS_TAP(r) -> d_step { state[r] = FREE; gone_at[r] = 0 } /*: bury_tap */
    :: else -> mark_seat(r)
    fi;
    d_step { if :: owner[r] == UNDERTAKER -> owner[r] = NOBODY :: else fi } /*: bury_leave_seat */
#ifndef MUTANT_UNDERTAKER_SILENT
    d_step { ring_space_bell() } /*: bury_bell */
    d_step { wake_space_bell() } /*: bury_wake */
#endif
}

/* A reader that lives. Seat and pins stay its own, and by the time its seat is marked it may be another's. */
inline cut_off(r) {
#ifdef MUTANT_CUT_OFF_CLEARS_PINS
    pin[r] = 0;
#endif
    mark_seat(r);
#ifndef MUTANT_CUT_OFF_SILENT
    d_step { ring_space_bell() } /*: cut_bell */
    d_step { wake_space_bell() } /*: cut_wake */
#endif
    skip
}

proctype Undertaker() {
    byte until;
end_next:
next:
    do
    :: died_w ->
        d_step { /*: bury_writer_replace */
            died_w = 0;
            if :: owner_w == DEAD || owner_w == NOBODY -> owner_w = UNDERTAKER :: else fi
        }
        if
        :: owner_w == UNDERTAKER ->
            owner_w = NOBODY; /*: bury_writer_leave_seat */
#ifndef MUTANT_WRITER_DIED_SILENT
            d_step { ring_data_bell() } /*: bury_writer_bell */
            d_step { wake_data_bell() } /*: bury_writer_wake */
#endif
        :: else
        fi
    :: died_r[0] -> bury_reader(0)
    :: died_r[1] -> bury_reader(1)
#if CUTS + STOPS > 0
    :: d_step { cuts > 0 && owner[0] == LIVING -> cuts-- } cut_off(0) /*: cut_look */
    :: d_step { cuts > 0 && owner[1] == LIVING -> cuts-- } cut_off(1) /* as above */
#endif
    od
}

/* hold_absent is over at any time after a reader became absent. */
proctype Clock() {
end_tick:
    do
    :: d_step { state[0] == ABSENT && since[0] == LATELY -> since[0] = LONG_AGO }
    :: d_step { state[1] == ABSENT && since[1] == LATELY -> since[1] = LONG_AGO }
    od
}

#ifdef LOOKER
/* One look, at any time: at reader LOOKER, or (2) at the writer. */
proctype Looker() {
    byte word_head, word_version, r, start, delivered, dropped, dropped_gone, st, gone, rel, now, first, epoch;
#if LOOKER < READERS
    r = LOOKER;
again:
    now = 0;
    d_step { word_head = taken[r]; word_version = version_r[r] } /*: look_word */
    d_step { rel = released[r]; st = state[r]; gone = gone_at[r] } /*: look_state */
    d_step { /*: look_delivered */
        start = start_j[2 * r + word_version % 2];
        delivered = delivered_j[2 * r + word_version % 2]
    }
    d_step { /*: look_dropped */
        dropped = dropped_j[2 * r + word_version % 2];
        dropped_gone = dropped_gone_j[2 * r + word_version % 2]
    }
    if
    :: d_step { !(taken[r] == word_head && version_r[r] == word_version) -> word_head = 0 } goto again /*: look_again */
    :: else
    fi;
    now = head; /*: look_head */
    d_step { /*: look_settle */
        assert(start + delivered + dropped + dropped_gone == word_head);
        assert(word_head <= now && (rel <= word_head || IS_TAP(r)));
        if
        :: st == FREE
        :: else ->
            first = SETTLED(word_head, (st == GONE && gone < now -> gone : now), REACH(r));
            if
            :: IS_BLOCK(r) -> dropped_gone = dropped_gone + (first - word_head)
            :: else -> dropped = dropped + (first - word_head)
            fi;
            if :: st == GONE -> dropped_gone = dropped_gone + (now - first); first = now :: else fi;
            /* sent = delivered + dropped + in flight, and a reader that blocks lost only what passed it */
            assert(start + delivered + dropped + dropped_gone + (now - first) == now);
            assert(!IS_BLOCK(r) || dropped == 0)
        fi;
        start = 0; delivered = 0; dropped = 0; dropped_gone = 0; st = 0; gone = 0; rel = 0; now = 0; first = 0
    }
#else
    d_step { word_head = head; word_version = version } /*: look_writer_word */
    d_step { now = journal_head[word_version % 2]; epoch = journal_epoch[word_version % 2] } /*: look_writer_journal */
    if
    :: d_step { head == word_head && version == word_version -> /*: look_writer_again */
            assert(now == word_head && (word_head == 0 || epoch > 0)) }
    :: else
    fi
#endif
}
#endif
