"""From what a ring's header says to the account that is reported."""

from __future__ import annotations

from rtmesh.shm import Histogram, ReaderSnapshot, RingSnapshot
from rtmesh.v1 import status_pb2

MICROSECOND_NS = 1000


def ring_account(name: str, snapshot: RingSnapshot, reader_count: int) -> status_pb2.RingAccount:
    """The account of one ring and its first `reader_count` readers: those the plan names, no taps."""
    return status_pb2.RingAccount(
        name=name,
        head=snapshot.head,
        epoch=snapshot.epoch,
        ended=snapshot.ended,
        first_time_ns=snapshot.first_time_ns,
        last_time_ns=snapshot.last_time_ns,
        readers=[reader_account(reader) for reader in snapshot.readers[:reader_count]],
        origin_ages=[latency_summary(ages) for ages in snapshot.origin_ages],
        source_position=snapshot.source_position,
    )


def reader_account(reader: ReaderSnapshot) -> status_pb2.ReaderAccount:
    return status_pb2.ReaderAccount(
        name=reader.name,
        taken=reader.taken,
        released=reader.released,
        start=reader.start,
        delivered=reader.delivered,
        dropped={reason: count for reason, count in reader.dropped.items() if count},
        state=int(reader.state),  # type: ignore[arg-type]  # the values are equal
        latency=latency_summary(reader.latency),
        is_holding=reader.is_holding,
    )


def latency_summary(histogram: Histogram) -> status_pb2.LatencySummary:
    """All zero while nothing was measured."""
    if not histogram.count:
        return status_pb2.LatencySummary()
    return status_pb2.LatencySummary(
        count=histogram.count,
        p50_us=histogram.percentile_ns(0.50) / MICROSECOND_NS,
        p99_us=histogram.percentile_ns(0.99) / MICROSECOND_NS,
        max_us=histogram.max_ns / MICROSECOND_NS,
    )
