"""Origins name an output in eight bytes."""

from rtmesh.common.origins import origin_id


def test_an_origin_is_the_same_everywhere_and_never_zero() -> None:
    assert origin_id("cursor", "pointer", "velocity") == origin_id("cursor", "pointer", "velocity")
    assert 0 < origin_id("cursor", "pointer", "velocity") < 2**64


def test_outputs_of_different_names_differ() -> None:
    names = [("a", "b", "c"), ("a", "c", "b"), ("b", "a", "c"), ("a", "b", "d")]

    assert len({origin_id(*name) for name in names}) == 4
