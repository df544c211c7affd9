"""What stands in words beside the figures."""

from __future__ import annotations

from bench.net.cases import HOW_AWAKE

TITLE = "Between two machines"
METHOD = (
    "Two hosts joined by {link}, on one computer with one monotonic clock, so one way can be timed. A sender "
    "on the left host, a receiver on the right; TCP, no TLS. Harness, loops and rules are those of the "
    "ring's benchmark: fresh processes for each run of each system, every system once, then all again, the "
    "median over the runs of each figure of one run, nothing trimmed, warm-up by number (500 messages of "
    "64 B, 100 of the larger; 100 at 1 kHz). **Two settings**, both in every run. *As it comes*: the kernel "
    "places all processes of both hosts on all CPUs, and a CPU that has nothing to do sleeps. *"
    f"{HOW_AWAKE[0].upper()}{HOW_AWAKE[1:]}*, as a laboratory sets its computers up: the bench holds "
    "/dev/cpu_dma_latency at 0 during a session, so that no CPU sleeps, and all processes of the left host, "
    "whosesoever (nodes, relays, brokers, daemons), have the first CPU alone, those of the right host the "
    "second: two computers share no CPU. The second is for latencies only. For rtmesh a message goes from a "
    "ring of the left host through both hosts' relays into a ring of the right one; nobody spins. As it "
    "comes, rtmesh has one thing that the others have not: meshd looks after the CPUs of its nodes and its "
    "relay, so each host has that code of meshd (`cpu_keeper`), which has them share a CPU while they are "
    "calm; of the left host it may take the first, of the right one the second, as two computers share none. "
    "The server of "
    "Redis is on the left host, as are dora's coordinator and ezmsg's graph server; a daemon of dora is on "
    "each. A bare stream is a program of its own around one bidirectional gRPC call: what gRPC itself costs; "
    "the *floor* is the best of all five of them in a case. *Tuned* ones have the settings of gRPC and of "
    "the allocator that the table of settings names; our relays have such settings, too. What **an edge at "
    "1 kHz beside a saturated one** costs is found inside one session, in phases of 0.6 s in turns, eight "
    "of each kind: the large edge alone; beside the small one; beside the small one's two processes "
    "while these do the same over a ring in one machine (the floor: what two more processes cost). The first "
    "0.1 s of a phase settles and is not counted; a cost is 1 less the ratio of two medians over a session's "
    "phases, and the figure the median over the sessions. Each rival gets "
    "what is fastest for the case; who is ahead of us is told also where no target names it."
)
