# SPDX-License-Identifier: Apache-2.0
"""The `octet` command as the package carries it."""
import os
import pathlib
import shutil
import sys


def command():
    """The path of the command: $OCTET_COMMAND, the one in the package, or the one on PATH."""
    packaged = pathlib.Path(__file__).parent / "bin" / "octet"
    for candidate in (os.environ.get("OCTET_COMMAND"), str(packaged)):
        if candidate and os.path.exists(candidate):
            return candidate
    found = shutil.which("octet")
    if not found:
        raise FileNotFoundError("the octet command is not in the package, on PATH or in $OCTET_COMMAND")
    return found


def main():
    os.execv(command(), ["octet", *sys.argv[1:]])
