"""Who is measured and who is passed over, with peers that only say how fast they would be."""

import pytest

from benchmarks.cases import Chain
from benchmarks.peers import FLOOR
from benchmarks.runner import Options, Team


class Peer:
    """In the place of a worker process."""

    alive = True

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def ask(self, limit, *, do, case=None, **rest):
        if do == "prepare":
            self.asked.append(case["length"])
            return self.answers(case["length"])
        return 1e-3


@pytest.fixture
def measured(monkeypatch):
    """{length: {peer: status}} of chains of these lengths, and what each peer was asked for."""

    def measure(peers, lengths):
        team = Team(list(peers), 1, Options(rounds=1, cap=10.0), lambda *_: None)
        children = {name: Peer(answers) for name, answers in peers.items()}
        team.children = children
        monkeypatch.setattr(team, "child", children.get)
        monkeypatch.setattr("benchmarks.runner.PAUSE", 0)
        found = {n: {k: r.status for k, r in team.measure(Chain("add", n)).items()} for n in lengths}
        return found, {name: child.asked for name, child in children.items()}

    return measure


def quick(length):
    return {"status": "ok", "estimate": 1e-6 * length}


def test_a_floor_that_has_no_such_case_bounds_nobody(measured):
    found, asked = measured({FLOOR: lambda n: {"status": "not applicable"}, "quick": quick}, [1_000, 10_000, 1_000_000])
    assert [found[n]["quick"] for n in found] == ["ok"] * 3
    assert asked["quick"] == [1_000, 10_000, 1_000_000]


def test_nobody_builds_a_graph_that_would_take_too_long(measured):
    def slow(length):
        return {"status": "ok", "estimate": 1e-3 * length}

    found, asked = measured({"slow": slow, "quick": quick}, [1_000, 10_000, 100_000])
    assert [found[n]["slow"] for n in found] == ["ok", "ok", "too slow"]
    assert asked["slow"] == [1_000, 10_000]
    assert [found[n]["quick"] for n in found] == ["ok"] * 3


def test_who_failed_at_a_length_is_not_asked_for_a_longer_one(measured):
    found, asked = measured({"breaks": lambda n: {"status": "failed", "reason": "depth"}}, [1_000, 10_000])
    assert [found[n]["breaks"] for n in found] == ["failed", "too slow"]
    assert asked["breaks"] == [1_000]
