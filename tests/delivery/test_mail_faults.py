"""What a mail server can say, line by line, over real sockets: a mail is sent when it was taken, and not before."""

import asyncio
import socket
import time
from dataclasses import dataclass

import pytest

from tests.delivery.builders import message
from tests.delivery.receivers import Dialogue, Speaking, reset
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.delivery.channels import AppriseChannel

CUT = Unknown("the connection was cut after the message went out")
HUNG_UP = Failed("the mail server closed the connection before the message")


def send(port: int, limit: float = 10, **options: str) -> Outcome:
    more = "".join(f"&{name}={value}" for name, value in options.items())
    url = f"mailto://127.0.0.1:{port}?from=watcher@example.com&to=trader@example.com&smtp=127.0.0.1{more}"
    return asyncio.run(AppriseChannel("mail", url, limit=limit).send(message()))


@dataclass(frozen=True)
class Server:
    """Says 220, 250, 354 and 221 where it is asked, but for what it is given here; an empty answer is a closed line."""

    greeting: str = "220 mail.example.com ESMTP"
    ehlo: str = "250 mail.example.com"
    mail: str = "250 OK"
    rcpt: str = "250 OK"
    data: str = "354 go ahead"
    taken: str = "250 OK"
    quit: str = "221 bye"

    def __call__(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        answers = {"EHLO": self.ehlo, "HELO": self.ehlo, "MAIL": self.mail, "RCPT": self.rcpt, "QUIT": self.quit}
        if not self._said(connection, self.greeting):
            return
        while line := lines.readline():
            verb = line[:4].decode().upper()
            if verb != "DATA":
                if not self._said(connection, answers.get(verb, "250 OK")):
                    return
                continue
            if not self._said(connection, self.data):
                return
            if self.data.startswith("354"):
                while lines.readline() not in (b".\r\n", b""):
                    pass
                if not self._said(connection, self.taken):
                    return

    @staticmethod
    def _said(connection: socket.socket, answer: str) -> bool:
        if answer:
            connection.sendall(f"{answer}\r\n".encode())
        return bool(answer)


def refused(answer: str) -> Failed:
    return Failed(f"the mail server refused: {answer}")


@pytest.mark.parametrize(
    ("server", "outcome"),
    [
        pytest.param(Server(), Sent(), id="it takes the mail"),
        pytest.param(Server(greeting=""), HUNG_UP, id="closed without a greeting"),
        pytest.param(Server(greeting="554 no service for you"), refused("554 no service for you"), id="no service"),
        pytest.param(Server(greeting="421 try later"), refused("421 try later"), id="too busy"),
        pytest.param(
            Server(greeting="HTTP/1.1 400 Bad Request"),
            Failed("what answered did not speak SMTP"),
            id="the answer of a web server",
        ),
        pytest.param(Server(ehlo="550 who are you"), refused("550 who are you"), id="neither EHLO nor HELO"),
        pytest.param(Server(ehlo=""), HUNG_UP, id="closed at EHLO"),
        pytest.param(Server(mail="452 4.3.1 no space"), refused("452 4.3.1 no space"), id="it has no room"),
        pytest.param(Server(mail="550 5.7.1 not you"), refused("550 5.7.1 not you"), id="the sender is refused"),
        pytest.param(Server(mail=""), HUNG_UP, id="closed at the sender"),
        pytest.param(
            Server(rcpt="450 4.2.0 greylisted, try again in 300 s"),
            Failed("the recipient was refused: 450 4.2.0 greylisted, try again in 300 s"),
            id="greylisted",
        ),
        pytest.param(Server(rcpt="421 too many"), Failed("the recipient was refused: 421 too many"), id="too many"),
        pytest.param(Server(rcpt=""), HUNG_UP, id="closed at the recipient"),
        pytest.param(Server(data="451 4.3.0 later"), refused("451 4.3.0 later"), id="DATA is refused"),
        pytest.param(Server(data=""), CUT, id="closed at DATA"),
        pytest.param(Server(taken=""), CUT, id="closed when it had the mail"),
        pytest.param(Server(taken="451 4.3.0 later"), refused("451 4.3.0 later"), id="the mail is refused for now"),
        pytest.param(Server(taken="554 5.7.1 spam"), refused("554 5.7.1 spam"), id="the mail is refused for good"),
        pytest.param(
            Server(taken="certainly"),
            Unknown("the mail server said neither yes nor no: an answer without a code"),
            id="an answer without a code",
        ),
        pytest.param(
            Server(taken="251 user not local, forwarded"),
            Unknown("the mail server said neither yes nor no: 251 user not local, forwarded"),
            id="a yes that is not the one of the standard",
        ),
        pytest.param(Server(quit=""), Sent(), id="closed after it took the mail"),
        pytest.param(Server(quit="500 what"), Sent(), id="no good manners after it took the mail"),
    ],
)
def test_the_answers_of_a_mail_server(server: Server, outcome: Outcome) -> None:
    with Speaking(server) as speaking:
        assert send(speaking.port) == outcome


def reset_with_the_mail(connection: socket.socket) -> None:
    lines = connection.makefile("rb")
    connection.sendall(b"220 hello\r\n")
    for answer in (b"250 hello", b"250 OK", b"250 OK", b"354 go ahead"):
        lines.readline()
        connection.sendall(answer + b"\r\n")
    while lines.readline() not in (b".\r\n", b""):
        pass
    lines.close()
    reset(connection)


def silent_after_the_mail(connection: socket.socket) -> None:
    """Take the mail, say so, and never a word again, not even at QUIT."""
    Server(quit="")(connection)
    time.sleep(2)


def drip(connection: socket.socket) -> None:
    """Greet a byte every 50 ms, for ever."""
    for _ in range(400):
        connection.sendall(b"2")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("dialogue", "outcome"),
    [
        pytest.param(reset_with_the_mail, CUT, id="reset when it had the mail"),
        pytest.param(silent_after_the_mail, Sent(), id="silent after it took the mail"),
        pytest.param(drip, Unknown("no answer within 3 s"), id="a greeting that never ends"),
    ],
)
def test_a_mail_server_that_breaks_off(dialogue: Dialogue, outcome: Outcome) -> None:
    with Speaking(dialogue) as speaking:
        assert send(speaking.port, limit=3, cto="0.5") == outcome
