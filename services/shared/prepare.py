"""Make the platform ready for its services, after every update and before they start: `python -m services.shared.prepare`."""

from __future__ import annotations

from services.shared.logs import configure_logs, get_logger
from services.shared.records.migrate import migrate
from services.shared.settings import load_settings
from services.shared.wiring import ensure_databases, make_adapters


def main() -> None:
    """Migrate the records and make the catalog's databases; twice changes nothing."""
    settings = load_settings()
    configure_logs(settings, service="migrations")
    adapters = make_adapters(settings)
    migrate(adapters.database)
    ensure_databases(adapters.catalog, settings)
    adapters.database.close()
    get_logger().info("platform.ready")


if __name__ == "__main__":
    main()
