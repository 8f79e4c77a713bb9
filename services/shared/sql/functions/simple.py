"""Functions whose DuckDB form is a line of text: parameter types, result type, template."""

from __future__ import annotations

from dataclasses import dataclass

from services.shared.sql.bound import Bound, can_coerce, mismatch, widen
from services.shared.sql.call import Call, Function
from services.shared.sql.types import Type


@dataclass(frozen=True)
class Form:
    """One overload; `{0}`, `{1}` … are the arguments."""

    parameters: tuple[Type, ...]
    result: Type
    template: str


def simple(*forms: Form) -> Function:
    """Return the function that takes the first overload whose parameters fit, exact matches first."""

    def bind(call: Call) -> Bound:
        call.need(min(len(f.parameters) for f in forms), max(len(f.parameters) for f in forms))
        args = [call.arg(i) for i in range(len(call.args))]
        for fits in (_same, can_coerce):
            for form in forms:
                if len(form.parameters) == len(args) and all(fits(a.type, p) for a, p in zip(args, form.parameters, strict=True)):
                    texts = [widen(a, p).sql for a, p in zip(args, form.parameters, strict=True)]
                    return Bound(form.template.format(*texts), form.result)
        raise mismatch(f"{call.name} does not take ({', '.join(str(a.type) for a in args)})", call.node)

    return bind


def _same(source: Type, target: Type) -> bool:
    return source == target
