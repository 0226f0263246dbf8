"""The process of `mortal.py`, which all tests of a worker share."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MORTAL = Path(__file__).with_name("mortal.py")


class Mortals:
    """Runs jobs in forks of one process, so that its imports happen once."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, folder: Path, env: dict[str, str], step: str, nth: int) -> str:
        """Do a job, and give what it prints."""
        process = self._process = self._process or self._started(env)
        log = folder / "mortal.log"
        job = {"step": step, "nth": nth, "env": env, "folder": str(folder), "log": str(log)}
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            status = process.stdout.readline()
        except BaseException:  # a time limit: the answer would be taken for that of the next job
            process.kill()
            self.close()
            raise
        assert status == "0\n", log.read_text()[-3000:]
        return log.read_text()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
        self._process = None

    def _started(self, env: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603  # our own script
            [sys.executable, MORTAL],
            env=env,
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
