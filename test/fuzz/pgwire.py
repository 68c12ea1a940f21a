"""A small PostgreSQL client: simple queries over a Unix socket, without a password, one at a time or in the background."""

import os
import select
import socket
import struct


class ServerError(Exception):
    """An ERROR from the server; the session goes on."""

    def __init__(self, fields):
        self.sqlstate = fields.get("C", "?????")
        self.message = fields.get("M", "")
        self.detail = fields.get("D")
        self.context = fields.get("W")
        super().__init__(self.sqlstate + " " + self.message + (" / " + self.detail if self.detail else ""))


class Lost(Exception):
    """The connection is gone: a FATAL error, or a crash of the server."""


class Connection:
    """One session; query() returns the rows of the last result, each a list of str or None.

    begin() sends a query and returns; step() takes what has come and says whether that is all; result() returns it."""

    def __init__(self, database, host=None, port=None, user=None):
        host = host or os.environ.get("PGHOST", "/var/run/postgresql")
        port = port or os.environ.get("PGPORT", "5432")
        user = user or os.environ.get("PGUSER", "postgres")
        self.status = "I"
        self.inbox = b""
        self.last_error = None
        self.pid = 0
        self.warnings = []
        self.rows, self.error, self.copy_data = [], None, None
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("%s/.s.PGSQL.%s" % (host, port))
        body = struct.pack("!i", 196608)
        for word in ("user", user, "database", database, "client_encoding", "UTF8"):
            body += word.encode() + b"\0"
        body += b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.step(None)
        self.result()

    def close(self):
        try:
            self.socket.sendall(b"X" + struct.pack("!i", 4))
        except OSError:
            pass
        self.socket.close()

    def query(self, sql, copy_data=None):
        self.begin(sql, copy_data)
        self.step(None)
        return self.result()

    def begin(self, sql, copy_data=None):
        text = sql.encode() + b"\0"
        self.rows, self.error, self.copy_data = [], None, copy_data
        try:
            self.socket.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
        except OSError as error:
            self._drain()
            raise Lost(self.last_error or str(error)) from error

    def result(self):
        if self.error:
            raise self.error
        return self.rows

    def _drain(self):
        """What a server said before it closed the connection."""
        try:
            while not self.step(0.1):
                pass
        except Lost:
            pass

    def _message(self, timeout):
        """(kind, body), or None if no message is complete within the time; None waits for ever."""
        while True:
            if len(self.inbox) >= 5:
                length = struct.unpack("!i", self.inbox[1:5])[0] + 1
                if len(self.inbox) >= length:
                    kind, body = self.inbox[0:1], self.inbox[5:length]
                    self.inbox = self.inbox[length:]
                    return kind, body
            if timeout is not None and not select.select([self.socket], [], [], timeout)[0]:
                return None
            try:
                more = self.socket.recv(65536)
            except OSError as error:
                raise Lost(str(error)) from error
            if not more:
                raise Lost(self.last_error or "the server closed the connection")
            self.inbox += more

    def _send_copy(self, data):
        body = data.encode()
        self.socket.sendall(b"d" + struct.pack("!i", len(body) + 4) + body + b"c" + struct.pack("!i", 4))

    @staticmethod
    def _fields(body):
        return {part[:1].decode(): part[1:].decode("utf8", "replace") for part in body.split(b"\0") if part}

    def step(self, timeout):
        while True:
            message = self._message(timeout)
            if message is None:
                return False
            kind, body = message
            if kind == b"T":
                self.rows = []
            elif kind == b"D":
                self.rows.append(self._row(body))
            elif kind == b"G":
                self._send_copy(self.copy_data or "")
            elif kind == b"E":
                self.error = ServerError(self._fields(body))
                self.last_error = str(self.error)
            elif kind == b"N":
                self.warnings.append(self._fields(body).get("M", ""))
            elif kind == b"K":
                self.pid = struct.unpack("!i", body[:4])[0]
            elif kind == b"R" and body[:4] != b"\0\0\0\0":
                raise Lost("the server asks for a password")
            elif kind == b"Z":
                self.status = body.decode()
                return True

    @staticmethod
    def _row(body):
        row, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            length = struct.unpack("!i", body[at:at + 4])[0]
            at += 4
            if length < 0:
                row.append(None)
            else:
                row.append(body[at:at + length].decode("utf8", "replace"))
                at += length
        return row
