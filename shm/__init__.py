"""rtmesh.shm: broadcast rings in POSIX shared memory, one writer and many readers.

ring = create_ring(name, RingLayout(64, 65536, (ReaderLayout("decoder.bins", Policy.BLOCK, 64),)))
writer, reader = Writer(name), Reader(name, 0)
while not writer.try_publish(data, now_ns):
    wait(writers=[writer])
while (view := reader.next()) is not None:
    use(view)
"""

from rtmesh.shm._native import ChunkData, CourseClock, EdgeData
from rtmesh.shm.errors import (
    CorruptRingError,
    LayoutMismatchError,
    MessageTooLargeError,
    NoSpareReaderError,
    ReaderAttachedError,
    ReaderGoneError,
    RingError,
    SegmentExistsError,
    SegmentNotFoundError,
    SegmentOwnerError,
    SharedMemoryFullError,
    StreamEndedError,
    WriterAttachedError,
)
from rtmesh.shm.layout import (
    Histogram,
    Policy,
    ReaderLayout,
    ReaderSnapshot,
    ReaderState,
    RingLayout,
    RingSnapshot,
)
from rtmesh.shm.ring import (
    FRAME_CARE,
    FRAME_MORE,
    Doorbell,
    Outflow,
    Reader,
    Ring,
    View,
    Writer,
    create_ring,
    publish_records,
    split_frame,
    take_frame,
    take_records,
    wait,
)
from rtmesh.shm.segment import (
    SEGMENT_HEADER_BYTES,
    create_segment,
    list_segments,
    machine_prefix,
    open_segment,
    segment_name,
    sweep,
    unlink_segment,
)

__all__ = [
    "FRAME_CARE",
    "FRAME_MORE",
    "SEGMENT_HEADER_BYTES",
    "ChunkData",
    "CorruptRingError",
    "CourseClock",
    "Doorbell",
    "EdgeData",
    "Histogram",
    "LayoutMismatchError",
    "MessageTooLargeError",
    "NoSpareReaderError",
    "Outflow",
    "Policy",
    "Reader",
    "ReaderAttachedError",
    "ReaderGoneError",
    "ReaderLayout",
    "ReaderSnapshot",
    "ReaderState",
    "Ring",
    "RingError",
    "RingLayout",
    "RingSnapshot",
    "SegmentExistsError",
    "SegmentNotFoundError",
    "SegmentOwnerError",
    "SharedMemoryFullError",
    "StreamEndedError",
    "View",
    "Writer",
    "WriterAttachedError",
    "create_ring",
    "create_segment",
    "list_segments",
    "machine_prefix",
    "open_segment",
    "publish_records",
    "segment_name",
    "split_frame",
    "sweep",
    "take_frame",
    "take_records",
    "unlink_segment",
    "wait",
]
