#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command explains itself: --help exits 0 and has a section "Example:" that names the command."""
import subprocess
import sys

COMMANDS = ["convert", "check", "quantize", "gate", "diagnose", "run", "bench", "inspect"]
FLEET = ["fleet init", "fleet token", "fleet ingest"]  # Where octet is built with it.


def main():
    octet, failed = sys.argv[1], 0
    overview = subprocess.run([octet, "--help"], capture_output=True, text=True, check=False).stdout
    commands = COMMANDS + [name for name in FLEET if "fleet" in overview]
    for command in commands:
        result = subprocess.run([octet, *command.split(), "--help"], capture_output=True, text=True, check=False)
        good = result.returncode == 0 and "Example:" in result.stdout and f"octet {command} " in result.stdout and command.split()[0] in overview
        failed += not good
        if not good:
            print(f"FAILED octet {command} --help: exit {result.returncode}\n{result.stdout}")
    print(f"{len(commands) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
