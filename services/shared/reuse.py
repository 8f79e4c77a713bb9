"""Result reuse: a key that two queries share only if they ask the same of the same state of the same tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from services.shared.catalog.port import DATASET_PARAMETER
from services.shared.sql.parameters import Parameter
from services.shared.sql.show import Schemas


def digest_statement(sql: str, parameters: Sequence[Parameter], *, database: str, engine: str) -> str:
    """Return a digest of what is asked; a parameter's type counts."""
    typed = [[type(value).__name__, value] for value in parameters]
    return sha256(json.dumps([engine, database, sql, typed]).encode("utf-8", "surrogatepass")).hexdigest()


def reuse_key(schemas: Schemas, digest: str | None, reads: Sequence[Sequence[str]] | None) -> str | None:
    """Return the key of this statement over these tables (`[database, name]`) as the catalog has them now.

    None where no result may be shared: the statement is not repeatable, or a table is not one of ours, so that it may change unseen.
    """
    if digest is None or reads is None:
        return None
    states = []
    for database, name in sorted(map(tuple, reads)):
        table = schemas.find_table(database, name)
        if table is None or DATASET_PARAMETER not in table.parameters:
            return None
        states.append([database, name, table.location, table.version])
    return sha256(json.dumps([digest, states]).encode()).hexdigest()
