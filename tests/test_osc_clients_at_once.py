"""Several OSC clients, and work that takes long: each is answered once, in order, and can be stopped."""

import threading
import time
from typing import Any

import pytest

pytest.importorskip("pythonosc", reason="python-osc is not installed: pip install 'lgr[live]'")

from made_up_osc import ME, YOU, Office, slow

from lgr.osc import play
from lgr.osc.desk import MOST_CLIENTS
from lgr.osc.packet import Message
from lgr.osc.worker import MOST_WAITING, Request


def test_two_clients_get_their_own_answers_and_share_a_state(desk: Office) -> None:
    for i in range(20):
        desk.send("/lgr/set", "seed", i, client=ME)
        desk.send("/lgr/set", "temperature", i / 100, client=YOU)
        desk.send("/lgr/resynth", "drum_loop.wav", f"{i % 2}.wav", client=ME if i % 2 else YOU)
    desk.until(lambda: sum(each.values[0] == "/lgr/resynth" for each in desk.answers()) == 20)
    for client, name in ((ME, "seed"), (YOU, "temperature")):
        own = desk.answers(client)
        set_ = [each.values[1] for each in own if each.values[0] == "/lgr/set"]
        assert set_ == [name] * 20
        files = {each.values[1] for each in own if each.values[0] == "/lgr/resynth"}
        assert files == {"1.wav" if client == ME else "0.wav"}
    settings = desk.service.session.settings
    assert (settings.seed, settings.config.temperature.constant) == (19, 0.19)


def test_long_work_does_not_keep_the_others_waiting(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    begun = slow(monkeypatch, go)
    desk.send("/lgr/sources", "rain.wav", client=YOU)
    assert begun.wait(20)
    desk.send("/lgr/resynth", "drum_loop.wav", "a.wav", client=YOU)
    state = desk.done("/lgr/state")
    assert state[state.index("at_work") + 1] == "/lgr/sources"
    assert state[state.index("waiting") + 1] == 2
    desk.done("/lgr/set", "wet", 0.5)
    desk.done("/lgr/point", 0.5, 0.5)  # with the grains that were there before
    began = time.monotonic()
    time.sleep(0.7)
    told = [message for client, message in list(desk.heard) if message.address == "/lgr/progress" and client == YOU]
    assert all(message.values == ("/lgr/sources", "encoding sources", 0, 1) for message in told[1:])
    assert 2 <= len(told) <= 3 + 5 * (time.monotonic() - began + 20)
    go.set()
    desk.until(lambda: any(each.values[:2] == ("/lgr/resynth", "a.wav") for each in desk.answers(YOU)))
    assert desk.answers(YOU)[-2].values == ("/lgr/sources", 72, 1)  # in the order in which it was asked for


def test_progress_is_told_five_times_a_second_at_most() -> None:
    sent: list[Any] = []
    request = Request(ME, "/lgr/x", lambda *what: sent.append(what))
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        request.progress("working", 1, 2)
    assert 2 <= len(sent) <= 3


def test_work_is_cancelled_by_who_asked_for_it_or_by_all(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = slow(monkeypatch, threading.Event())
    before = desk.done("/lgr/state")
    desk.send("/lgr/sources", "rain.wav", client=YOU)
    assert begun.wait(20)
    desk.send("/lgr/resynth", "drum_loop.wav", "a.wav", client=YOU)
    desk.send("/lgr/sources", "glass.wav", client=ME)
    assert desk.done("/lgr/cancel") == (1,)
    assert Message("/lgr/error", ("/lgr/sources", "cancelled")) in desk.answers(ME)
    assert desk.answers(YOU) == []
    assert desk.done("/lgr/cancel", "all") == (2,)
    desk.until(lambda: len(desk.answers(YOU)) == 2)
    assert {each.values for each in desk.answers(YOU)} == {("/lgr/sources", "cancelled"), ("/lgr/resynth", "cancelled")}
    desk.until(lambda: not len(desk.service.desk.long))
    assert desk.done("/lgr/state") == before
    assert not (desk.service.session.folder.root / "a.wav").exists()


def test_too_much_waiting_work_is_refused(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = slow(monkeypatch, threading.Event())
    desk.send("/lgr/sources", "rain.wav")
    assert begun.wait(20)
    count = len(desk.answers())
    for _ in range(MOST_WAITING + 3):
        desk.send("/lgr/sources", "rain.wav")
    assert [each.address for each in desk.answers()[count:]] == ["/lgr/error"] * 3
    assert "requests are waiting already" in str(desk.answers()[-1].values[1])
    assert desk.done("/lgr/cancel") == (MOST_WAITING + 1,)


def test_answers_go_to_another_port_where_that_was_asked_for(desk: Office) -> None:
    desk.send("/lgr/reply", 9124)
    desk.send("/lgr/state")
    desk.send("/lgr/state", client=YOU)
    assert [client for client, _ in desk.heard[-3:]] == [("127.0.0.1", 9124)] * 2 + [YOU]
    desk.send("/lgr/reply", 0)
    assert desk.heard[-1][0] == ME
    for port in range(MOST_CLIENTS + 10):
        desk.send("/lgr/reply", 9124, client=("127.0.0.1", 10_000 + port))
    assert len(desk.service.desk._reply_ports) == MOST_CLIENTS


def test_answers_are_not_answered(desk: Office) -> None:
    """Or two servers, or one that is told to answer itself, would never come to an end."""
    count = len(desk.heard)
    for address in ("/lgr/done", "/lgr/error", "/lgr/progress", "/lgr/said"):
        desk.send(address, "/lgr/state", "x")
    assert len(desk.heard) == count


def test_what_nobody_expected_is_answered_too(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "build_codebook", lambda *_, **__: 1 / 0)
    assert desk.error("/lgr/sources", "rain.wav").startswith("unexpected ZeroDivisionError")
    assert desk.done("/lgr/state")[3] == 144
