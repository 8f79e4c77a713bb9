"""Whether a query has the same answer each time it reads the same data: no clock, no dice, no sample, no caller."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

_CHANGING: Final = frozenset(
    {
        "now", "random", "rand", "uuid", "shuffle", "current_timestamp", "current_date", "current_time", "localtime", "localtimestamp",
        "current_timezone", "current_user", "current_catalog", "current_schema", "current_groups", "version",
    }
)  # fmt: skip
_NODES: Final = (
    exp.CurrentTimestamp,
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentDatetime,
    exp.Localtime,
    exp.Localtimestamp,
    exp.CurrentUser,
    exp.CurrentCatalog,
    exp.CurrentSchema,
    exp.Rand,
    exp.Randn,
    exp.Uuid,
    exp.TableSample,
)


def is_repeatable(tree: exp.Query) -> bool:
    """Tell whether the query depends on nothing but what it reads."""
    return not any(isinstance(node, _NODES) or (isinstance(node, exp.Func) and node.name.lower() in _CHANGING) for node in tree.walk())
