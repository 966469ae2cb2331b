#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A wheel for another platform from this one's: module and command are exchanged; without a command for there it is left out.

Usage: retag.py WHEEL PLATFORM MODULE.so OUT_FOLDER [COMMAND]
"""
import base64
import hashlib
import pathlib
import re
import stat
import sys
import zipfile


def main():
    wheel, platform, module, out = sys.argv[1:5]
    command = sys.argv[5] if len(sys.argv) > 5 else None
    wheel = pathlib.Path(wheel)
    name = re.sub(r"-(linux|manylinux)[^-]*\.whl$", f"-{platform}.whl", wheel.name)
    record = []
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(pathlib.Path(out) / name, "w") as target:
        def add(path, data, mode=0o644):
            info = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            info.external_attr = (stat.S_IFREG | mode) << 16
            target.writestr(info, data, zipfile.ZIP_DEFLATED)

        for info in source.infolist():
            data = source.read(info)
            path = info.filename
            if path.endswith("/RECORD"):
                record_path = path
                continue
            if path == "octet/bin/octet":
                if not command:
                    continue
                data = pathlib.Path(command).read_bytes()
            if path == "octet/_native.abi3.so":
                data = pathlib.Path(module).read_bytes()
            if path.endswith(".dist-info/WHEEL"):
                data = re.sub(rb"^Tag: (\S+?)-[^-\n]+$", rb"Tag: \1-" + platform.encode(), data, flags=re.M)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(data)}")
            add(path, data, 0o755 if path == "octet/bin/octet" else 0o644)
        add(record_path, "\n".join([*record, f"{record_path},,"]) + "\n")
    print(f"octet: {name}")


if __name__ == "__main__":
    main()
