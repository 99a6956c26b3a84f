"""The rows of the table: what is done to a server, which number is taken, and what it should be beside the floor's."""
import os

from comparing.servers import FILTER, NotDone, Through
from comparing.spamd import Spamd

TYPICAL = {"octets": 8192, "spread": 12}
CPU = "server-cpu-us-per-unit"


class Row:
    """One row. prepare() once for each server, started() around the measurements, measure() once a round."""
    unit = "µs"
    aim = None               # at most this times the floor (at_least: at least)
    at_least = False
    aim_text = None
    large = False            # its Maildirs have very many files
    fresh_server = False     # a new process every round
    filtered = False
    limit = None             # instead of `aim`: at most this
    turns = 1                # at most so many short measurements in a round, by turns; of Dovecot one
    own_servers = False      # contestants() has them, in place of all others
    rounds = None            # when it takes long: not more than so many
    dovecot_rounds = 9       # the same for Dovecot, where that is slow and the others are not
    note = ""

    def __init__(self, key, title, aim=None, **more):
        self.key, self.title, self.aim = key, title, aim
        for name, value in more.items():
            setattr(self, name, value)

    def prepare(self, bench, server):
        """Maildirs; for the floor the folder of canned replies."""

    def warm(self, bench, server):
        """Before the first round, not measured."""

    def measure(self, bench, server, round_):
        raise NotImplementedError


class Load(Row):
    """Any kind of load on users with the same maildrop; the floor's reply is always that for message 1."""
    users, count, mail = "s", 50, {"messages": 10, **TYPICAL}
    kind, words, options, value = "sessions", (), {}, CPU
    scale = 1
    turns = 4
    checked = True           # replies are compared with the Maildir (else only STAT)
    share = True             # the users' messages are links to the same files

    def maildir_of(self, bench, server):
        if self.count == 1:
            return bench.one_maildir(server, self.users, **self.mail)
        where = bench.buzon if server is bench.floor else server
        return bench.maildirs(where, self.users, users=self.count, share=self.share, **self.mail)

    def expected(self, bench, server):
        maildir = self.maildir_of(bench, server)
        return {"maildir": maildir} if self.checked else {"stat": bench.stat(self.users)}

    def prepare(self, bench, server):
        expected = self.expected(bench, server)
        return bench.canned(**expected) if server is bench.floor else None

    def run(self, bench, server, **more):
        words = self.words + (("--only-first",) if server is bench.floor and self.kind in ("commands", "retr") else ())
        expected = self.expected(bench, server)
        return bench.load(server, self.kind, *words, **{"user": self.users, **expected, **self.options, **more})

    def warm(self, bench, server):
        self.run(bench, server, seconds=0.2)

    def measure(self, bench, server, round_):
        return self.run(bench, server, seconds=bench.seconds / self.turns)[self.value] * self.scale


def make_idle(bench, server, count):
    if server is not bench.floor:
        bench.maildirs(server, "i", users=count, share=True, octets=1024)


class Idle(Load):
    """Sessions that do nothing, and one that sends NOOP beside them."""
    kind, large, fresh_server, dovecot_rounds, turns = "commands", True, True, 1, 1
    idle, dovecot_idle, rest = 18500, 300, 0

    def maildir_of(self, bench, server):
        make_idle(bench, server, self.dovecot_idle if server is bench.dovecot else 18500)
        return super().maildir_of(bench, server)

    def warm(self, bench, server):
        pass

    def measure(self, bench, server, round_):
        idle = self.dovecot_idle if server is bench.dovecot else self.idle
        result = self.run(bench, server, idle=idle, idle_user="i", pause=0.001, rest=self.rest)
        if self.value == "server-pss-kib-per-idle" and server is bench.buzon:
            descriptors = result["server-descriptors-per-idle"]
            self.note = f"buzon: {descriptors:.2f} descriptors a session"
        return result[self.value]

    def run(self, bench, server, **more):
        self.words = ("--noop",)
        return super().run(bench, server, **more)


class BigLogin(Load):
    """connect, USER, PASS, STAT on a large maildrop whose index is there; wall time."""
    large, turns = True, 1
    kind, value, scale, unit, count, checked = "sessions", "login-p50-us", 0.001, "ms", 1, False
    options = {"sessions": 1, "count": 40}

    def warm(self, bench, server):
        self.run(bench, server, count=1, seconds=60)


class ColdLogin(BigLogin):
    """The same without index, the page cache warm; processor time. The floor opens and reads every mail once."""
    value, scale, fresh_server, dovecot_rounds = "server-cpu-seconds", 1000, True, 1

    def warm(self, bench, server):
        pass

    def measure(self, bench, server, round_):
        maildir = self.maildir_of(bench, server)
        scanned = bench.bare("scan", maildir)      # for the servers: warms the page cache
        if server is bench.floor:
            return scanned["server-cpu-seconds"] * 1000
        server.stop()
        server.forget(f"{self.users}1")
        server.start()
        return self.run(bench, server, count=1, settle=0.5)[self.value] * self.scale


