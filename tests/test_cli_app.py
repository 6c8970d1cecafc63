"""``lgr app``: what it passes on, and what it says where it cannot start."""

import socket
from typing import Any

import pytest
from app_server import in_a_loop
from command_line import run

from lgr.cli import browser_app
from lgr.errors import LgrError

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")


def test_options_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr("lgr_app.app.serve", lambda **options: given.append(options))
    result = run("app", "--host", "0.0.0.0", "--port", 8123)
    assert result.exit_code == 0
    assert result.stdout.startswith("http://127.0.0.1:8123")
    assert given == [{"host": "0.0.0.0", "port": 8123, "share": False}]
    run("app", "--share")
    assert given[1] == {"host": "127.0.0.1", "port": 7860, "share": True}


def test_without_gradio_or_the_apps_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_app, "find_spec", lambda name: None if name == "lgr_app" else name)
    result = run("app")
    assert result.exit_code == 2
    assert "the app is not installed" in result.stderr
    monkeypatch.setattr(browser_app, "find_spec", lambda name: None)
    result = run("app")
    assert result.exit_code == 2
    assert "pip install 'lgr[app" in result.stderr


def test_a_port_that_is_taken_is_named() -> None:
    from lgr_app.app import serve

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LgrError, match=f"cannot listen on 127.0.0.1 at port {port}.*choose another with --port"):
            in_a_loop(serve, port=port)


def test_a_limit_that_is_no_number_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGR_APP_MAX_SECONDS", "an hour")
    result = run("app")
    assert result.exit_code == 2
    assert result.stderr.strip() == "lgr: LGR_APP_MAX_SECONDS must be a number above 0, got 'an hour'"
