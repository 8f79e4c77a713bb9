"""The reads of Athena's user guide that the guard refuses, by their place in the corpus, with the reason."""

from __future__ import annotations

FRAGMENT = "a fragment of a CREATE TABLE or UNLOAD statement (`WITH (…)`, `WITH SERDEPROPERTIES (…)`)"
PLACEHOLDER = "a template with brackets, braces or `<…>` in the place of a name"
BROKEN = "broken in the guide: a missing or superfluous sign, a list of headings, output behind the statement"
HYPHEN = "a catalog's name with a hyphen and without quotes, which Athena refuses too"
LAMBDA = "the catalog of a Lambda connector"
PARTITIONS = "SHOW PARTITIONS, which has no answer where a partitioned table is a view"
PROPERTIES = "SHOW TBLPROPERTIES, which only Athena answers"
VIEWS = "SHOW CREATE VIEW, which only Athena answers"
EXTENDED = "DESCRIBE EXTENDED and DESCRIBE FORMATTED, which only Athena answers"

REFUSED_READS: dict[int, str] = {
    **dict.fromkeys([94, 95, 96, 97, 98, 100, 101, 102, 103, 104, 105, 106, 107, 119, 337, 339, 355, 356, 357, 358, 597], FRAGMENT),
    **dict.fromkeys([169, 344, 440, 448, 454, 456, 544, 545, 552], PLACEHOLDER),
    **dict.fromkeys([28, 32, 37, 162, 249, 273, 300, 453, 524], BROKEN),
    **dict.fromkeys([68, 69], HYPHEN),
    **dict.fromkeys([82, 83, 84], LAMBDA),
    **dict.fromkeys([153, 155, 157, 193, 412, 559, 560, 561], PARTITIONS),
    **dict.fromkeys([450, 567, 568], PROPERTIES),
    **dict.fromkeys([555, 556], VIEWS),
    **dict.fromkeys([165, 167, 168], EXTENDED),
}
