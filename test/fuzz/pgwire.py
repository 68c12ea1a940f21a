"""A PostgreSQL client in a hundred lines: simple queries over a Unix socket, without a password."""

import os
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
    """One session; query() returns the rows of the last result, each a list of str or None."""

    def __init__(self, database, host=None, port=None, user=None):
        host = host or os.environ.get("PGHOST", "/var/run/postgresql")
        port = port or os.environ.get("PGPORT", "5432")
        user = user or os.environ.get("PGUSER", "postgres")
        self.status = "I"
        self.inbox = b""
        self.last_error = None
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("%s/.s.PGSQL.%s" % (host, port))
        body = struct.pack("!i", 196608)
        for word in ("user", user, "database", database, "client_encoding", "UTF8"):
            body += word.encode() + b"\0"
        body += b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._until_ready(None)

    def close(self):
        try:
            self.socket.sendall(b"X" + struct.pack("!i", 4))
        except OSError:
            pass
        self.socket.close()

    def query(self, sql, copy_data=None):
        text = sql.encode() + b"\0"
        try:
            self.socket.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
        except OSError as error:
            raise Lost(str(error)) from error
        return self._until_ready(copy_data)

    def _message(self):
        while True:
            if len(self.inbox) >= 5:
                length = struct.unpack("!i", self.inbox[1:5])[0] + 1
                if len(self.inbox) >= length:
                    kind, body = self.inbox[0:1], self.inbox[5:length]
                    self.inbox = self.inbox[length:]
                    return kind, body
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

    def _until_ready(self, copy_data):
        rows, error = [], None
        while True:
            kind, body = self._message()
            if kind == b"T":
                rows = []
            elif kind == b"D":
                rows.append(self._row(body))
            elif kind == b"G":
                self._send_copy(copy_data or "")
            elif kind == b"E":
                fields = {part[:1].decode(): part[1:].decode("utf8", "replace") for part in body.split(b"\0") if part}
                error = ServerError(fields)
                self.last_error = str(error)
            elif kind == b"R" and body[:4] != b"\0\0\0\0":
                raise Lost("the server asks for a password")
            elif kind == b"Z":
                self.status = body.decode()
                if error:
                    raise error
                return rows

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
