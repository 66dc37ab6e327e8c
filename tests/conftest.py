"""What all tests share: how many cases are generated, and texts that are compared with a file.

In: the environment variables ARCHDSL_CASES and ARCHDSL_GOLDEN. Out: the fixtures `cases` and `golden`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

# Tests run side by side, one a core: more threads in each of them only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# cuBLAS reads it once in a process, before the first of the tests that are to give the same bits every time.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

# torchvision must come without its dependencies, which bring another torch: `make` does that, pip alone does not.
collect_ignore = [] if find_spec("torchvision") else ["test_zoo_torchvision.py"]

_GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True, scope="session")
def _hears_ctrl_c() -> Iterator[None]:
    """A shell has what it starts in the background ignore Ctrl-C, which what is begun here would inherit."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def cases() -> int:
    """How many cases a property test generates."""
    return int(os.environ.get("ARCHDSL_CASES", "2000"))


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """`golden("lenet5.py", text)`: the text is that of tests/golden/lenet5.py; ARCHDSL_GOLDEN=write makes it so."""

    def compare(name: str, text: str) -> None:
        path = _GOLDEN / name
        if os.environ.get("ARCHDSL_GOLDEN") == "write":
            path.write_text(text, encoding="utf-8", newline="")
        assert path.exists(), f"there is no tests/golden/{name}; `make golden` writes it"
        assert text == path.read_text(encoding="utf-8"), f"differs from tests/golden/{name}; if meant, `make golden`"

    return compare


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a fixture of this file, so that `make golden` and `make test-slow` find it."""
    for item in items:
        for name in ("golden", "cases"):
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(name)
        if item.get_closest_marker("cuda"):
            # What the torch of a GPU says of itself, of its drivers and of Triton is another's in every version.
            item.add_marker(pytest.mark.filterwarnings("default"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if collect_ignore:
        terminalreporter.write_line(
            "torchvision is not installed, so nothing was compared with it: pip install --no-deps torchvision pillow"
        )
