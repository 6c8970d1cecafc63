"""What goes wrong in a callback reaches the visitor as one sentence; no traceback ever reaches a page."""

import functools
import html
import inspect
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gradio as gr

from lgr.errors import LgrError
from lgr_app.page.sounds import without_folders
from lgr_app.page.visitors import Visitor, VisitorLeft, Visitors

logger = logging.getLogger(__name__)


def with_messages(callback: Callable[..., Any], visitors: Visitors) -> Callable[..., Any]:
    """``callback``, a function or a generator function, with its errors turned into messages on the page.

    An ``LgrError`` is shown as it stands. Anything else is logged with a number, and the visitor gets that number, but
    for what goes wrong because the visitor left and the files with him. The signature stays, so Gradio still finds
    ``gr.Request``, ``gr.EventData`` and ``gr.Progress`` in it.
    """
    if inspect.isgeneratorfunction(callback):

        @functools.wraps(callback)
        def guarded_steps(*args: Any, **options: Any) -> Iterator[Any]:
            with _messages(callback.__name__, _visitor(visitors, args)):
                yield from callback(*args, **options)

        return guarded_steps

    @functools.wraps(callback)
    def guarded(*args: Any, **options: Any) -> Any:
        with _messages(callback.__name__, _visitor(visitors, args)):
            return callback(*args, **options)

    return guarded


def _visitor(visitors: Visitors, args: Sequence[Any]) -> Visitor | None:
    """Who is served, where the callback asks for the request."""
    request = next((each for each in args if isinstance(each, gr.Request)), None)
    return None if request is None else visitors.of(request)


@contextmanager
def _messages(callback: str, visitor: Visitor | None) -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except VisitorLeft as left:
        raise _message("Stopped.") from left
    except LgrError as error:
        raise _message(without_folders(str(error))) from error
    except Exception as error:
        if visitor is not None and visitor.gone.is_set():
            raise _message("Stopped.") from error  # the files went with the visitor, and nobody sees this
        number = secrets.token_hex(3)
        logger.exception("error %s in %s", number, callback)
        raise _message(
            f"Something went wrong here, and it is written down under number {number}. Try again; if it happens "
            "again, tell whoever runs this page that number."
        ) from error


def _message(text: str) -> gr.Error:
    text = text[:1].upper() + text[1:]
    text = text if text.endswith((".", "!", "?")) else f"{text}."
    # Gradio shows a message as HTML, and a file may be called <b>.wav
    return gr.Error(html.escape(text, quote=False), duration=12, title="That did not work", print_exception=False)
