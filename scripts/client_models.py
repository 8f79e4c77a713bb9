"""Write `headwater/client/models.py` from the contract: `python -m scripts.client_models`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from datamodel_code_generator import Formatter, InputFileType, LiteralType, OpenAPIScope, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ROOT / "contract" / "openapi.yaml"
MODULE = ROOT / "headwater" / "client" / "models.py"
_HEAD = '''"""The shapes of the contract's answers and requests, as dictionaries; written by `python -m scripts.client_models`, never by hand."""
'''


def render() -> str:
    """Return the module; a field that a newer server adds breaks no older client, so the dictionaries are open."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "models.py"
        generate(
            CONTRACT,
            output=target,
            input_file_type=InputFileType.OpenAPI,
            openapi_scopes=[OpenAPIScope.Schemas],
            output_model_type=DataModelType.TypingTypedDict,
            target_python_version=PythonVersion.PY_311,
            enum_field_as_literal=LiteralType.All,
            use_schema_description=True,
            use_standard_collections=True,
            use_union_operator=True,
            disable_timestamp=True,
            formatters=[Formatter.BUILTIN],
        )
        text = target.read_text()
    text = re.sub(r"\A(#.*\n)+", _HEAD, text)
    text = text.replace("from typing_extensions import TypedDict\n", "").replace("import Literal, ", "import Literal, TypedDict, ")
    text = re.sub(r"\((\w+), closed=True\)", r"(\1)", text)
    text = re.sub(r'"""\n    (.+)\n    """', _docstring, text)
    return _formatted(text)


def _docstring(match: re.Match[str]) -> str:
    lines = textwrap.wrap(match[1], 140)
    return '"""' + "\n    ".join(lines) + ('"""' if len(lines) == 1 else '\n    """')


def _formatted(text: str) -> str:
    for step in (("check", "--fix-only", "--select", "I,UP"), ("format",)):
        command = (sys.executable, "-m", "ruff", *step, "--quiet", "--stdin-filename", str(MODULE), "-")
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout  # noqa: S603 - our own arguments
    return text


if __name__ == "__main__":
    MODULE.write_text(render())
