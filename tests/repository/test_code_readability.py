"""Code is in short sentences and standard terms: docstrings, comments, messages and names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.repository.code_readability import (
    docstrings,
    faults_of_test_name,
    identifiers,
    pet_words,
    prose,
)
from tests.repository.readability import dialect, hard_sentences

ROOT = Path(__file__).resolve().parents[2]
# Folders that are in plain English. The rest of "models" and "native" follows with the judge.
FOLDERS = (
    "pipeline",
    "scoring_api",
    "habitus",
    "lab",
    "benchmarks",
    "chaos",
    "deploy",
    "notebooks",
    "models/baseline",
    "models/calibration",
    "models/codec",
    "models/detectors",
    "models/features",
    "models/learning",
    "models/peers",
    "models/provenance",
    "models/replication",
    "models/trust",
)
CORE = ("config", "constants", "engine", "errors", "event", "kernel", "result", "scoring", "units")
FILES = [file for folder in FOLDERS for file in sorted(ROOT.glob(f"{folder}/**/*.py"))]
FILES += [ROOT / "models" / f"{name}.py" for name in CORE]
TESTS = sorted(ROOT.glob("tests/**/test_*.py"))
# Names of stored or published members, settings and options, which do not change.
PUBLISHED = {"usual_hours", "news", "odd_labels", "wandering"}
# What the simulators write into the truth about a planted case.
PLANTED = re.compile(r".* the usual (tokens|volume).*|one credential from two far places .*")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_have_short_sentences(folder: str) -> None:
    files = (file for file in FILES if named(file).startswith(f"{folder}/"))
    assert hard_sentences("\n\n".join(docstrings(file.read_text()) for file in files)) == []


@pytest.mark.parametrize("file", FILES, ids=named)
def test_code_has_no_phrase_of_the_old_dialect(file: Path) -> None:
    text = PLANTED.sub("", prose(file.read_text()))
    assert [re.sub(r"line \d+: ", "", hit) for hit in dialect(text)] == []


@pytest.mark.parametrize("file", FILES, ids=named)
def test_identifiers_have_no_pet_word(file: Path) -> None:
    assert {
        name: words
        for name in identifiers(file.read_text()) - PUBLISHED
        if (words := pet_words(name))
    } == {}


@pytest.mark.parametrize("file", TESTS, ids=named)
def test_name_of_a_test_is_a_plain_sentence(file: Path) -> None:
    names = {name for name in identifiers(file.read_text()) if name.startswith("test_")}
    assert {name: faults for name in names if (faults := faults_of_test_name(name))} == {}
