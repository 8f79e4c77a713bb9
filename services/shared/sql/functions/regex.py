"""Regular expressions: Java's syntax where RE2 means the same, checked before it runs (docs: functions/regexp)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.shared.sql.bound import Bound, refusal, unsupported
from services.shared.sql.call import Call, Functions
from services.shared.sql.names import text
from services.shared.sql.types import BIGINT, BOOLEAN, VARCHAR, array_of

_CATEGORIES = {"L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "N", "Nd", "Nl", "P", "Pd", "Ps", "Pe", "S", "Sm", "Sc", "Z", "Zs"}
_PLAIN_ESCAPES = set("dDwWbBAntrf.*+?()[]{}|^$/\\-_,:;=!@#%&~<>'\" ")


@dataclass(frozen=True)
class Pattern:
    """A pattern in RE2's words; groups count from 1, `optional` are those that a match may leave out."""

    re2: str
    groups: int
    optional: frozenset[int]
    ends: bool
    may_be_empty: bool


@dataclass
class _Group:
    number: int | None
    members: list[int]
    alternatives: bool = False


class _Reader:
    """Reads a Java pattern once, writes the RE2 pattern beside it, and refuses by name what differs."""

    def __init__(self, source: str, call: Call) -> None:
        self._source, self._call, self._at = source, call, 0
        self._out: list[str] = []
        self._groups = 0
        self._optional: set[int] = set()
        self._stack: list[_Group] = [_Group(None, [])]
        self._ends = False

    def read(self) -> Pattern:
        while self._at < len(self._source):
            self._step()
        if len(self._stack) != 1:
            self._refuse("an open parenthesis")
        self._close(self._stack[0])
        return Pattern("".join(self._out), self._groups, frozenset(self._optional), self._ends, self._may_be_empty())

    def _step(self) -> None:
        char = self._source[self._at]
        match char:
            case "\\":
                self._escape(in_class=False)
            case "[":
                self._class()
            case "(":
                self._open()
            case ")":
                self._take(1)
                if len(self._stack) == 1:
                    self._refuse("an unmatched parenthesis")
                group = self._stack.pop()
                self._close(group)
                self._stack[-1].members += group.members + ([group.number] if group.number else [])
                if re.match(r"[?*]|\{0", self._source[self._at :]):
                    self._optional.update(group.members, [group.number] if group.number else [])
                self._quantifier()
            case "|":
                self._stack[-1].alternatives = True
                self._take(1)
            case "$":
                self._ends = True
                self._take(1)
            case "*" | "+" | "?" | "{":
                self._quantifier()
            case _:
                self._take(1)

    def _close(self, group: _Group) -> None:
        if group.alternatives:
            self._optional.update(group.members)

    def _take(self, count: int) -> None:
        self._out.append(self._source[self._at : self._at + count])
        self._at += count

    def _quantifier(self) -> None:
        match = re.compile(r"([*+?]|\{\d{1,4}(,\d{0,4})?\})([?+]?)").match(self._source, self._at)
        if match is None:
            if self._source[self._at : self._at + 1] == "{":
                self._refuse("a brace that is no quantifier")
            return
        if match[3] == "+":
            self._refuse(f"the possessive quantifier {match[0]}")
        self._take(len(match[0]))

    def _open(self) -> None:
        rest = self._source[self._at :]
        number = None
        if match := re.match(r"\(\?(<?[=!]|>)", rest):
            kind = {"=": "lookahead", "!": "lookahead", "<=": "lookbehind", "<!": "lookbehind", ">": "an atomic group"}[match[1]]
            self._refuse(f"{kind} {match[0]}")
        if match := re.match(r"\(\?([ism]*)(-[ism]+)?(:|\))", rest):
            self._take(len(match[0]))
            if match[3] == ")":
                return
        elif match := re.match(r"\(\?<([A-Za-z][A-Za-z0-9]*)>", rest):
            self._groups += 1
            number = self._groups
            self._out.append(f"(?P<{match[1]}>")
            self._at += len(match[0])
        elif rest.startswith("(?"):
            self._refuse(rest[:4])
        else:
            self._groups += 1
            number = self._groups
            self._take(1)
        self._stack.append(_Group(number, []))

    def _escape(self, *, in_class: bool) -> None:
        rest = self._source[self._at :]
        if match := re.match(r"\\[pP]\{(\w+)\}", rest):
            if match[1] not in _CATEGORIES:
                self._refuse(match[0])
            self._take(len(match[0]))
        elif rest[:2] == "\\s":
            self._out.append(r"\s\x0b" if in_class else r"[\s\x0b]")
            self._at += 2
        elif rest[:2] == "\\S" and not in_class:
            self._out.append(r"[^\s\x0b]")
            self._at += 2
        elif re.match(r"\\[1-9k]", rest):
            self._refuse(f"the back reference {rest[:2]}")
        elif match := re.match(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})", rest):
            self._out.append(f"\\x{{{match[1][1:]}}}")
            self._at += len(match[0])
        elif len(rest) > 1 and rest[1] in _PLAIN_ESCAPES and not (in_class and rest[1] in "bBA"):
            if rest[1] in "/_,:;=!@#%&~<>'\" ":
                self._out.append(re.escape(rest[1]) if rest[1] in "#&~" else rest[1])
                self._at += 2
            else:
                self._take(2)
        else:
            self._refuse(f"the escape {rest[:2]}")

    def _class(self) -> None:
        self._take(1)
        if self._source.startswith("^", self._at):
            self._take(1)
        if self._source.startswith("]", self._at):
            self._refuse("an empty class")
        while True:
            if self._at >= len(self._source):
                self._refuse("an open class")
            char = self._source[self._at]
            if char == "]":
                self._take(1)
                return
            if char == "[" or self._source.startswith("&&", self._at):
                self._refuse("a class inside a class")
            if char == "\\":
                self._escape(in_class=True)
            else:
                self._take(1)

    def _may_be_empty(self) -> bool:
        try:
            return re.compile(re.sub(r"\\[pP]\{\w+\}", "x", self._source).replace("(?<", "(?P<")).match("") is not None
        except re.error:
            return True

    def _refuse(self, what: str) -> None:
        raise unsupported(f"{self._call.name} with {what} in the pattern", self._call.node)


