"""A spamd with one rule of its own, on a unix socket."""
import os
import subprocess
import time

from comparing.servers import die_with_us

PROGRAM, CLIENT = "/usr/sbin/spamd", "/usr/bin/spamc"
FILES = {"v320.pre": "loadplugin Mail::SpamAssassin::Plugin::Check\n",
         "local.cf": "required_score 1\nreport_safe 0\nuse_bayes 0\nutil_rb_tld com org\n"
                     "body MAIL /mail/i\nscore MAIL 2\nheader __SUBJECT exists:Subject\n"}


class Spamd:
    def __init__(self, top):
        self.rules, self.socket, self.process = f"{top}/rules", f"{top}/spamd.sock", None

    def start(self):
        """False: there is none."""
        if self.process or not (os.access(PROGRAM, os.X_OK) and os.access(CLIENT, os.X_OK)):
            return self.process is not None
        os.mkdir(self.rules, 0o755)
        for name, text in FILES.items():
            with open(f"{self.rules}/{name}", "w") as file:
                file.write(text)
        self.process = subprocess.Popen(
            [PROGRAM, "-L", "-x", "-m", "2", "-s", "null", "-C", self.rules, f"--siteconfigpath={self.rules}",
             f"--socketpath={self.socket}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=die_with_us)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if subprocess.run([CLIENT, "-x", "-U", self.socket], input=b"Subject: a\n\nb\n",
                              capture_output=True, timeout=30).returncode == 0:
                return True
            time.sleep(0.1)
        return False

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None
