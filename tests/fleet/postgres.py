# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL in a folder of its own: started, stopped, killed and restarted by tests. Run as root it becomes the user postgres, because initdb refuses root."""
import glob
import os
import pwd
import shutil
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    return found[-1] if found else None


class Postgres:
    def __init__(self, folder, *settings):
        self.bin, self.folder, self.port = binaries(), os.path.abspath(folder), free_port()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.user = []
        if os.getuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.user = ["setpriv", "--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--clear-groups"]
        self.data = os.path.join(self.folder, "data")
        self._call("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-N")
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "max_wal_size": "4GB", "shared_buffers": "256MB"}
        options.update(dict(s.split("=", 1) for s in settings))
        with open(os.path.join(self.data, "postgresql.auto.conf"), "a") as f:
            f.writelines(f"{k} = '{v}'\n" for k, v in options.items())
        self.start()

    def _call(self, name, *args):
        subprocess.run([*self.user, os.path.join(self.bin, name), *args], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def start(self):
        self._call("pg_ctl", "-D", self.data, "-l", os.path.join(self.folder, "log"), "-w", "-t", "180", "start")

    def stop(self, mode="fast"):
        """immediate: as a power cut; nothing is finished, the next start recovers."""
        self._call("pg_ctl", "-D", self.data, "-w", "-t", "180", "-m", mode, "stop")

    def url(self, database="fleet", user="postgres"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def query(self, sql, database="fleet", user="postgres"):
        """Rows of text columns."""
        done = subprocess.run([os.path.join(self.bin, "psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database, user), "-f", "-"],
                              input=sql, text=True, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return [line.split("\t") for line in done.stdout.splitlines()]

    def one(self, sql, **kw):
        return self.query(sql, **kw)[0][0]

    def timed(self, sql):
        start = time.monotonic()
        self.query(sql)
        return time.monotonic() - start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop("immediate")
        except subprocess.CalledProcessError:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)
