/* ring.pml: the ring's algorithm, for spin. Every d_step is one load, store or compare-and-swap of shared
** memory (or one that nobody else can tell apart); between any two of them any other process may run, and a
** mortal process may be killed. The tags name the steps; README.md maps each to its C statement.
** Reader 0 blocks; reader 1 drops (queue 1: latest; queue N: drop_oldest), is a tap, or blocks (BLOCKS_1). */

#ifndef N
#define N 2
#endif
#define READERS 2
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef QUEUE_0
#define QUEUE_0 1
#endif
#ifndef QUEUE_1
#define QUEUE_1 N
#endif
#ifdef MUTANT_ONE_SLOT_LESS
#define SLOTS (N + 1) /* for ALONE: N published, one pinned, one claimed are N + 2 */
#else
#define SLOTS (N + READERS + 1) /* hold is 0: one pin a reader */
#endif

/* How often whom may be killed; how often who may leave or be cut off. */
#ifndef KILLS
#define KILLS 0
#endif
#ifndef MORTAL_WRITER
#define MORTAL_WRITER 0
#endif
#ifndef MORTAL_0
#define MORTAL_0 0
#endif
#ifndef MORTAL_1
#define MORTAL_1 0
#endif

#ifndef ALONE
#define ALONE 2 /* 0 or 1: only this reader is there */
#endif
#ifndef DEPARTURES
#define DEPARTURES 0
#endif

/* How often meshd cuts off a reader that lives; how often one stops, with a pin, until the stream has ended. */
#ifndef CUTS
#define CUTS 0
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef GONE_ONLY
#define GONE_ONLY 0 /* 1: who leaves or is marked is gone at once, never absent first */
#endif

/* SMALL: a message may be small, and then go without a survey. MOST: how far head may get in this way. */
#ifdef SMALL
#define KNOW(...) __VA_ARGS__
#else
#define KNOW(...) skip
#endif
#ifndef MOST
#define MOST (N / 2)
#endif
/* HALVES: a writer that is full sleeps for half of every queue at first.
** RELEASES: before each message it waits until all that went before are released; readers that block only.
** With two readers that block it matters which release it is rung for, also when it sleeps for room. */
#if defined(HALVES) || defined(RELEASES) || defined(BLOCKS_1)
#define CHOOSY
#define CHOICE(...) __VA_ARGS__
#else
#define CHOICE(...) skip
#endif
#ifdef HALVES
#define FIRST_SLEEP HALF
#define AFTER_SLEEP AGAIN
#define HALVE(...) __VA_ARGS__
#else
#define HALVE(...) skip
#define FIRST_SLEEP ROOM
#define AFTER_SLEEP CLAIM
#endif

#ifdef BLOCKS_1
#define IS_BLOCK(r) 1
#else
#define IS_BLOCK(r) (r == 0)
#endif
#define QUEUE(r) (r == 0 -> QUEUE_0 : QUEUE_1)
#define REACH(r) (IS_BLOCK(r) -> N : QUEUE_1)
#ifdef TAP
#define IS_TAP(r) (r == 1)
#else
#define IS_TAP(r) 0
#endif

/* One step, or death in its place. */
#define STEP(...) if :: d_step { __VA_ARGS__ } :: atomic { MORTAL -> kills--; goto died } fi

#define FREE 0
#define ATTACHED 1
#define ABSENT 2
#define GONE 3
#define NEVER 0   /* since: never attached; */
#define LATELY 1  /* less than hold_absent ago; */
#define LONG_AGO 2
#define NOBODY 0
#define LIVING 1
#define DEAD 2
#define UNDERTAKER 3
#define AWAKE 0   /* a waiter and its bell: the kernel would not let it sleep; */
#define NOTED 1   /* it has noted the bell, which has not rung since; */
#define ASLEEP 2
#define WANTS_ROOM 1
#define WANTS_HALF 2
#define WANTS_RELEASED 3
#define CLAIM 0   /* what the writer surveys the readers for: a claim; */
#define HALF 1    /* the look after its bit, before it sleeps for half of every queue; */
#define AGAIN 2   /* the look after it slept; */
#define ROOM 3    /* the look after its bit, before it sleeps for room; */
#define ALL 4     /* or until all is released */

