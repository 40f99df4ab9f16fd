"""`python -m benchmarks.build.measured OUT DBT-ARGUMENT...`: one dbt run, one node at a time, and what each node cost.

A process of its own, so that the peak of memory is the run's. Writes JSON to OUT: seconds and CPU seconds of each node
(those of DuckDB's threads included), of the whole, and the peak of memory in bytes.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from dbt.cli.main import dbtRunner
from dbt_common.events.base_types import EventMsg


def main() -> int:
    """Run dbt and write what it cost; returns 1 when dbt failed."""
    out, arguments = Path(sys.argv[1]), sys.argv[2:]
    started: dict[str, tuple[float, float]] = {}
    nodes: dict[str, dict[str, float]] = {}

    def watch(event: EventMsg) -> None:
        if event.info.name not in ("NodeStart", "NodeFinished"):
            return
        node = event.data.node_info.unique_id
        if event.info.name == "NodeStart":
            started[node] = (time.monotonic(), time.process_time())
        elif node in started:
            wall, cpu = started[node]
            nodes[node] = {"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu}

    wall, cpu = time.monotonic(), time.process_time()
    result = dbtRunner(callbacks=[watch]).invoke(["--quiet", *arguments, "--threads", "1"])
    whole = {"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    out.write_text(json.dumps({"nodes": nodes, "whole": whole, "peak_bytes": peak}), encoding="utf-8")
    if result.exception:
        print(result.exception, file=sys.stderr)
    return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main())