def _pattern(call: Call) -> Pattern:
    return _Reader(call.text(1, "pattern"), call).read()


def _guarded(value: str, pattern: Pattern, call: Call) -> str:
    """`$` also matches before a last line break in Java and not in RE2: a value that ends in one is an error, never another answer."""
    if not pattern.ends:
        return value
    unlike = refusal(f"{call.name} with $ on a value that ends in a line break", VARCHAR)
    return f"(CASE WHEN ends_with({value}, chr(10)) THEN {unlike} ELSE {value} END)"


def _like(call: Call) -> Bound:
    call.need(2)
    value, pattern = call.typed(0, VARCHAR), _pattern(call)
    return Bound(f"regexp_matches({_guarded(value.sql, pattern, call)}, {text(pattern.re2)})", BOOLEAN)


def _group(call: Call, pattern: Pattern) -> int:
    if len(call.args) < 3:
        return 0
    number = call.arg(2).number
    if number is None or not 0 <= number <= pattern.groups:
        raise unsupported(f"{call.name} of a group that the pattern does not have", call.node)
    if number in pattern.optional:
        raise unsupported(f"{call.name} of group {number}, which a match may leave out", call.node)
    return number


def _extract(call: Call) -> Bound:
    call.need(2, 3)
    value, pattern = call.typed(0, VARCHAR), _pattern(call)
    group = _group(call, pattern)
    guarded = _guarded(value.sql, pattern, call)
    found = f"regexp_matches({guarded}, {text(pattern.re2)})"
    return Bound(f"(CASE WHEN {found} THEN regexp_extract({guarded}, {text(pattern.re2)}, {group}) END)", VARCHAR)


def _never_empty(call: Call) -> Pattern:
    pattern = _pattern(call)
    if pattern.may_be_empty:
        raise unsupported(f"{call.name} with a pattern that matches the empty text", call.node)
    return pattern


def _extract_all(call: Call) -> Bound:
    call.need(2, 3)
    value, pattern = call.typed(0, VARCHAR), _never_empty(call)
    group = _group(call, pattern)
    return Bound(f"regexp_extract_all({_guarded(value.sql, pattern, call)}, {text(pattern.re2)}, {group})", array_of(VARCHAR))


def _count(call: Call) -> Bound:
    call.need(2)
    value, pattern = call.typed(0, VARCHAR), _never_empty(call)
    return Bound(f"len(regexp_extract_all({_guarded(value.sql, pattern, call)}, {text(pattern.re2)}))", BIGINT)


def _split(call: Call) -> Bound:
    call.need(2)
    value, pattern = call.typed(0, VARCHAR), _never_empty(call)
    return Bound(f"regexp_split_to_array({_guarded(value.sql, pattern, call)}, {text(pattern.re2)})", array_of(VARCHAR))


def _replace(call: Call) -> Bound:
    call.need(2, 3)
    value, pattern = call.typed(0, VARCHAR), _never_empty(call)
    new = _replacement(call.text(2, "replacement"), pattern, call) if len(call.args) == 3 else ""
    return Bound(f"regexp_replace({_guarded(value.sql, pattern, call)}, {text(pattern.re2)}, {text(new)}, 'g')", VARCHAR)


def _replacement(source: str, pattern: Pattern, call: Call) -> str:
    def part(match: re.Match[str]) -> str:
        word = match[0]
        if re.fullmatch(r"\$\d", word):
            if int(word[1]) > pattern.groups:
                raise unsupported(f"regexp_replace with {word}, a group the pattern does not have", call.node)
            return "\\" + word[1]
        if word.startswith("$") or word == "\\":
            raise unsupported(f"regexp_replace with {word} in the replacement", call.node)
        if word.startswith("\\"):
            return "\\\\" if word[1] == "\\" else word[1]
        return word

    if re.search(r"\$\d\d", source):
        raise unsupported("regexp_replace with a group followed by a digit", call.node)
    return re.sub(r"\\.?|\$\d|\$(\{\w*\}?)?|[^\\$]+", part, source, flags=re.DOTALL)


FUNCTIONS: Functions = {
    "regexp_like": _like,
    "regexp_extract": _extract,
    "regexp_extract_all": _extract_all,
    "regexp_count": _count,
    "regexp_split": _split,
    "regexp_replace": _replace,
}
