"""A real PostgreSQL server for a test: from Debian's packages, on a port of its own, with TLS and passwords."""

import glob
import os
import pathlib
import pwd
import shutil
import subprocess
import time

ROLES = {"owner": "owner's password", "reader": "reader's password", "writer": "writer's password"}


def programs():
    """The folder of the server's programs; installs the package where that is possible."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "--yes", "--quiet", "postgresql"], check=True, stdout=subprocess.DEVNULL)
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
    if not found:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    return pathlib.Path(found[-1])


class Server:
    """A server in a folder. It is not started by root, which it refuses, but by the package's own user."""

    def __init__(self, folder, port):
        self.folder, self.port, self.programs = pathlib.Path(folder), port, programs()
        self.user = "postgres" if os.geteuid() == 0 else None
        self.data, self.process = self.folder / "data", None
        self.authority, self.other_authority = self.folder / "authority.crt", self.folder / "other.crt"

    def run(self, *command, **options):
        done = subprocess.run([str(part) for part in command], user=self.user, cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, **options)
        if done.returncode:
            raise SystemExit(f"{command[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def create(self):
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        (self.folder / "password").write_text(ROLES["owner"])
        (self.folder / "password").chmod(0o644)
        self.run(self.programs / "initdb", "--pgdata", self.data, "--username", "owner", "--pwfile", self.folder / "password",
                 "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
        self.certify("authority", "other")
        settings = f"""
            listen_addresses = '127.0.0.1'
            port = {self.port}
            unix_socket_directories = '{self.folder}'
            ssl = on
            ssl_cert_file = '{self.folder}/server.crt'
            ssl_key_file = '{self.folder}/server.key'
            fsync = off
            max_connections = 30
            log_statement = 'all'
            logging_collector = off
        """
        with open(self.data / "postgresql.conf", "a") as out:
            out.write(settings)
        # Everybody needs TLS and a password, but for one user who is let in nowhere and one who needs no TLS.
        (self.data / "pg_hba.conf").write_text(
            "host all nobody all reject\nhostnossl all plain all scram-sha-256\nhostssl all all all scram-sha-256\n"
            "local all all scram-sha-256\n")

    def certify(self, *authorities):
        openssl = lambda *arguments: self.run("openssl", *arguments)  # noqa: E731
        for name in authorities:
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout",
                    f"{name}.key", "-out", f"{name}.crt", "-addext", "basicConstraints=critical,CA:TRUE",
                    "-addext", "keyUsage=critical,keyCertSign")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
        (self.folder / "names").write_text("subjectAltName=DNS:localhost\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial",
                "-days", "2", "-out", "server.crt", "-extfile", "names")
        self.run("chmod", "600", "server.key")

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([str(self.programs / "postgres"), "-D", str(self.data)], user=self.user,
                                        cwd=self.folder, stdout=log, stderr=log)
        for _ in range(200):
            ready = subprocess.run([self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)])
            if ready.returncode == 0:
                return
            time.sleep(0.05)
        raise SystemExit((self.folder / "log").read_text()[-2000:])

    def kill(self):
        """As a crash: nobody is told."""
        self.process.kill()
        self.process.wait()
        # The children of the server end when they notice.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        time.sleep(0.5)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def sql(self, database, text, role="owner"):
        """Executes statements with psql, and returns what it prints, unaligned."""
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "PGPASSWORD": ROLES[role], "PGSSLMODE": "require"}
        return self.run(self.programs / "psql", "-h", "127.0.0.1", "-p", self.port, "-U", role, "-d", database, "-q", "-A", "-t",
                        "-v", "ON_ERROR_STOP=1", "-f", "-", input=text, env=environment)
