"""The person at the terminal: the name in the log, the reason, and the last question."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.errors import ConfigError
from models.trust.response import DEFAULT_OBLIGATIONS
from pipeline.casework.comments import LONGEST
from pipeline.casework.desk import Desk
from pipeline.casework.refusal import Refusal
from pipeline.commands.terminal import note, now_us, print_json
from pipeline.configuration.derived import trust_policy_of
from pipeline.configuration.loading import load_settings
from pipeline.store import is_made, open_store, shown_url
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.store import Store

    Step = Callable[[str, dict[str, Any] | None], dict[str, Any]]

Reason = Annotated[str | None, typer.Option("--reason", help="Why; asked for on a terminal.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without a question, for programs.")]
Preview = Annotated[bool, typer.Option("--preview", help="Show the effect, and save nothing.")]


@contextmanager
def at_desk() -> Iterator[tuple[Desk, Store]]:
    """Open the store for writing, in the name of the user at the terminal."""
    settings = load_settings()
    if not is_made(settings.store):
        raise ConfigError(
            f"there is no store at {shown_url(settings.store)}; habitus run makes one"
        )
    with open_store(settings.store) as store:
        policy = trust_policy_of(settings, store.configs.promoted())
        try:
            yield Desk(store, policy, DEFAULT_OBLIGATIONS, user(), now_us()), store
        except Refusal as refusal:
            if refusal.fault == "wrong":
                raise ConfigError(refusal.detail) from None
            raise


def user() -> str:
    """Name the user at the terminal for the log."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user
        name = f"uid {os.getuid()}"
    return f"terminal:{name}"


def check_words(reason: str | None, *, yes: bool) -> None:
    """Refuse a wrong reason, and a program that gives no reason or not the last word."""
    if reason is not None:
        checked_text(reason, "--reason")
    if sys.stdin.isatty():
        return
    if reason is None:
        raise ConfigError("--reason is missing: without a terminal nobody can be asked")
    if not yes:
        raise ConfigError("--yes is missing: without a terminal nobody can be asked")


def last_word(question: str, reason: str | None, *, yes: bool) -> str | None:
    """Ask for the reason and the last word where they are not given; None for a no."""
    why = typer.prompt("Reason", err=True) if reason is None else reason
    checked_text(why, "--reason")
    return why if yes or typer.confirm(question, err=True) else None


def carry_out(
    work: Callable[[Desk, Store], Step],
    show: Callable[[dict[str, Any]], None],
    question: str,
    reason: str | None,
    *,
    preview: bool,
    yes: bool,
    as_json: bool,
    refused: str = "nothing was saved",
) -> None:
    """Show what an action of a person does, ask for the last word, and save it.

    Parameters
    ----------
    work
        Gives the action. It is called with an empty reason and None for a preview, then with the
        reason and the answer of the preview.
    show
        Prints the effect.
    question
        Asks for the last word.
    refused
        Said where the person does not want it.
    """
    if not preview:
        check_words(reason, yes=yes)
    with at_desk() as (desk, store):
        step = work(desk, store)
        answer = step("", None)
        if not as_json:
            show(answer)
        if not preview:
            why = last_word(question, reason, yes=yes)
            if why is None:
                note(refused)
                return
            answer = step(why, answer)
    if as_json:
        print_json(answer)
    elif not preview:
        note("saved; habitus run applies it within about a second")


def checked_text(text: str, name: str) -> str:
    """Refuse an empty or too long text."""
    if not 0 < len(text) <= LONGEST or "\0" in text or not text.strip():
        raise ConfigError(
            f"{name} must have 1 to {LONGEST} characters, got {len(text)}: {quoted(text[:40])}"
        )
    return text
