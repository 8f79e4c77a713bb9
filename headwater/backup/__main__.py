"""`python -m headwater.backup take TARGET | check SOURCE | restore SOURCE`: the home is HEADWATER_HOME."""

from __future__ import annotations

import sys
from pathlib import Path

from headwater.backup import BackupFailed, back_up, check_backup, restore
from services.shared.settings import load_settings

_USAGE = 64


def main(arguments: list[str]) -> int:
    """Do what is asked; return 0, 1 if it can't be done, 64 if it was not understood."""
    try:
        match arguments:
            case ["take", target]:
                done = back_up(load_settings(), Path(target))
                print(f"{target} holds {done.files} files of {done.size} bytes; {done.copied_files} files of {done.copied_bytes} bytes were new")
            case ["check", source]:
                print(f"{source} is whole: {len(check_backup(Path(source)).entries)} files")
            case ["restore", source]:
                home = load_settings().home.resolve()
                print(f"{home} is as it was at {restore(Path(source), home).created_at}; `make up` starts it")
            case _:
                print(__doc__, file=sys.stderr)
                return _USAGE
    except BackupFailed as error:
        print(f"headwater: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"headwater: {error}; the backup before this one, or the home, is as it was", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
