"""Mail through smtplib and email: plain text and HTML, the picture inline, one thread per alert. `mailto://`, `mailtos://`.

    mailtos://user:password@smtp.example.org:587/?from=sentinel@example.org&to=ana@example.org,ben@example.org

`mailtos` means TLS: from the first byte on port 465, else by STARTTLS. `smtp=HOST` names a server other than the host.
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote, urlsplit

from sentinel.core.telling_answers import Answer, Code
from sentinel.core.telling_letter import Kind
from sentinel.outlets.heads import word_of
from sentinel.outlets.jobs import EVIDENCE, Job
from sentinel.outlets.mail_html import html_text
from sentinel.outlets.plain import plain_text
from sentinel.outlets.roads import READ, answer_to_trouble
from sentinel.outlets.tidy import clean
from sentinel.outlets.words import wording

_KNOWN = {  # services whose mail server is not the host of the address
    "gmail.com": ("smtp.gmail.com", 587),
    "googlemail.com": ("smtp.gmail.com", 587),
    "outlook.com": ("smtp-mail.outlook.com", 587),
    "hotmail.com": ("smtp-mail.outlook.com", 587),
    "fastmail.com": ("smtp.fastmail.com", 465),
    "yahoo.com": ("smtp.mail.yahoo.com", 465),
}


@dataclass(frozen=True, slots=True)
class Box:
    """Where mail goes and through which server."""

    server: str
    port: int
    tls: str  # "", "starttls" or "ssl"
    user: str
    password: str
    sender: str
    to: tuple[str, ...]


def box_of(url: str) -> Box | str:
    """The address understood, or what is wrong with it."""
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host, user = parts.hostname or "", unquote(parts.username or "")
    server, known_port = _KNOWN.get(host, (asked.get("smtp", host), 0))
    secure = parts.scheme == "mailtos" or bool(known_port)
    port = parts.port or known_port or (587 if secure else 25)
    tls = asked.get("mode", "") or (("ssl" if port == 465 else "starttls") if secure else "")
    own = user if "@" in user else f"{user or 'sentinel'}@{host}"
    sender = asked.get("from", own)
    to = tuple(filter(None, (part.strip() for part in asked.get("to", own).split(","))))
    if not server or not to:
        return "write mailtos://USER:PASSWORD@HOST:587/?from=ADDRESS&to=ADDRESS"
    if tls not in {"", "insecure", "starttls", "ssl"}:
        return f"mode is starttls, ssl or insecure, not {tls}"
    return Box(server, port, "" if tls == "insecure" else tls, user, unquote(parts.password or ""), sender, to)


def send(job: Job) -> Answer:
    """Hand the mail to the server; an edit cannot be mailed, so it counts as done."""
    box = box_of(job.line.url)
    if isinstance(box, str):
        return Answer(Code.SETTINGS, box)
    if job.kind is Kind.EDIT:
        return Answer(Code.SENT, message=job.message)
    mail = compose(job, box)
    try:
        with _connected(box, job) as server:
            if box.user and box.password:
                server.login(box.user, box.password)
            server.send_message(mail, box.sender, list(box.to))
    except (smtplib.SMTPException, OSError, ValueError) as trouble:
        return _answer(trouble)
    root = job.message or {"id": mail["Message-ID"], "subject": str(mail["Subject"])}
    return Answer(Code.SENT, message=root, picture="sent" if job.picture else "")


def _connected(box: Box, job: Job) -> smtplib.SMTP:
    context = job.road.context()
    if box.tls == "ssl":
        return smtplib.SMTP_SSL(box.server, box.port, timeout=READ, context=context)
    server = smtplib.SMTP(box.server, box.port, timeout=READ)
    if box.tls == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def compose(job: Job, box: Box) -> EmailMessage:
    """The mail: the same subject over the whole thread, so that every program keeps it together."""
    said = wording(job.letter, job.zone)
    letter, root = job.letter, job.message
    title, text = plain_text(letter, job.zone, job.attempt)
    host = "".join(c for c in clean(letter.host) if c.isalnum() or c in "-.") or "sentinel"
    mail = EmailMessage()
    mail["Subject"] = clean(root["subject"]) if root and root.get("subject") else clean(title)
    mail["From"] = f"Sentinel on {host} <{clean(box.sender)}>"
    mail["To"] = ", ".join(clean(address) for address in box.to)
    mail["Date"] = format_datetime(_moment(letter.at, job))
    mail["Message-ID"] = f"<{job.delivery}.sentinel@{host}>"  # the same at every attempt: a repetition is recognised
    if root and root.get("id"):
        mail["In-Reply-To"] = root["id"]
        mail["References"] = root["id"]
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Sentinel-Severity"] = word_of(letter).lower()
    if letter.change is not None:
        mail["X-Sentinel-Rule"] = clean(f"{letter.change.signature}/{letter.change.rule}")
        mail["X-Sentinel-Run"] = clean(letter.change.run_name)
    mail.set_content(text)
    mail.add_alternative(html_text(said, "sentinel-picture" if job.picture else "", job.attempt), subtype="html")
    if job.picture:
        html = mail.get_payload()[1]  # type: ignore[index]
        html.add_related(  # type: ignore[union-attr]
            job.picture, "image", "png", cid="<sentinel-picture>", filename="alert.png", disposition="inline"
        )
    if job.attached:
        mail.add_attachment(job.attached.decode("utf-8", "replace"), filename=EVIDENCE)
    return mail


def _moment(at: float, job: Job):  # type: ignore[no-untyped-def]
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, job.zone or UTC)


def _answer(trouble: Exception) -> Answer:
    """What a mail server's refusal means."""
    if isinstance(trouble, smtplib.SMTPAuthenticationError):
        return Answer(Code.UNAUTHORIZED, f"{trouble.smtp_code} {_text(trouble.smtp_error)}")
    if isinstance(trouble, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(trouble.recipients.values()))
        return Answer(Code.SERVER if code < 500 else Code.NOT_FOUND, f"{code} {_text(text)}")
    if isinstance(trouble, smtplib.SMTPResponseException):
        lasting = trouble.smtp_code >= 500
        return Answer(Code.REJECTED if lasting else Code.SERVER, f"{trouble.smtp_code} {_text(trouble.smtp_error)}")
    if isinstance(trouble, smtplib.SMTPNotSupportedError):
        return Answer(
            Code.SETTINGS, f"{trouble}; the server offers no TLS or login here: see mode= in docs/channels.md"
        )
    if isinstance(trouble, smtplib.SMTPServerDisconnected):
        return Answer(Code.TIMEOUT if "timed out" in str(trouble) else Code.RESET, str(trouble))
    return answer_to_trouble(trouble)


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace")[:300] if isinstance(raw, bytes) else raw[:300]
