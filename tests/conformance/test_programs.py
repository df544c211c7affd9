"""Any program of publishing, taking, keeping, dying and coming back means the same on every transport.

The same program runs on the transport and on the reference; after each step, once all is at rest, what was
answered and all accounts are equal. So a transport that takes time is held to what an instant one does.
"""

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rtmesh.shm import Policy, ReaderState
from tests.conformance.budget import patient, run_machine
from tests.conformance.edge import FAR_AWAY_NS, Edge, Input, Transport
from tests.conformance.parties import PlayedParties
from tests.conformance.ring_edge import RingTransport

REFERENCE = RingTransport("tests.conformance.reference", PlayedParties())

readers = st.integers(0, 2)
inputs = st.builds(
    Input,
    st.sampled_from(Policy),
    st.integers(1, 5),
    st.integers(0, 2),
    st.sampled_from([0, FAR_AWAY_NS]),
).map(lambda terms: terms._replace(queue=1) if terms.policy is Policy.LATEST else terms)


class Programs(RuleBasedStateMachine):
    """A random program on one transport."""

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._transport = transport
        self.edges: tuple[Edge, ...] = ()
        self.published = 0
        self.attached: set[int] = set()
        self.has_writer = False

    @initialize(terms=st.lists(inputs, min_size=1, max_size=2))
    def open(self, terms: list[Input]) -> None:
        self.count = len(terms)
        if not self._transport.is_instant:
            terms = [each._replace(hold_absent_ns=FAR_AWAY_NS) for each in terms]
        self.edges = REFERENCE.open(terms), self._transport.open(terms)
        self.attach_writer()
        for reader in range(self.count):
            self.attach(reader)

    def both(self, act) -> object:
        """Do the same on both edges, and wait until all is at rest."""
        expected, actual = [act(edge) for edge in self.edges]
        note(f"    -> {expected}")
        assert actual == expected
        self.edges[1].settle()
        return expected

    @precondition(lambda self: self.has_writer)
    @rule(count=st.integers(1, 7))
    def publish(self, count: int) -> None:
        """One after the other, until one is refused."""
        while count and self.both(lambda edge: edge.publish(b"%d" % self.published)):
            self.published += 1
            count -= 1

    @precondition(lambda self: self.attached)
    @rule(reader=readers, count=st.integers(1, 5), keep=st.booleans(), release=st.booleans())
    def take(self, reader: int, count: int, keep: bool, release: bool) -> None:
        if reader in self.attached:
            for _ in range(count):
                self.both(lambda edge: edge.take(reader, keep))
            if release:
                self.both(lambda edge: edge.release(reader))

    @precondition(lambda self: self.attached)
    @rule(reader=readers)
    def forget(self, reader: int) -> None:
        if reader in self.attached:
            self.both(lambda edge: edge.forget(reader))

    @precondition(lambda self: self.attached)
    @rule(reader=readers, for_good=st.booleans())
    def crash(self, reader: int, for_good: bool) -> None:
        if reader in self.attached:
            self.both(lambda edge: edge.crash(reader, for_good))
            self.attached.discard(reader)

    @precondition(lambda self: self.attached)
    @rule(reader=readers)
    def leave(self, reader: int) -> None:
        if reader in self.attached:
            self.both(lambda edge: edge.leave(reader))
            self.attached.discard(reader)

    @rule(reader=readers)
    def give_up(self, reader: int) -> None:
        if reader < self.count and reader not in self.attached:
            self.both(lambda edge: edge.give_up(reader))

    @rule(reader=readers)
    def attach(self, reader: int) -> None:
        if reader < self.count and reader not in self.attached:
            self.both(lambda edge: edge.attach(reader))
            self.attached.add(reader)

    @precondition(lambda self: self.has_writer)
    @rule(claims=st.booleans())
    def crash_writer(self, claims: bool) -> None:
        if claims:
            self.both(lambda edge: edge.claim(b"never published"))
        self.both(lambda edge: edge.crash_writer())
        self.has_writer = False

    @precondition(lambda self: not self.has_writer)
    @rule()
    def attach_writer(self) -> None:
        self.both(lambda edge: edge.attach_writer())
        self.has_writer = True

    @invariant()
    def accounts_are_equal_and_add_up(self) -> None:
        for reader in range(self.count if self.edges else 0):
            expected, actual = [edge.account(reader) for edge in self.edges]
            assert actual == expected
            assert actual.adds_up()

    @invariant()
    def what_is_kept_is_untouched(self) -> None:
        for reader in self.attached:
            expected, actual = [edge.kept(reader) for edge in self.edges]
            assert actual == expected

    def teardown(self) -> None:
        """However the program went: in the end all that are there get the rest, and the end."""
        try:
            if self.edges:
                self.finish()
        finally:
            for edge in self.edges:
                edge.close()

    def finish(self) -> None:
        if not self.has_writer:
            self.attach_writer()
        self.both(lambda edge: edge.end())
        for reader in sorted(self.attached):
            self.drain(reader)

    def drain(self, reader: int) -> None:
        self.both(lambda edge: edge.release(reader))
        while self.both(lambda edge: edge.take(reader)) is not None:
            self.both(lambda edge: edge.release(reader))
        assert self.both(lambda edge: edge.ended(reader))
        account = self.edges[1].account(reader)
        assert (account.in_flight, account.state) == (0, ReaderState.ATTACHED)


@patient
def test_any_program_means_the_same(transport: Transport) -> None:
    run_machine(lambda: Programs(transport), examples=transport.examples, steps=30)
