"""The measuring place: a temporary directory with Maildirs for each server, the tools, and the time that is left."""
import os
import shutil
import subprocess
import tempfile
import time

from comparing.servers import Buzon, Dovecot, Failed, Floor, NoTime, PASSWORD

# Every user of every row, so that one users file serves all: prefix and how many.
USERS = {"s": 50, "r": 8, "q": 8, "g": 2, "t": 2, "m": 8, "n": 8, "l": 8, "k": 8, "w": 200, "a": 1, "b": 1, "c": 1, "i": 18500,
         **{f"f{round_}x": 60 for round_ in range(1, 10)}}


class Bench:
    def __init__(self, directory, large_directory, tools, program, limit, seconds, with_dovecot):
        self.seconds = seconds
        self.end = time.monotonic() + limit
        self.tools = tools
        self.top = tempfile.mkdtemp(prefix="buzon-bench-", dir=directory)
        self.large = tempfile.mkdtemp(prefix="buzon-bench-", dir=large_directory)
        for folder in (self.top, self.large):
            os.chmod(folder, 0o755)    # Dovecot's mail processes are not root
        users = f"{self.top}/users"
        with open(users, "w") as file:
            for prefix, count in USERS.items():
                file.writelines(f"{prefix}{n}:{{PLAIN}}{PASSWORD}\n" for n in range(1, count + 1))
        self.floor = Floor(f"{self.top}/floor", f"{self.large}/floor", tools)
        self.buzon = Buzon(f"{self.top}/buzon", f"{self.large}/buzon", program, users)
        self.dovecot = Dovecot(f"{self.top}/dovecot", f"{self.large}/dovecot", users)
        self.servers = [self.floor, self.buzon] + ([self.dovecot] if with_dovecot else [])
        self.helpers = []
        self.made = {}                 # (root, prefix) -> "N OCTETS" of each user

    def closing(self, helper):
        """It is stopped at the end."""
        self.helpers.append(helper)
        return helper

    def close(self):
        for server in self.servers + self.helpers:
            server.stop()
        for folder in (self.top, self.large):
            shutil.rmtree(folder, ignore_errors=True)

    def time_left(self):
        return self.end - time.monotonic()

    def run(self, argv, timeout):
        """Standard output of a tool; Failed when it fails or takes too long."""
        left = self.time_left()
        if left <= 1:
            raise NoTime
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=min(timeout, left))
        except subprocess.TimeoutExpired:
            raise (Failed("took too long") if timeout <= left else NoTime) from None
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            raise Failed(lines[0] if lines else f"exit {done.returncode}")
        return done.stdout

    def maildirs(self, server, prefix, **options):
        """Makes PREFIX1 ... once for a server; returns the first one's path. Options are those of bench_maildir."""
        if (server.root, prefix) not in self.made:
            argv = [f"{self.tools}/bench_maildir", "--root", server.root, "--user", prefix]
            if server.owner:
                argv += ["--owner", str(server.owner)]
            for name, value in options.items():
                if value is not False:
                    argv += [f"--{name}"] if value is True else [f"--{name}", str(value)]
            try:
                self.made[server.root, prefix] = self.run(argv, 120).strip()
                server.made(prefix, options.get("users", 1))
            except Failed:
                self.discard(server, prefix, options.get("users", 1))   # a part would stand in the way of the next try
                raise
        return f"{server.root}/{prefix}1"

    def one_maildir(self, server, prefix, **options):
        """The same for one user with so many mails that all servers share them, each with a place for its index: no
        server writes into cur."""
        where = self.buzon
        made = self.maildirs(where, prefix, **options)
        if server is self.dovecot and (server.root, prefix) not in self.made:
            own = f"{server.root}/{prefix}1"
            for part in ("", "/new", "/tmp"):
                os.mkdir(own + part, 0o700)
                os.chown(own + part, server.owner, server.owner)
            os.symlink(f"{made}/cur", f"{own}/cur")
            self.made[server.root, prefix] = self.made[where.root, prefix]
        return f"{server.root}/{prefix}1" if server is self.dovecot else made

    def stat(self, prefix):
        """The numbers STAT must give each user of a prefix."""
        return self.made[self.buzon.root, prefix]

    def discard(self, server, prefix, count):
        """Frees the disk again."""
        for n in range(1, count + 1):
            shutil.rmtree(f"{server.root}/{prefix}{n}", ignore_errors=True)
        self.made.pop((server.root, prefix), None)

    def canned(self, maildir=None, stat=None):
        """Replies for the floor, made from a Maildir; or STAT alone."""
        folder = f"{self.top}/floor/canned"
        source = ["--maildir", maildir] if maildir else ["--stat", stat]
        self.run([f"{self.tools}/bench_load", "canned", *source, "--into", folder], 60)
        return folder

    def load(self, server, kind, *words, seconds=None, timeout=90, **options):
        """Runs the load generator; its "name value" lines as numbers. Errors it counted are a failure."""
        argv = [f"{self.tools}/bench_load", kind, *words, "--port", str(server.port), "--server-pid", str(server.pid),
                "--password", PASSWORD, "--seconds", str(seconds or self.seconds), "--patience", "45"]
        for name, value in options.items():
            argv += ["--" + name.replace("_", "-"), str(value)]
        return numbers(self.run(argv, timeout))

    def bare(self, *words):
        """Runs a bare loop of bench_floor."""
        return numbers(self.run([f"{self.tools}/bench_floor", *map(str, words)], 60))


def numbers(output):
    pairs = (line.split(" ", 1) for line in output.splitlines() if " " in line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}
