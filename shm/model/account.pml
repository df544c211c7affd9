/* account.pml: a reader's journal and its commit (rtm_reader_commit). */

/* Accounts are kept only where they are checked: they multiply the states. */
#ifdef ACCOUNTS
#define COUNT(...) __VA_ARGS__
inline load_journal() {
    start = start_j[2 * r + rversion % 2];
    delivered = delivered_j[2 * r + rversion % 2];
    dropped = dropped_j[2 * r + rversion % 2];
    dropped_gone = dropped_gone_j[2 * r + rversion % 2];
    assert(start + delivered + dropped + dropped_gone == mine)
}
#ifdef MUTANT_JOURNAL_LIVE_HALF
#define HALF (2 * r + rversion % 2)
#else
#define HALF (2 * r + (rversion + 1) % 2)
#endif
inline reader_journal() {
    STEP(start_j[HALF] = start; delivered_j[HALF] = delivered); /*: reader_journal_delivered */
    STEP(dropped_j[HALF] = dropped; dropped_gone_j[HALF] = dropped_gone); /*: reader_journal_dropped */
}
#else
#define COUNT(...) skip
inline load_journal() { skip }
inline reader_journal() { skip }
#endif

/* `count` messages are lost to this reader, for its policy's reason. */
inline count_dropped(count) {
    COUNT(if :: IS_BLOCK(r) -> dropped_gone = dropped_gone + (count) :: else -> dropped = dropped + (count) fi)
}

inline reader_commit() {
    reader_journal();
    STEP( /*: reader_commit */
        COUNT(rversion = (rversion + 1) % VERSIONS; version_r[r] = rversion);
        taken[r] = mine);
}
