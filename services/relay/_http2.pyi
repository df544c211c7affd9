"""gRPC messages in DATA frames of HTTP/2."""

class Receiver:
    """What comes on one connection. `next` is for one thread, the others for any.

    Args:
        descriptor: of a socket that blocks; it stays the caller's.
        most_message_bytes: a longer message is refused.
    """

    def __init__(self, descriptor: int, most_message_bytes: int, /) -> None: ...
    def next(self) -> bytes | tuple[int, bytes | int | None] | None:
        """Wait for what comes next.

        Returns:
            (stream, message) of a stream that is wanted; (stream, None): it has no more;
            (stream, bytes): the other side is to be told that it may send so many more, on this stream or,
            if it is 0, on all together; another frame, with its head; None: the connection has ended.

        Raises:
            OSError: the connection breaks.
            ValueError: what comes is not HTTP/2, or no message of gRPC.
        """

    def want(self, stream: int, /) -> None:
        """Take the messages of this stream from now on; those of others are passed over."""

    def forget(self, stream: int, /) -> None:
        """Take no more of it; nothing if nobody wanted it."""

def send_message(descriptor: int, stream: int, message: bytes, most_frame_bytes: int, /) -> None:
    """Send a message of gRPC in DATA frames; returns when the socket has taken all of it.

    Raises:
        OSError: the connection breaks, or takes nothing for longer than its SO_SNDTIMEO.
        OverflowError: the message has 4 GiB or more, or a frame could not have so many bytes.
    """
