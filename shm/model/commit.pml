/* commit.pml: an entry, the commit and its bells (rtm_fill_entry, rtm_writer_commit). */

inline writer_journal() {
    STEP( /*: writer_journal */
        journal_epoch[(wversion + 1) % 2] = epoch;
        LOOKED_AT(journal_head[(wversion + 1) % 2] = whead));
}

inline ring_readers() {
    STEP(ring_data_bell()); /*: bell_value */
    STEP(wake_data_bell()); /*: bell_wake */
}

inline writer_commit() {
#ifndef MUTANT_JOURNAL_AFTER_COMMIT
    writer_journal();
#endif
    STEP( /*: writer_commit */
        wversion = (wversion + 1) % VERSIONS;
        head = whead;
        version = wversion;
        ended = last;
        assert(KEEPS_QUEUE(0) && KEEPS_QUEUE(1)));
#ifdef MUTANT_JOURNAL_AFTER_COMMIT
    STEP(journal_epoch[wversion % 2] = epoch; LOOKED_AT(journal_head[wversion % 2] = whead));
#endif
    STEP(st = (sleepers != 0)); /*: writer_sleepers */
    if
    :: st -> STEP(st = (sleepers != 0); sleepers = 0) /*: writer_clears_sleepers */
    :: else
    fi;
    if
    :: st ->
        st = 0;
        ring_readers()
    :: else
    fi
}

/* What is written is not being read. */
#define WRITE_HALF(half) \
    assert(held[0] != claimed && held[1] != claimed); \
    half[claimed] = STAMP(whead, epoch)

inline fill_entry() {
    STEP(entry_slot[whead % N] = claimed); /*: entry_slot */
    STEP(entry_epoch[whead % N] = epoch); /*: entry_epoch */
    STEP( /*: entry_seq */
        seq[whead % N] = whead + 1;
        slot_of[whead % N] = claimed;
        claimed = 0);
}
