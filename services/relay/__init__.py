"""rtmesh.relay: the process that carries a machine's edges to and from other machines.

frames        messages as bytes on the wire
window        credit and release of one edge that enters: pure
egress        an edge that leaves: a reader's seat, lent to one lane at a time
outgoing      the edge on a lane: its ring read against credit
departures    all that leave on one lane, as its sending thread sees them
ingress       an edge that enters: opened on one lane after the other until its end
ingress_ring  the ring it fills
lane          a stream between two machines: many edges, both directions
stream        a lane as the wire sees it
far_machine   another machine: its lanes, kept up
links         which ingress edges are connected, and who watches
carrier       the runs that are carried: their edges and machines
servicer      the two services, translated
wire          what lanes ask of gRPC
http2         .. by HTTP/2 of our own
  http2_frames      frames and headers
  http2_outlet      who writes on a connection, and how much
  http2_link        a connection: its calls, and who receives
  http2_calls       one call each: a lane's frames
  http2_connection  what is dialled
  http2_listener    where others dial
sockets       addresses, and when a connection is dead
threads       those of lanes and connections
ordinary      .. by the library grpc
tuning        time slices, and memory for large messages
serve         the process: both addresses, until a signal
"""
