"""The crawl of a publish: one crawl of one version's folder into staging, its result compared with the contract and put right.

The crawler proposes, the contract decides. A crawl is never waited for in a task: what runs elsewhere is looked at again later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from services.shared.catalog.embedded import STAGING
from services.shared.catalog.port import Catalog, CatalogConflict, Column, Crawl, CsvClassifier, Table
from services.shared.catalog.serde import SerdeName, StoredAs
from services.shared.errors import CrawlFailed
from services.worker.publish.layout import Layout

FIRST_LOOK_S = 5.0
LATER_LOOK_S = 15.0
_TRIES = 3


@dataclass(frozen=True)
class Difference:
    """Where the crawler and the contract disagreed (about a column, or, with an empty column, the table), and what was done."""

    column: str
    crawled: str | None
    contract: str | None
    action: str

    def to_json(self) -> dict[str, str | None]:
        """Return the difference as the receipt lists it."""
        return asdict(self)


@dataclass(frozen=True)
class CrawlTarget:
    """What to crawl: `name` is the crawl's and, with an underscore, the prefix of its tables."""

    name: str
    location: str
    table: str

    @property
    def staged_name(self) -> str:
        """The name that the staged table has in the end."""
        return f"{self.name}_{self.table}"


def crawl_target(dataset_id: str, folder: str, *, location: str, table: str) -> CrawlTarget:
    """Name the crawl after the dataset and the attempt at the version, so that the same publish never starts two."""
    return CrawlTarget(f"{dataset_id}_{folder.replace('-', '_')}", location, table)


def csv_classifier(serde: SerdeName | None, columns: Sequence[Column]) -> CsvClassifier | None:
    """Return what a crawl has to be told to see CSV files as they were written; None: the files tell it themselves."""
    if serde is None:
        return None
    return CsvClassifier(tuple(column.name for column in columns), serde, tuple(dict.fromkeys(column.type for column in columns)))


def follow_crawl(catalog: Catalog, target: CrawlTarget, classifier: CsvClassifier | None = None) -> Crawl | None:
    """Start the crawl, or look at it; None while it runs. Raise CrawlFailed."""
    catalog.start_crawl(target.name, location=target.location, database=STAGING, table_prefix=f"{target.name}_", classifier=classifier)
    crawl = catalog.find_crawl(target.name)
    if crawl is None or crawl.state == "running":
        return None
    if crawl.state != "succeeded":
        raise CrawlFailed(crawl.error or f"The crawl of {target.table} failed without a reason.")
    return crawl


def examine(target: CrawlTarget, contract: Layout, crawl: Crawl) -> list[Difference]:
    """List where what the crawler found is not the contract."""
    found = [table for table in crawl.tables if table.location == target.location]
    differences = _count_differences(target, crawl, found)
    if found:
        differences += compare(found[0].columns, contract.columns) + compare(found[0].partition_keys, contract.keys)
    return differences


def repair(catalog: Catalog, target: CrawlTarget, contract: Layout, stored: StoredAs) -> None:
    """Leave one staged table of this crawl, and make it what the contract says; nobody else writes under its name."""
    crawl = catalog.find_crawl(target.name)
    for table in crawl.tables if crawl else ():
        if table.name != target.staged_name:
            catalog.drop_table(STAGING, table.name)
    wanted = Table(
        STAGING, target.staged_name, contract.columns, target.location, stored.format, contract.keys, serde=stored.serde, parameters=stored.parameters
    )
    for _ in range(_TRIES):
        present = catalog.find_table(STAGING, target.staged_name)
        if present is not None and replace(present, version=None, created_at=None, updated_at=None) == wanted:
            return
        try:
            catalog.put_table(wanted, expected_version=present.version if present else None)
        except CatalogConflict:
            continue
        return
    raise CrawlFailed(f"The staged table {target.staged_name} is being changed by someone else.")


def compare(crawled: Sequence[Column], contract: Sequence[Column]) -> list[Difference]:
    """List, column by column, where the crawler's reading is not the contract."""
    types = {column.name: column.type for column in crawled}
    wanted = {column.name: column.type for column in contract}
    differences = [
        Difference(column.name, types.get(column.name), column.type, "added" if column.name not in types else "retyped")
        for column in contract
        if types.get(column.name) != column.type
    ]
    differences += [Difference(column.name, column.type, None, "removed") for column in crawled if column.name not in wanted]
    common = [column.name for column in crawled if column.name in wanted]
    if not differences and common != [column.name for column in contract]:
        differences.append(Difference("", ", ".join(common), ", ".join(wanted), "reordered"))
    return differences


def drop_staged(catalog: Catalog, target: CrawlTarget) -> None:
    """Forget the crawl and its table; twice does no harm."""
    catalog.delete_crawl(target.name)
    catalog.drop_table(STAGING, target.staged_name)


def _count_differences(target: CrawlTarget, crawl: Crawl, found: Sequence[Table]) -> list[Difference]:
    if len(crawl.tables) == 1 and len(found) == 1:
        return []
    elsewhere = [table.name for table in crawl.tables if table not in found]
    named = ", ".join(table.name for table in found) or ", ".join(elsewhere) or None
    return [Difference("", named, target.staged_name, "created" if not found else "merged")]
