"""What the division into confined processes costs: buzon as it is beside buzon without a sandbox, and beside one whose
maildrops have owners of their own."""
import os
import statistics

from comparing.rows import ColdLogin, Fresh, Load, TYPICAL
from comparing.servers import Buzon
from comparing.table import number

FIRST_OWNER = 41001


class Open(Buzon):
    """Without a sandbox."""
    name = "sandbox off"
    more = ["--sandbox", "off"]

    def __init__(self, confined):
        super().__init__(confined.work + "-open", confined.roots[True] + "-open", confined.program, confined.users)


class Owned(Buzon):
    """Each Maildir belongs to another user, the mail root to a third one, and root starts the server."""
    name = "owners"
    user = "nobody"

    def __init__(self, confined):
        super().__init__(confined.work + "-owned", confined.roots[True] + "-owned", confined.program, confined.users)
        self.owner = None       # made as root's, and given away behind that

    def missing(self):
        return super().missing() or (None if os.geteuid() == 0 else "needs root")

    def made(self, prefix, count):
        for n in range(1, count + 1):
            for path, folders, files in os.walk(f"{self.root}/{prefix}{n}"):
                for name in [path] + [f"{path}/{file}" for file in files]:
                    os.chown(name, FIRST_OWNER + n, FIRST_OWNER + n)


class Scan(ColdLogin):
    """One maildrop of one user."""
    def maildir_of(self, bench, server):
        return bench.maildirs(server, self.users, **self.mail)


ROWS = [
    Load("session", "session (connect, USER, PASS, STAT, QUIT), 50 at once", options={"sessions": 50}, share=False),
    Load("retr-8k", "RETR 8 KiB, 8 at once", kind="retr", options={"sessions": 8}, users="r", count=8, share=False,
         mail={"messages": 200, **TYPICAL}),
    Fresh("fresh", "new mail fetched for the first time, 2 at once", share=False),
    Scan("cold", "login + STAT, 10,000 messages, no index (page cache warm)", users="a", large=False, unit="ms",
         mail={"messages": 10_000, "octets": 1024, "spread": 50}),
]


def spread(values):
    """Median, and the quartiles."""
    if len(values) < 2:
        return number(statistics.median(values)) if values else "–"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{number(middle)} ({number(low)}–{number(high)})"


def quotient(values, others):
    return f"{statistics.median(values) / statistics.median(others):.2f}" if values and others else "–"


def table(results):
    """`results`: row and, for each server's name, all values."""
    lines = ["| processor time of | one uid | sandbox off | on ÷ off | owners | owners ÷ one uid |",
             "| --- | --- | --- | --- | --- | --- |"]
    for row, values in results:
        one, off, owned = (values.get(name, []) for name in ("buzon", Open.name, Owned.name))
        lines.append("| " + " | ".join([f"{row.title}, {row.unit}", spread(one), spread(off), quotient(one, off),
                                        spread(owned), quotient(owned, one)]) + " |")
    return "\n".join(lines) + "\n"
