"""What can go wrong with a segment or a ring.

RingError
├── SegmentExistsError      a segment of this name exists
├── SegmentNotFoundError    no segment has this name
├── SegmentOwnerError       it is another user's
├── SharedMemoryFullError   /dev/shm has no room
├── LayoutMismatchError     not a ring, or of another layout version
├── CorruptRingError        what it holds cannot be
├── WriterAttachedError     a living process is its writer
├── ReaderAttachedError     a living process sits in this reader's seat
├── NoSpareReaderError      no spare seat is free for a tap
├── MessageTooLargeError    the message does not fit in a slot
├── StreamEndedError        published after the end of the stream
└── ReaderGoneError         taken by a reader that was marked gone
"""


class RingError(Exception):
    """A segment or ring could not do what was asked; the text names it and the value."""


class SegmentExistsError(RingError):
    """A segment of this name exists."""


class SegmentNotFoundError(RingError):
    """No segment has this name."""


class SegmentOwnerError(RingError):
    """The segment belongs to another user."""


class SharedMemoryFullError(RingError):
    """/dev/shm has no room for the segment; nothing was left behind."""


class LayoutMismatchError(RingError):
    """The segment is no ring, or was made with another layout version."""


class CorruptRingError(RingError):
    """The ring holds what no program of this layout version writes."""


class WriterAttachedError(RingError):
    """A living process is the ring's writer."""


class ReaderAttachedError(RingError):
    """A living process sits in this reader's seat."""


class NoSpareReaderError(RingError):
    """All spare seats are taken."""


class MessageTooLargeError(RingError):
    """The message is longer than the ring's slots."""


class StreamEndedError(RingError):
    """The stream has ended: nothing more can be published."""


class ReaderGoneError(RingError):
    """The reader was marked gone while it lived; it must attach again, and starts at head."""
