"""The three that are compared: the floor, buzon and Dovecot. Each is a child of ours, on loopback and a free port."""
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

PASSWORD = "pass"
FILTER = "/usr/bin/sed s/e/x/g"


class Failed(Exception):
    """A server or a measurement that did not work; the text is for the table."""


class NotDone(Failed):
    """The server has nothing to do in this row."""


class NoTime(NotDone):
    """The whole comparison has used up its time."""


def die_with_us():
    """Between fork and exec: SIGTERM for the server when we end, however that happens."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that serves the Maildirs below `root` while it is started. It has two roots, for ordinary Maildirs and
    for large ones, and serves one of them at a time."""
    name = ""
    owner = None       # user id its files must belong to; None: our own

    def __init__(self, work, large_root):
        self.work = work            # its own directory
        self.roots = {False: f"{work}/mail", True: large_root}
        self.process = None
        self.port = 0
        for folder in self.roots.values():
            os.makedirs(folder, exist_ok=True)
        self.serve(large=False)

    def serve(self, large):
        """From its next start on."""
        self.root = self.roots[large]

    @property
    def pid(self):
        return self.process.pid

    def missing(self):
        """Why it cannot take part at all, or None."""
        return None

    def made(self, prefix, count):
        """The Maildirs PREFIX1 ... are there."""

    def spawn(self, argv, **more):
        with open(f"{self.work}/log", "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=log, cwd=self.work,
                                            preexec_fn=die_with_us, **more)

    def wait_for_port(self, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed(f"ended at its start with {self.process.returncode}: {self.last_log_line()}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                    if probe.recv(3) == b"+OK":
                        return
            except OSError:
                time.sleep(0.05)
        raise Failed("does not answer")

    def read_port(self):
        """From the line `Server started on port N ...` on its stdout."""
        line = self.process.stdout.readline().decode(errors="replace")
        words = line.split()
        if words[:4] != ["Server", "started", "on", "port"]:
            raise Failed(f"did not start: {self.last_log_line()}")
        self.port = int(words[4])

    def last_log_line(self):
        with open(f"{self.work}/log", errors="replace") as log:
            lines = log.read().strip().splitlines()
        return lines[-1] if lines else "nothing in its log"

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None

    def forget(self, user):
        """Removes everything the server remembers of a user's Maildir; for a login without an index."""
        for folder, kept in ((f"{self.root}/{user}", ("cur", "new", "tmp")), (self.root, None)):
            for entry in os.scandir(folder):
                if kept is not None and entry.name in kept or kept is None and not entry.name.startswith("."):
                    continue
                shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


class Floor(Server):
    name = "floor"

    def __init__(self, work, large_root, tools):
        super().__init__(work, large_root)
        self.tools = tools

    def start(self, canned=None, filtered=False):
        self.spawn([f"{self.tools}/bench_floor", "serve", canned], stdout=subprocess.PIPE)
        self.read_port()

    def version(self):
        return "a bare epoll loop with canned replies"


SITE_USER = "mail"     # owns all mail: Dovecot refuses to serve root's, and buzon gives root up


def belongs_to(user, folders):
    """Where root measures, the folders are that user's."""
    if os.geteuid() == 0:
        for folder in folders:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)


class Buzon(Server):
    name = "buzon"
    more = []          # options
    user = SITE_USER   # as whom it serves where root starts it

    def __init__(self, work, large_root, program, users):
        super().__init__(work, large_root)
        self.program = program
        self.users = users
        if os.geteuid() == 0:
            self.owner = pwd.getpwnam(SITE_USER).pw_uid
        belongs_to(self.user, self.roots.values())

    def missing(self):
        return None if os.access(self.program, os.X_OK) else "not built"

    def start(self, canned=None, filtered=False):
        argv = [self.program, "-l", "127.0.0.1", "-p", "0", "-L", f"unix:{self.work}/management",
                "-d", self.root, "--users", self.users, *self.more]
        if os.geteuid() == 0:
            argv += ["--run-as", self.user]
        if filtered:
            program, argument = FILTER.split(" ", 1)
            argv += ["-T", f"{program}:{argument}"]
        self.spawn(argv, stdout=subprocess.PIPE)
        self.read_port()

    def version(self):
        run = subprocess.run([self.program, "--version"], capture_output=True, text=True, timeout=10)
        return run.stdout.strip().splitlines()[0] if run.stdout.strip() else "unknown"


class Through(Buzon):
    """The same Maildirs, through a program of its own; None: through none."""
    def __init__(self, plain, column, spec):
        super().__init__(f"{plain.work}-{column}", plain.roots[True], plain.program, plain.users)
        self.name, self.roots = column, plain.roots
        self.more = ["-T", spec] if spec else []
        self.serve(large=False)


DOVECOT_CONFIG = """\
# Tuned for speed: login and mail processes are reused, nothing is fsynced, no TLS, users in a file read once.
base_dir = {work}/run
state_dir = {work}/run
log_path = {work}/log
protocols = pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
mail_location = maildir:{root}/%u
mail_fsync = never
first_valid_uid = 1
mail_max_userip_connections = 0
default_vsz_limit = 0
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={root}/%u
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
  service_count = 0
  client_limit = 10000
  process_min_avail = {cores}
}}
service pop3 {{
  service_count = 0
  process_limit = 20000
  client_limit = 1
}}
service auth {{
  client_limit = 20000
}}
service anvil {{
  client_limit = 20000
}}
service stats {{
  client_limit = 20000
}}
"""


class Dovecot(Server):
    name = "dovecot"
    program = "/usr/sbin/dovecot"
    user = SITE_USER

    def __init__(self, work, large_root, users):
        super().__init__(work, large_root)
        self.users = users
        self.owner = pwd.getpwnam(self.user).pw_uid
        belongs_to(self.user, self.roots.values())

    def missing(self):
        if os.geteuid() != 0:
            return "needs root"
        return None if os.access(self.program, os.X_OK) else "not installed"

    def start(self, canned=None, filtered=False):
        self.port = free_port()
        config = f"{self.work}/dovecot.conf"
        with open(config, "w") as file:
            file.write(DOVECOT_CONFIG.format(work=self.work, root=self.root, users=self.users, port=self.port,
                                             owner=self.user, cores=os.cpu_count()))
        self.spawn([self.program, "-F", "-c", config], stdout=subprocess.DEVNULL)
        self.wait_for_port()

    def version(self):
        run = subprocess.run([self.program, "--version"], capture_output=True, text=True, timeout=10)
        return "Dovecot " + run.stdout.split()[0]


def install_dovecot():
    """Debian's package, without its own service being started."""
    if os.access(Dovecot.program, os.X_OK) and os.path.exists("/usr/lib/dovecot/pop3"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print("compare: Dovecot is absent and cannot be installed here", flush=True)
        return
    policy = "/usr/sbin/policy-rc.d"     # asked by invoke-rc.d; 101 forbids
    ours = not os.path.exists(policy)
    if ours:
        with open(policy, "w") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(policy, 0o755)
    try:
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], timeout=120, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "dovecot-pop3d"], timeout=180,
                       **quiet)
    except subprocess.TimeoutExpired:
        print("compare: installing Dovecot took too long", flush=True)
    finally:
        if ours:
            os.unlink(policy)
