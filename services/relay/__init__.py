"""rtmesh.relay: the process that carries a machine's edges to and from other machines.

frames        messages as bytes on the wire
window        credit and release of one ingress edge: pure
egress        an edge that leaves: a reader's seat, lent to one pull at a time
pull          one pull: a ring read against credit
outbox        from the thread that reads to the event loop that writes
ingress       an edge that enters: pulled again and again until its end
ingress_ring  the ring it fills
granter       telling the far side what was released
links         which ingress edges are connected, and who watches
carrier       the runs that are carried: their edges and channels
servicer      the two services, translated
"""
