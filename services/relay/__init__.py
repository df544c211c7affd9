"""rtmesh.relay: the process that carries a machine's edges to and from other machines.

frames     messages as bytes on the wire
window     credit and release of one ingress edge: pure
egress     a local ring read for one far puller
ingress    a far ring pulled into a local one
links      which ingress edges are connected, and who watches
carrier    the runs that are carried: their edges, rings and channels
servicer   the two services, translated
"""
