"""What stands in words beside the figures."""

from __future__ import annotations

TITLE = "Between two machines"
METHOD = (
    "Two hosts joined by {link}, on one computer: both share its CPUs and its monotonic clock, so one way"
    " can be timed. A sender on the left host, a receiver on the right; TCP, no TLS. Harness, loops and "
    "rules are those of the ring's benchmark: fresh processes for each run of each system, every system "
    "once and then all again, the median over the runs of each figure of one run, nothing trimmed, warm-"
    "up by number (500 messages of 64 B, 100 of the larger; 100 at 1 kHz). For rtmesh a message goes from"
    " a ring of the left host through both hosts' relays into a ring of the right one; the two nodes and "
    "the two relays share the CPUs, and nobody spins. A bare stream is a program of its own around one "
    "bidirectional gRPC call: what gRPC itself costs. *Tuned* ones have the settings of gRPC and of the "
    "allocator that the table of settings names; our relays have such settings, too. Each rival gets what is "
    "fastest for the case; who is ahead of us is told also where no target names it."
)
