"""A client written from docs/management-protocol.md alone: HOST PORT DOCUMENT. Drives every form of the document's table."""
import re
import socket
import sys


class Manager:
    def __init__(self, host, port):
        self.wire = socket.create_connection((host, int(port)), timeout=60).makefile("rwb")
        if self.line() != "+OK buzon management ready":
            sys.exit("no greeting")

    def line(self):
        got = self.wire.readline()
        if not got.endswith(b"\r\n"):
            sys.exit("the connection ended")
        return got[:-2].decode()

    def send(self, text):
        self.wire.write(text.encode() + b"\r\n")
        self.wire.flush()

    def lines(self):
        for line in iter(self.line, "."):
            yield line[1:] if line.startswith(".") else line

    def ask(self, command):
        self.send(command)
        status = self.line()
        return status, list(self.lines()) if status == "+OK" else None

    def watch(self, command):
        self.send(command)
        self.send("")
        return self.line(), list(self.lines())


values = {"metric": "online", "setting": "timeout", "value": "15m", "user": "user1", "id": "user1", "type": "login",
          "command": "HIST", "count": "3", "spec": "/bin/cat", "path": sys.argv[4], "port": "0", "address": "127.0.0.1",
          "since": "2026-01-01", "password": "a  secret", "name": "new.example.org"}
special = {"USER ADD user password...": "USER ADD eve a  secret", "USER DEL user": "USER DEL eve",
           "USER PASS user password...": "USER PASS eve an  other",
           "USER SECRET ADD user label password...": "USER SECRET ADD user1 tv;rights=read a  secret",
           "USER SECRET DEL user label": "USER SECRET DEL user1 tv", "KICK id|user": "KICK \t user1", "TRAN FOR user 0|1|spec...": "TRAN FOR user1 0"}


def filled(form):  # the words in brackets may be missing: with and without them
    if form in special:
        return [special[form]]
    full = [values.get(w.strip("[].").split("|")[0], w.strip("[].").split("|")[0]) for w in form.split()]
    needed = [value for value, word in zip(full, form.split()) if not word.startswith("[")]
    return sorted({"\t ".join(full), " ".join(needed)})


rows = re.findall(r"^\| `([A-Z0-9]{4,5}\b[^`]*)` \| \w+ \| ([\w ]+) \|", open(sys.argv[3]).read().replace("\\|", "|"), re.M)
rows.sort(key=lambda row: ("AUTH", "SAVE").count(row[0][:4]) * -(1 + row[0].startswith("AUTH")) + ("DRAIN", "QUIT").count(row[0]))
manager = Manager(sys.argv[1], sys.argv[2])
for form, reply in rows:
    for command in ["AUTH  root s3cr3t"] if form.startswith("AUTH") else filled(form):
        status, lines = (manager.watch if reply == "live" else manager.ask)(command)
        good = status == "+OK" if reply != "one line" else status.startswith("+OK ")
        print(form, "ok" if good and (lines is None) == (reply == "one line") else f"WRONG: {command}: {status}")
