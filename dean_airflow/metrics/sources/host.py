"""The machine the collector runs on: processors, memory, disks."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dean_airflow.metrics.sources.making import SampleMaker
from dean_airflow.metrics.sources.source import TIMEOUT, Reading

CPU_SECONDS = 0.2
"""Over which the processors' use is measured; other sources are asked meanwhile."""


class HostSource:
    """`paths` are looked at for room on their file systems; one that does not exist yet, for its nearest parent."""

    def __init__(self, paths: Iterable[Path] = (), *, name: str = "host", timeout: float = TIMEOUT) -> None:
        self.name, self.timeout = name, timeout
        self._paths = tuple(paths)

    async def collect(self, at: int) -> Reading:
        import psutil

        maker = SampleMaker(self.name, at)
        psutil.cpu_percent()  # the next call tells what was used since this one
        await asyncio.sleep(CPU_SECONDS)
        busy = psutil.cpu_percent() / 100
        memory = await asyncio.to_thread(psutil.virtual_memory)
        disks = await asyncio.to_thread(self._disks)
        of = {"host": platform.node()}
        maker.add("dean_host_cpu_busy_ratio", busy, of)
        maker.add("dean_host_memory_used_ratio", memory.percent / 100, of)
        maker.add("dean_host_memory_available_bytes", memory.available, of)
        for path, (free, total) in disks.items():
            maker.add("dean_host_disk_free_bytes", free, {**of, "path": path})
            maker.add("dean_host_disk_free_ratio", free / total if total else None, {**of, "path": path})
        metrics: dict[str, Any] = {
            "cpu_busy_ratio": busy,
            "memory_used_ratio": memory.percent / 100,
            "disk_free_ratio": {path: free / total for path, (free, total) in disks.items() if total},
        }
        return Reading(None, metrics, maker.samples)

    def _disks(self) -> dict[str, tuple[int, int]]:
        """Free and total bytes by path, each file system once. A network disk may hang: for a thread."""
        import psutil

        found: dict[str, tuple[int, int]] = {}
        seen = set()
        for path in self._paths:
            place = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
            device = place.stat().st_dev
            if device not in seen:
                seen.add(device)
                usage = psutil.disk_usage(str(place))
                found[str(path)] = (usage.free, usage.free + usage.used)
        return found
