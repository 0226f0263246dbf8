"""The model configuration in effect, and promotion of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from models.errors import ConfigError
from pipeline.configuration.config_file import differences, read_config
from pipeline.configuration.derived import model_config_of
from pipeline.configuration.retired import retired_among, warn_of_retired

if TYPE_CHECKING:
    from pathlib import Path

    from models.config import ModelConfig
    from pipeline.settings import Settings
    from pipeline.store.configs import Promotion
    from pipeline.store.protocol import Store

Base = Literal["defaults", "file", "promoted"]
_LONGEST_NAME, _LONGEST_REASON = 200, 2_000
_SHOWN = 40  # characters of a wrong name or reason in messages


class InEffect(Struct, frozen=True):
    """The configuration that a run on a store would use.

    Attributes
    ----------
    base
        Origin of the base configuration.
    promotion
        The last promotion in the store, even if the base is another.
    overridden
        Parameters of the base that settings replace.
    """

    config: ModelConfig
    base: Base
    promotion: Promotion | None
    overridden: tuple[str, ...]


def in_effect(settings: Settings, store: Store | None) -> InEffect:
    """Give the configuration that a run on a store would use.

    Parameters
    ----------
    store
        The store; None if it does not exist yet.

    Examples
    --------
    >>> from pipeline.settings import Settings
    >>> found = in_effect(Settings(model={"held_days": 4}), None)
    >>> found.base, found.overridden, found.config.held_days
    ('defaults', ('held_days',), 4)
    """
    promotions = store.configs.all() if store is not None else []
    last = promotions[-1] if promotions else None
    base: Base = "defaults" if last is None else "promoted"
    if settings.parameters is not None:
        base = "file"
    overridden = [*settings.model]
    if "alerts_per_day" in settings.model_fields_set:
        overridden.append("alerts_per_day")
    promoted = last.config if last is not None else None
    if last is not None:
        where = f"promotion no. {last.number} by {last.by}"
        warn_of_retired(where, retired_among(last.parameters))
    return InEffect(model_config_of(settings, promoted), base, last, tuple(overridden))


def signed_off(file: Path, *, by: str, reason: str | None) -> tuple[ModelConfig, str, str]:
    """Read a configuration with approver and reason, and check them; parameters as of `promote`.

    Raises
    ------
    ConfigError
        The file is invalid, or the approver or the reason is missing.
    """
    config, file_reason = read_config(file)
    name, why = " ".join(by.split()), (file_reason if reason is None else reason).strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ConfigError(
            f"the approver (--by) must be a name of 1 to {_LONGEST_NAME} printable characters, "
            f"got {name[:_SHOWN]!r}"
        )
    if not why or len(why) > _LONGEST_REASON or not "".join(why.splitlines()).isprintable():
        raise ConfigError(
            f"a reason of 1 to {_LONGEST_REASON} printable characters is needed: --reason, or a "
            f"line reason in {file}; got {why[:_SHOWN]!r}"
        )
    return config, name, why


def promote(
    store: Store, file: Path, *, by: str, reason: str | None, at_us: int
) -> tuple[Promotion, bool]:
    """Promote the configuration in a file; runs on the store use it from their next start.

    Earlier judgements stay unchanged and keep their version. Promoting the current configuration
    adds nothing. Promoting an older one restores it.

    Parameters
    ----------
    by
        Name of the approver.
    reason
        Reason; None: the reason in the file.
    at_us
        Time of the promotion, microseconds since 1970.

    Returns
    -------
    Promotion
        The last promotion of the register.
    bool
        Whether this call added it.

    Raises
    ------
    ConfigError
        The file is invalid, or the approver or the reason is missing.
    """
    config, name, why = signed_off(file, by=by, reason=reason)
    known = store.configs.all()
    if known and not differences(known[-1].config, config):
        return known[-1], False
    return store.configs.add(config, by=name, at_us=at_us, reason=why), True
