"""What one conversion may use before it is ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineLimits:
    """Limits for one conversion, chosen so that hours of healthy audio pass and bombs end.

    Twelve hours of source, a quarter of an hour of CPU, an hour by the clock, 768 MiB of address space (256
    are enough for stereo) and 2 GiB of output. Probing has its own, shorter limits.
    """

    source_seconds: float = 12 * 3600
    cpu_seconds: int = 900
    wall_seconds: float = 3600
    memory_bytes: int = 768 * 1024 * 1024
    output_bytes: int = 2 * 1024**3
    probe_cpu_seconds: int = 20
    probe_wall_seconds: float = 60
