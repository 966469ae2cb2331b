#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command explains itself: --help exits 0 and has a section "Example:" that names the command. What is passed over is said."""
import os
import subprocess
import sys

COMMANDS = ["convert", "check", "quantize", "gate", "diagnose", "run", "bench", "inspect", "package"]
FLEET = ["fleet init", "fleet token", "fleet ingest", "fleet report", "fleet serve"]  # Where octet is built with it.


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
    isa = subprocess.run([octet, "--version"], capture_output=True, text=True, check=False, env={**os.environ, "OCTET_ISA": "avx9"})
    if isa.returncode != 0 or "OCTET_ISA=avx9" not in isa.stderr:
        failed += 1
        print(f"FAILED an unknown OCTET_ISA is not named: exit {isa.returncode}\n{isa.stderr}")
    print(f"{len(commands) + 1 - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
