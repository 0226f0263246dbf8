"""Names of registered detectors (models.detectors.registry)."""

from __future__ import annotations

import pytest

from models.detectors.registry import register
from models.errors import ConfigError
from tests.models.detectors.new_tool import NewTool


@pytest.mark.parametrize("name", ["", " x", "a:b", "a,b"])
def test_name_that_settings_cannot_contain_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="must be a word"):
        register(name, NewTool)
