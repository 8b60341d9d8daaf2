"""The peak of a process is its own, not that of the process which started it."""

from __future__ import annotations

import subprocess
import sys


def test_a_process_has_a_peak_of_its_own() -> None:
    large = bytearray(256 << 20)
    script = (
        "from benchmarks.process_memory import peak, resident\n"
        "begun = peak()\ntaken = bytearray(64 << 20)\ndel taken\nprint(begun, peak(), resident())"
    )
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    begun, most, left = (int(number) >> 20 for number in answer.split())
    assert 1 <= begun < len(large) >> 21, "not its parent's"
    assert begun + 60 <= most
    assert left < most
