"""The monitor: a Celery application without tasks, for those who only watch: Flower and the health checks."""

from __future__ import annotations

import sys

from kombu.exceptions import OperationalError

from services.shared.broker import make_app
from services.shared.settings import load_settings

_ANSWER_S = 2.0

app = make_app("headwater", load_settings())


def main() -> int:
    """Print the nodes that answer a ping, one a line; return 1 if the broker can't be reached."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=_ANSWER_S)
            for reply in app.control.ping(timeout=_ANSWER_S, connection=connection):
                print(*reply, sep="\n")
    except OperationalError as error:
        print(f"the broker at {app.connection().as_uri()} does not answer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
