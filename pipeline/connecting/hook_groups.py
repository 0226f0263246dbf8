"""Hooks in settings as Claude Code and Gemini CLI have them: groups of hooks for each event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import ConfigError
from pipeline.formats.members import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.connecting.connector import Settings

    IsOurs = Callable[[dict[str, Any]], bool]


def with_hook(
    settings: Settings, hook: dict[str, Any], events: Iterable[tuple[str, str]], ours: IsOurs
) -> Settings:
    """Give settings with one hook for each event, after those of others.

    Parameters
    ----------
    events
        Names of events, each with its matcher; empty for none.
    ours
        Returns whether a hook is one of Habitus, which the new one replaces.

    Raises
    ------
    ConfigError
        The settings have something else where the agent expects hooks.

    Examples
    --------
    >>> made = with_hook({"model": "m"}, {"url": "u"}, [("Stop", "")], lambda one: "url" in one)
    >>> made
    {'model': 'm', 'hooks': {'Stop': [{'hooks': [{'url': 'u'}]}]}}
    >>> without_hook(made, lambda one: "url" in one)
    {'model': 'm'}
    """
    _check(settings.get("hooks"), events)
    out = without_hook(settings, ours)
    hooks = dict(out.get("hooks") or {})
    for event, matcher in events:
        group: dict[str, Any] = {"matcher": matcher} if matcher else {}
        hooks[event] = [*hooks.get(event, []), group | {"hooks": [hook]}]
    return out | {"hooks": hooks}


def without_hook(settings: Settings, ours: IsOurs) -> Settings:
    """Give settings without the hooks of Habitus."""
    hooks = settings.get("hooks")
    if not isinstance(hooks, dict):
        return dict(settings)
    left = {event: _others(groups, ours) for event, groups in hooks.items()}
    kept = {event: groups for event, groups in left.items() if groups or groups == hooks[event]}
    if kept or kept == hooks:
        return settings | {"hooks": kept}
    return {name: value for name, value in settings.items() if name != "hooks"}


def _check(hooks: Any, events: Iterable[tuple[str, str]]) -> None:
    if hooks is None:
        return
    if not isinstance(hooks, dict):
        raise ConfigError(
            f"hooks must be an object such as {{}}, got `{kind_of(hooks)}`, so the agent runs none "
            "of them; nothing was changed"
        )
    for event, _ in events:
        if not isinstance(hooks.get(event, []), list):
            kind = kind_of(hooks[event])
            raise ConfigError(f"hooks.{event} must be an array, got `{kind}`; nothing was changed")


def _others(groups: Any, ours: IsOurs) -> Any:
    if not isinstance(groups, list):
        return groups
    found = []
    for group in groups:
        hooks = group.get("hooks") if isinstance(group, dict) else None
        if not isinstance(hooks, list):
            found.append(group)
            continue
        left = [hook for hook in hooks if not (isinstance(hook, dict) and ours(hook))]
        if left or not hooks:
            found.append(group | {"hooks": left})
    return found
