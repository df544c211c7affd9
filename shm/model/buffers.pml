/* buffers.pml: sync points B, D and E on a machine with store buffers (TSO: x86, and what C11's release and
** acquire allow at least). Each process's stores wait in its own first-in first-out buffer; its own loads look
** there first. An ORDERED load waits until the ORDERED stores before it have left the buffer (ARM's stlr and ldar;
** x86 empties the buffer at the store). It does not wait for a plain store, and a plain load waits for none:
** that is all C11 promises of release and acquire. All three points are one shape: each side stores
** its word, then loads the other's; at least one of them must see the other.
**
**   POINT 1 (B): the reader pins, then looks at seq; the writer clears seq, then looks at the pins
**   POINT 2 (D): the waiter sets its bit, then looks at the commit; the other commits, then looks at the bit
**   POINT 3 (E): the reader becomes attached, then loads head; the writer commits, then loads the state
**   POINT 4 (A): the writer fills, then commits; the reader loads the commit, then what was filled. UNORDERED
**                lets the stores leave the buffer in any order (relaxed stores): release keeps the order.
** PLAIN is the access that is weakened: 0 none; 1, 2 store and load of the reader (waiter); 3, 4 of the writer. */
#ifndef PLAIN
#define PLAIN 0
#endif
#define HIS 0  /* word of the reader or waiter: its pin, bit or state; POINT 4: what is filled */
#define OURS 1 /* word of the writer or waker: seq cleared, or the commit */

byte memory[2];
byte waiting[4]; /* [2 * process + word]: a store of 1 is in its buffer, 1: plain, 2: ORDERED */
bit saw_ours, saw_his, done_0, done_1;
bit torn, lost, missed;

inline store(me, word, ordered) { waiting[2 * me + word] = (ordered -> 2 : 1) }
inline load(me, word, result, ordered) {
    atomic {
        (!(ordered) || (waiting[2 * me] != 2 && waiting[2 * me + 1] != 2));
        result = (waiting[2 * me + word] -> 1 : memory[word])
    }
}

/* The machine: a buffered store becomes visible, at any time; what is filled before what is committed. */
#ifdef UNORDERED
#define IS_NEXT(me) true
#else
#define IS_NEXT(me) (waiting[2 * me + HIS] == 0)
#endif
proctype Buffer(byte me) {
end_empty:
    do
    :: d_step { waiting[2 * me + HIS] -> memory[HIS] = 1; waiting[2 * me + HIS] = 0 }
    :: d_step { waiting[2 * me + OURS] && IS_NEXT(me) -> memory[OURS] = 1; waiting[2 * me + OURS] = 0 }
    od
}

#if POINT == 4
proctype Writer() {
    store(0, HIS, 0); /* fills the entry */
    store(0, OURS, 0) /* commits */
}
proctype Reader() {
    bit commit, filled;
    load(1, OURS, commit, 0);
    load(1, HIS, filled, 0);
    assert(!commit || filled) /* what is committed is there */
}
#else
proctype Reader() {
    store(1, HIS, PLAIN != 1);                                        /* rtm_pin, rtm_set_sleeper, rtm_come_back */
    load(1, OURS, saw_ours, PLAIN != 2);
    done_1 = 1
}
proctype Writer() {
    store(0, OURS, PLAIN != 3);                                      /* rtm_unpublish, rtm_writer_commit */
    load(0, HIS, saw_his, PLAIN != 4);
    done_0 = 1
}
#endif

init {
    atomic { run Writer(); run Reader(); run Buffer(0); run Buffer(1) }
#if POINT != 4
    (done_0 && done_1);
    torn = (POINT == 1 && !saw_ours && !saw_his);   /* it reads a slot that the writer takes for free */
    lost = (POINT == 2 && !saw_ours && !saw_his);   /* it sleeps, and nobody rings */
    missed = (POINT == 3 && !saw_ours && !saw_his); /* it starts below head, and the writer passed it over */
    assert(!torn && !lost && !missed)
#endif
}