class Fresh(Load):
    """Maildrops with new mail that no session has seen: STAT, RETR of all, QUIT."""
    kind, visited, turns = "fresh", 60, 1

    def prefix(self, round_):
        return f"f{round_}x"

    def make(self, bench, server, round_):
        where = bench.buzon if server is bench.floor else server
        return bench.maildirs(where, self.prefix(round_), users=self.visited, messages=100, new=True, **TYPICAL)

    def prepare(self, bench, server):
        return bench.canned(self.make(bench, server, 1)) if server is bench.floor else None

    def warm(self, bench, server):
        pass

    def measure(self, bench, server, round_):
        if server is bench.floor:      # its one canned message, asked for again and again
            maildir = self.make(bench, server, 1)
            return bench.load(server, "retr", "--only-first", user="f", maildir=maildir, sessions=2)[CPU]
        maildir = self.make(bench, server, round_)
        # They stay until the end: for minutes ext4 looks long for an inode where many were freed.
        return bench.load(server, self.kind, user=self.prefix(round_), maildir=maildir, sessions=2,
                          count=100 * self.visited, settle=0.3, seconds=20)[CPU]


class Filtered(Load):
    """RETR through a program, two at once, beside a bare loop that spawns the same program on the same file."""
    users, count, mail = "g", 2, {"messages": 1, "octets": 8192}
    kind, value, unit, filtered, at_least = "retr", "rate", "/s", True, True
    idle, turns = 0, 1

    def measure(self, bench, server, round_):
        if server is bench.dovecot:
            raise NotDone
        maildir = self.maildir_of(bench, server)
        if server is bench.floor:
            mail = os.path.join(maildir, "cur", os.listdir(f"{maildir}/cur")[0])
            return bench.bare("spawn", max(1, round(bench.seconds)), mail, *FILTER.split())["rate"]
        more = {}
        if self.idle:
            make_idle(bench, server, self.idle)
            more = {"idle": self.idle, "idle_user": "i"}
        return self.run(bench, server, filter=FILTER, sessions=2, **more)["rate"]

    def warm(self, bench, server):
        pass


class LivesOn(Load):
    """RETR through a long-running program, two at once; what stands in the floor's column is buzon with another program
    (None: without one)."""
    users, count, mail = "g", 2, {"messages": 1, "octets": 8192}
    kind, own_servers, turns = "retr", True, 1
    program = beside = filter = None    # of the row; of the floor; a command that makes what both make
    idle = 0

    def contestants(self, bench):
        spec = self.program.format(tools=bench.tools)
        return [Through(bench.buzon, "floor", self.beside), Through(bench.buzon, "buzon", f"process:{spec}")]

    def warm(self, bench, server):
        if self.idle:       # they would leave records of their sessions, which the server writes a minute later
            make_idle(bench, server, self.idle)
        else:
            self.run(bench, server, seconds=0.2)

    def run(self, bench, server, **more):
        if self.filter:
            more["filter"] = self.filter
        if self.idle:
            more.update(idle=self.idle, idle_user="i", rest=5)
        return super().run(bench, server, sessions=2, **more)


class Scanned(LivesOn):
    """With a spamd that both ask; none where SpamAssassin is missing."""
    beside, program, filter = "/usr/bin/spamc -U {socket}", "{bin}/buzon-spamd -U {socket}", "/usr/bin/spamc -U {socket}"

    def contestants(self, bench):
        self.spamd = bench.closing(Spamd(bench.top))
        place = {"socket": self.spamd.socket, "bin": os.path.dirname(bench.buzon.program)}
        self.filter = self.filter.format(**place)
        return [Through(bench.buzon, "floor", self.beside.format(**place)),
                Through(bench.buzon, "buzon", "process:" + self.program.format(**place))]

    def prepare(self, bench, server):
        if not self.spamd.start():
            raise NotDone
        return super().prepare(bench, server)


class Slow(Load):
    """Whole sessions while 100 others read a 25 MiB message at 16 KiB/s."""
    turns = 1

    def prepare(self, bench, server):
        where = bench.buzon if server is bench.floor else server
        large = bench.maildirs(where, "w", users=100, share=True, octets=25 << 20)
        self.maildir_of(bench, server)
        return bench.canned(large) if server is bench.floor else None

    def run(self, bench, server, **more):
        where = bench.buzon if server is bench.floor else server
        large = f"{where.root}/w1"
        if server is bench.floor:      # its canned STAT is that of the large maildrop
            return bench.load(server, "sessions", user="s", stat=bench.stat("w"),
                              **{**self.options, "slow_maildir": large, **more})
        return super().run(bench, server, slow_maildir=large, **more)


def large(octets, crlf):
    return {"messages": 2, "octets": octets, **({"crlf": True} if crlf else {})}


MANY = {"messages": 100_000, "octets": 1024, "spread": 50}

