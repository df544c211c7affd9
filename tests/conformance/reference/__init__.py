"""What an edge means, said in the plainest Python: the specification that every transport is held to.

The public face is that of rtmesh.shm, in the memory of this process, for one thread. Nothing here is fast,
nothing is atomic; a message is in a dict until nobody can be given it any more. What it must show is the
meaning: who is given what, who holds the writer, and what every account says. Read in this order:

    seat.py      one reader: its policy, its queue, its account
    memory.py    what the writer and all readers share, and who holds the writer
    ring.py      Ring: accounts, and what is done for the dead
    writer.py    Writer
    reader.py    Reader, View
    latencies.py the values behind a histogram, all of them
"""

from tests.conformance.reference.reader import Reader, View
from tests.conformance.reference.ring import Ring, create_ring
from tests.conformance.reference.writer import Writer

__all__ = ["Reader", "Ring", "View", "Writer", "create_ring"]
