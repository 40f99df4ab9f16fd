"""Settings that point the pipeline at the demo servers and at nothing else."""

import os
import shutil
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEMO_KEY = "demo-api-key"
DEMO_PROFILE = "demo-profile"
DEMO_PASSWORD = "icomm-demo-1"  # noqa: S105 - the demo store's, on loopback


def demo_environment(folder: Path, magento_url: str, icommkt_url: str) -> dict[str, str]:
    """Environment for the pipeline's commands, with the warehouse and all state below `folder`.

    The project's `.dlt/config.toml` applies; its secrets, and what the caller's environment says of
    a real store, do not.
    """
    settings = folder / ".dlt"
    settings.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / ".dlt" / "config.toml", settings / "config.toml")
    ours = ("SOURCES__", "ICOMMKT__", "WAREHOUSE_PATH", "DBT_", "DLT_", "VARS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **inherited,
        "DLT_PROJECT_DIR": str(folder),
        "DLT_DATA_DIR": str(folder / "dlt"),  # not the user's own folder, whose settings would be read too
        "WAREHOUSE_PATH": str(folder / "warehouse" / "warehouse.duckdb"),
        "LAKE_PATH": str(folder / "lake"),
        "SOURCES__MAGENTO__BASE_URL": magento_url,
        "SOURCES__MAGENTO__USERNAME": "icomm",
        "SOURCES__MAGENTO__PASSWORD": DEMO_PASSWORD,
        "ICOMMKT__API_URL": icommkt_url,
        "ICOMMKT__API_KEY": DEMO_KEY,
        "ICOMMKT__PROFILE_KEY": DEMO_PROFILE,
        "ICOMMKT__REQUESTS_PER_SECOND": "100",  # nobody else is served by this ICOMMKT
        "ICOMMKT__AUDIENCE": os.environ.get("DEMO_AUDIENCE", "all"),
        "PYTHONUNBUFFERED": "1",
    }