/* The ring. The commit words are pairs that are stored and loaded in one step. */
/* Versions are told apart only by who looks on; else the half of the journal is enough. */
#ifdef LOOKER
#define VERSIONS 4
#define LOOKED_AT(x) x
#else
#define VERSIONS 2
#define LOOKED_AT(x) skip
#endif
byte head, version;
bit ended;
byte journal_epoch[2], journal_head[2];
byte owner_w;
byte writer_sleeps;
byte sleepers;                 /* a bit a reader */
byte bell_w, bell[READERS];    /* what the bells' values come to: AWAKE, NOTED or ASLEEP */
byte seq[N], entry_slot[N], entry_epoch[N];
byte half_a[SLOTS + 1], half_b[SLOTS + 1]; /* slots are counted from 1: 0 is none */
byte owner[READERS], state[READERS], since[READERS], gone_at[READERS];
byte taken[READERS], version_r[READERS], released[READERS], pin[READERS];
#ifdef ACCOUNTS
byte start_j[4], delivered_j[4], dropped_j[4], dropped_gone_j[4]; /* 2 * reader + half */
#endif

/* What only the checks know. */
byte kills = KILLS, departures = DEPARTURES;
byte held[READERS];            /* slot that a reader may be reading now */
byte passed_by[READERS];       /* below this the writer passed the reader while it was gone */
bit died_w, died_r[READERS];   /* not buried yet */
byte finished;
byte cuts = CUTS, stops = STOPS;
#ifdef CHOOSY
byte wanted;                   /* of the header; */
byte choosy_sleeps;            /* how often the writer has set what it wants */
#endif
#ifdef HALVES
byte waited_for;               /* what all were behind by when it began to sleep for half */
#endif
/* What waits for a reader that can hold the writer, and what that is little enough for. */
#define WAITING(r) (!IS_BLOCK(r) || state[r] == GONE || head < released[r] -> 0 : head - released[r])
#define HALF_IS_FREE (WAITING(0) <= QUEUE(0) / 2 && WAITING(1) <= QUEUE(1) / 2)
#define THERE_IS_ROOM (WAITING(0) < QUEUE(0) && WAITING(1) < QUEUE(1))
/* A reader that blocks and is not gone never has more than its queue waiting. */
#define WAITS_FROM(r) (released[r] > passed_by[r] -> released[r] : passed_by[r])
#define KEEPS_QUEUE(r) (!IS_BLOCK(r) || state[r] == GONE || head - WAITS_FROM(r) <= QUEUE(r))
#define STAMP(position, epoch) ((position) + 1 + 16 * (epoch))
#define SETTLED(from, until, reach) ((until) > (reach) && (until) - (reach) > (from) -> (until) - (reach) : (from))

inline ring_data_bell() {      /* the value changes: who has only noted it will not sleep */
    if :: bell[0] == NOTED -> bell[0] = AWAKE :: else fi;
    if :: bell[1] == NOTED -> bell[1] = AWAKE :: else fi
}
inline wake_data_bell() {
    if :: bell[0] == ASLEEP -> bell[0] = AWAKE :: else fi;
    if :: bell[1] == ASLEEP -> bell[1] = AWAKE :: else fi
}
inline ring_space_bell() { if :: bell_w == NOTED -> bell_w = AWAKE :: else fi }
inline wake_space_bell() { if :: bell_w == ASLEEP -> bell_w = AWAKE :: else fi }

/* Whose queue counts for room and half (of OWN, unless that is READERS, its own alone would be the mutant). */
#if defined(MUTANT_HALF_OF_OWN_QUEUE) || defined(MUTANT_ROOM_OF_OWN_QUEUE)
#define COUNTS(reader) (IS_BLOCK(reader) && (OWN == READERS || OWN == reader))
#else
#define COUNTS(reader) IS_BLOCK(reader)
#endif
#ifdef MUTANT_COUNTS_THE_GONE
#define COUNTS_STATE(reader) true
#else
#define COUNTS_STATE(reader) (state[reader] != GONE)
#endif

#include "writer.pml"
#include "reader.pml"
#include "others.pml"

init {
    byte r;
    d_step {
        state[0] = (ALONE == 1 -> GONE : ABSENT);
        state[1] = (ALONE == 0 -> GONE : (IS_TAP(1) -> FREE : ABSENT));
        r = 0
    }
    atomic {
        run Writer();
        if :: ALONE != 1 -> run Reader(0) :: else -> finished++ fi;
        if :: ALONE != 0 -> run Reader(1) :: else -> finished++ fi;
        run Undertaker();
        run Clock();
#ifdef LOOKER
        run Looker()
#endif
    }
    (finished == 3 && !died_w && !died_r[0] && !died_r[1] && owner[0] != UNDERTAKER && owner[1] != UNDERTAKER
        && owner_w != UNDERTAKER);
    /* Nothing is left behind: no slot is protected for the dead, no stream is open. */
    d_step {
        assert(ended);
        assert(pin[0] == 0 && pin[1] == 0);
        assert(taken[0] <= head && taken[1] <= head);
        r = 0
    }
}
