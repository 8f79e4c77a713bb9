"""`make doctor`: print the findings, for a person or (`--json`) for a program; exit with 1 if something is wrong."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from headwater.doctor import Finding, Level, examine

_MARKS = {Level.OK: " ok  ", Level.NOTE: "note ", Level.WRONG: "WRONG"}


def main(arguments: list[str]) -> int:
    """Examine this installation and say what was found."""
    findings = examine()
    print(as_json(findings) if "--json" in arguments else as_text(findings))
    return int(any(finding.level is Level.WRONG for finding in findings))


def as_text(findings: list[Finding]) -> str:
    """Return one line a finding, and below it what to do."""
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.level]}  {finding.name:<11}  {finding.detail}")
        if finding.remedy:
            lines.append(f"{'':20}→ {finding.remedy}")
    bad = sum(finding.level is Level.WRONG for finding in findings)
    lines += ["", f"{bad} {'thing is' if bad == 1 else 'things are'} wrong." if bad else "Nothing is wrong."]
    return "\n".join(lines)


def as_json(findings: list[Finding]) -> str:
    """Return the findings as one JSON document."""
    healthy = all(finding.level is not Level.WRONG for finding in findings)
    return json.dumps({"healthy": healthy, "findings": [asdict(finding) for finding in findings]}, indent=2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