ROWS = [
    Load("session", "session (connect, USER, PASS, STAT, QUIT), 50 at once", 1.5, options={"sessions": 50}),
    Load("command", "command, 50 sessions, depth 1", 1.2, kind="commands", options={"sessions": 50}),
    Load("pipelined", "command, 10 sessions, depth 50", 3, kind="commands", options={"sessions": 10, "depth": 50}),
    Load("retr-8k", "RETR 8 KiB, 8 at once, LF files", 2, kind="retr", options={"sessions": 8},
         users="r", count=8, mail={"messages": 200, **TYPICAL}),
    Load("retr-8k-crlf", "RETR 8 KiB, 8 at once, CRLF files", 2, kind="retr", options={"sessions": 8},
         users="q", count=8, mail={"messages": 200, "crlf": True, **TYPICAL}),
    Load("retr-1m", "RETR 1 MiB, 8 at once, LF files", 2.5, kind="retr", options={"sessions": 8},
         users="m", count=8, mail=large(1 << 20, False)),
    Load("retr-1m-crlf", "RETR 1 MiB, 8 at once, CRLF files", 1.2, kind="retr", options={"sessions": 8},
         users="n", count=8, mail=large(1 << 20, True)),
    Load("retr-25m", "RETR 25 MiB, 8 at once, LF files", 2.5, kind="retr", options={"sessions": 8},
         users="l", count=8, mail=large(25 << 20, False), unit="ms", scale=0.001),
    Load("retr-25m-crlf", "RETR 25 MiB, 8 at once, CRLF files", 1.2, kind="retr", options={"sessions": 8},
         users="k", count=8, mail=large(25 << 20, True), unit="ms", scale=0.001),
    BigLogin("login-1k", "login + STAT, 1,000 messages, warm (wall time)", users="c", mail={**MANY, "messages": 1000},
             aim_text="≤ 1 ms", limit=1.0),
    BigLogin("login-100k", "login + STAT, 100,000 messages, warm (wall time)", users="a", mail=MANY,
             aim_text="≤ 1 ms", limit=1.0),
    Load("list", "LIST of 100,000", 1.5, kind="list", large=True, users="a", count=1, mail=MANY, unit="ms", scale=0.001),
    Load("uidl", "UIDL of 100,000", 1.5, kind="uidl", large=True, users="a", count=1, mail=MANY, unit="ms", scale=0.001),
    ColdLogin("cold", "login + STAT, 100,000 messages, no index (page cache warm), CPU", 1.3, users="a", mail=MANY),
    Fresh("fresh", "new mail fetched for the first time, 2 at once", 2.5),
    Filtered("filter", "filtered RETR (sed, 8 KiB), 2 at once", 0.9),
    Slow("slow", "session p99 beside 100 slow readers of 25 MiB, 10 at once", value="p99-us", unit="ms", scale=0.001,
         options={"sessions": 10, "slow": 100, "slow_user": "w"}),
    Idle("idle", "memory of an idle logged-in session (PSS), 18,500 of them (Dovecot: 300)",
         value="server-pss-kib-per-idle", unit="KiB", rest=12, aim_text="≤ 1 KiB", limit=1.0),
    Idle("noop", "NOOP p99 beside 5,000 idle sessions (Dovecot: 300)", 1.2, idle=5000, value="p99-us",
         aim_text="as the floor"),
    Filtered("filter-idle", "filtered RETR beside 18,500 idle sessions", 0.9, idle=18500, large=True),
    LivesOn("process-same", "RETR 8 KiB through a long-running program and says \"same\", CPU of all processes (floor: -T /bin/cat)",
            0.05, program="{tools}/bench_filter same", beside="/bin/cat"),
    LivesOn("process-server", "the same, CPU of the server without the program (floor: RETR without a program)", 1.5,
            program="{tools}/bench_filter same", value="server-cpu-us-without-programs"),
    LivesOn("process-header", "RETR 8 KiB through a long-running program and adds a field, CPU of all processes (floor: sed)",
            0.1, program="{tools}/bench_filter header", beside="/usr/bin/sed:1i X-Bench: yes", filter="sed '1i X-Bench: yes'"),
    LivesOn("process-25m", "RETR 25 MiB through a long-running program and streams it (floor: without a program)", 0.5,
            program="{tools}/bench_filter stream", users="t", mail={"messages": 2, "octets": 25 << 20}, value="rate",
            unit="/s", at_least=True),
    LivesOn("process-idle", "RETR 8 KiB through a program that says \"same\" beside 10,000 idle sessions (floor: -T /bin/cat)", 0.05,
            program="{tools}/bench_filter same", beside="/bin/cat", idle=10000, large=True, fresh_server=True, rounds=2),
    Scanned("spamd", "RETR 8 KiB through buzon-spamd, CPU without spamd's (floor: spamc)", 1),
    BigLogin("login-1m", "login + STAT, 1,000,000 messages, warm (wall time)", users="b", rounds=1,
             mail={"messages": 1_000_000, "octets": 1024, "links": 10_000}, aim_text="≤ 1 ms", limit=1.0),
]
