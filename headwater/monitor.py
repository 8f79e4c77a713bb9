"""The monitor: a Celery application without tasks, for those who only watch: Flower and the health checks."""

from __future__ import annotations

import sys

from kombu.exceptions import OperationalError

from services.shared.broker import make_app
from services.shared.settings import load_settings

_REACH_S = 2.0
_ANSWER_S = 1.0

app = make_app("headwater", load_settings())


def main() -> int:
    """Answer each line of standard input with the nodes that answer a ping; return 1 if the broker can't be reached."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=_REACH_S)
            for _ in sys.stdin:
                replies = app.control.ping(timeout=_ANSWER_S, connection=connection)
                print(*(node for reply in replies for node in reply), flush=True)
    except OperationalError as error:
        print(f"the broker at {app.connection().as_uri()} does not answer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
