"""Every sender against a real server, on good days and bad ones."""

import email
import email.policy
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller

from sentinel.core.telling_answers import Code, answer_from
from sentinel.core.telling_letter import Kind, Letter, Occasion, member_of
from sentinel.outlets import plainly, slack, webhook
from sentinel.outlets.jobs import Job, Line, job_json, kind_of
from sentinel.outlets.roads import answer_to_trouble
from sentinel.outlets.sender import deliver
from tests.outlets.servers import Web, reset
from tests.outlets.stories import AT, change, story
from tests.outlets.tls import ConnectProxy, authority

# apprise imports a module of the standard library that is on its way out.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


def job(url, kind=Kind.POST, message=None, occasion=Occasion.NEW, attempt=1, **line):
    one, tale = change(id="7f3a"), story()
    letter = Letter(occasion, AT, "tesla-07", one, tale, (member_of(one, tale),))
    return Job("d1", attempt, kind, Line("c", url, zone="UTC", pictures=False, **line), letter, message)


def in_a_child(one, **environ):
    """As the daemon does it: proxies and authorities change the child's environment, not ours."""
    env = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()} | environ
    done = subprocess.run(
        [sys.executable, "-m", "sentinel.outlets.sender"],
        input=json.dumps(job_json(one)).encode() + b"\n", capture_output=True, timeout=60, env=env,
    )  # fmt: skip
    thing = json.loads(done.stdout)
    thing.pop("delivery")
    return answer_from(thing)


# --- mail ----------------------------------------------------------------------------------------------------------


class Mailbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def smtp():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=0)
    controller.port = _free_port()
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


def _free_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_a_mail_has_text_html_an_inline_picture_and_hangs_in_its_thread(smtp):
    url = f"mailto://127.0.0.1:{smtp.port}/?from=sentinel@x.org&to=ana@x.org"
    first = job(url)
    first = replace(first, line=replace(first.line, pictures=True))
    answer = deliver(first)
    assert (answer.code, answer.picture) == (Code.SENT, "sent")
    later = deliver(job(url, Kind.REPLY, answer.message, Occasion.CLEAR))
    assert later.sent
    root, reply = smtp.mails
    assert root["Subject"] == "Doomed: swift-fox: In-span and out-of-span probabilities collapse to one value"
    assert root["Auto-Submitted"] == "auto-generated"
    assert root["X-Sentinel-Rule"] == "probability-collapse/no-separation"
    assert "sentinel mute 7f3a 2h" in root.get_body(("plain",)).get_content()
    html = root.get_body(("html",)).get_content()
    assert "cid:sentinel-picture" in html
    (image,) = [part for part in root.walk() if part.get_content_type() == "image/png"]
    assert image["Content-ID"] == "<sentinel-picture>"
    assert image.get_content_disposition() == "inline"
    assert image.get_content().startswith(b"\x89PNG")
    assert reply["In-Reply-To"] == root["Message-ID"]
    assert reply["Subject"] == root["Subject"]


@pytest.fixture
def attached(tmp_path):
    (tmp_path / "attached.txt").write_text("== last-train.log ==\nstep 5, Größe 7\n")

    def give(url):
        one = job(url)
        letter = replace(one.letter, attached=str(tmp_path / "attached.txt"))
        return replace(one, letter=letter, line=replace(one.line, pictures=True))

    return give


def test_what_goes_with_a_letter_is_attached_to_its_mail(smtp, attached):
    assert deliver(attached(f"mailto://127.0.0.1:{smtp.port}/?to=ana@x.org")).sent
    (mail,) = smtp.mails
    (text,) = mail.iter_attachments()
    assert (text.get_filename(), "Größe 7" in text.get_content()) == ("evidence.txt", True)
    assert "sentinel mute" in mail.get_body(("plain",)).get_content()


def test_what_goes_with_a_letter_goes_where_apprise_takes_files_and_stops_no_text(web, attached):
    assert deliver(attached(f"ntfy://127.0.0.1:{web.port}/topic")).sent
    assert any(b"last-train.log" in body for _, _, body in web.requests)
    web.requests.clear()
    assert deliver(attached(f"rocket://u:p@127.0.0.1:{web.port}/#c?mode=webhook")).code is not Code.BROKEN


def test_what_is_gone_or_a_link_or_forbidden_goes_with_nothing(smtp, attached, tmp_path):
    url = f"mailto://127.0.0.1:{smtp.port}/?to=ana@x.org"
    plain = attached(url)
    assert deliver(replace(plain, line=replace(plain.line, pictures=False))).sent
    (tmp_path / "real").write_text("secret")
    (tmp_path / "attached.txt").unlink()
    assert deliver(plain).sent
    (tmp_path / "attached.txt").symlink_to(tmp_path / "real")
    assert deliver(plain).sent
    assert [list(mail.iter_attachments()) for mail in smtp.mails] == [[], [], []]


def test_a_recipient_that_does_not_exist_is_told_apart(smtp):
    answer = deliver(job(f"mailto://127.0.0.1:{smtp.port}/?to=nobody@x.org"))
    assert answer.code is Code.NOT_FOUND


def test_names_cannot_forge_mail_headers_or_html(smtp):
    evil = 'run\r\nBcc: all@x.org\n<script>alert("x")</script>\x1b[31m'
    one = job(f"mailto://127.0.0.1:{smtp.port}/?to=ana@x.org")
    letter = replace(one.letter, change=replace(one.letter.change, run_name=evil, say=evil), story=story(title=""))
    assert deliver(replace(one, letter=letter)).sent
    (mail,) = smtp.mails
    assert "Bcc" not in mail
    assert "<script>" not in mail.get_body(("html",)).get_content()
    assert "\x1b" not in mail.get_body(("plain",)).get_content()


# --- Slack ---------------------------------------------------------------------------------------------------------

TOKEN = "xoxb-1111111111-secretsecret"


@pytest.fixture
def workspace(web):
    def upload_url(_handler, _body):
        reply = {"ok": True, "upload_url": f"http://127.0.0.1:{web.port}/upload", "file_id": "F1"}
        return 200, {}, json.dumps(reply).encode()

    done = {"ok": True, "files": [{"id": "F1", "title": "alert"}]}
    web.answers = {
        "/api/files.getUploadURLExternal": [upload_url],
        "/upload": [(200, {}, b"OK")],
        "/api/files.completeUploadExternal": [(200, {}, json.dumps(done).encode())],
        "/api/chat.postMessage": [(200, {}, b'{"ok": true, "ts": "17.1", "channel": "C1"}')],
        "/api/chat.update": [(200, {}, b'{"ok": true, "ts": "17.1", "channel": "C1"}')],
    }
    web.url = f"slack://{TOKEN}/C1?api=http://127.0.0.1:{web.port}/api/"
    return web


def sent_to(web, path):
    return [json.loads(body) for where, _, body in web.requests if where == path]


def test_a_slack_message_holds_its_picture_and_is_edited_and_replied_to_in_its_thread(workspace):
    post = slack.send(replace(job(workspace.url), picture=b"\x89PNG..."))
    assert (post.code, post.picture) == (Code.SENT, "sent")
    assert post.message == {"ts": "17.1", "channel": "C1", "file": "F1"}
    (said,) = sent_to(workspace, "/api/chat.postMessage")
    assert {"type": "image", "slack_file": {"id": "F1"}}.items() <= said["blocks"][2].items()
    assert "0.065" in said["blocks"][2]["alt_text"]
    assert said["text"].startswith("Doomed: swift-fox")
    assert slack.send(job(workspace.url, Kind.EDIT, post.message)).sent
    (edit,) = sent_to(workspace, "/api/chat.update")
    assert edit["ts"] == "17.1"
    assert edit["blocks"][2]["slack_file"] == {"id": "F1"}
    assert slack.send(job(workspace.url, Kind.REPLY, post.message, Occasion.CLEAR)).sent
    assert sent_to(workspace, "/api/chat.postMessage")[1]["thread_ts"] == "17.1"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ((200, {}, b'{"ok": false, "error": "invalid_auth"}'), Code.UNAUTHORIZED),
        ((200, {}, b'{"ok": false, "error": "channel_not_found"}'), Code.NOT_FOUND),
        ((429, {"Retry-After": "7"}, b'{"ok": false, "error": "ratelimited"}'), Code.THROTTLED),
        ((500, {}, b"{}"), Code.SERVER),
        (reset, Code.RESET),
    ],
)
def test_what_slack_refuses_is_told_apart(workspace, reply, code):
    workspace.answers["/api/chat.postMessage"] = [reply]
    answer = slack.send(job(workspace.url))
    assert answer.code is code
    assert TOKEN not in answer.detail
    if code is Code.THROTTLED:
        assert answer.retry_after == 7.0


def test_evidence_goes_into_the_thread_of_its_slack_message(workspace):
    answer = slack.send(replace(job(workspace.url), attached=b"== last-train.log =="))
    assert answer.sent
    assert [path for path, *_ in workspace.requests if "completeUpload" in path]


def test_a_picture_that_slack_refuses_never_stops_the_text(workspace):
    workspace.answers["/api/files.getUploadURLExternal"] = [(200, {}, b'{"ok": false, "error": "missing_scope"}')]
    answer = slack.send(replace(job(workspace.url), picture=b"\x89PNG"))
    assert answer.sent
    assert "files:write" in answer.picture


def test_slack_cannot_be_made_to_call_people(workspace):
    one = job(workspace.url)
    evil = "<!channel> *bold* <http://x|y> & ```"
    letter = replace(one.letter, change=replace(one.letter.change, run_name=evil, say=evil), story=story(title=""))
    assert slack.send(replace(one, letter=letter)).sent
    (said,) = sent_to(workspace, "/api/chat.postMessage")
    assert "<!channel>" not in said["text"]
    mrkdwn = [e["text"] for b in said["blocks"] for e in b.get("elements", ()) if e.get("type") == "mrkdwn"]
    assert not [text for text in mrkdwn if "channel" in text]


# --- webhooks, apprise ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ((200, {}, b"{}"), Code.SENT),
        ((401, {}, b"no"), Code.UNAUTHORIZED),
        ((404, {}, b"no"), Code.NOT_FOUND),
        ((400, {}, b"no"), Code.REJECTED),
        ((503, {}, b"no"), Code.SERVER),
        (reset, Code.RESET),
    ],
)
@pytest.mark.parametrize("scheme", ["json", "ntfy"])
def test_webhook_and_ntfy_answers_are_told_apart(web, scheme, reply, code):
    web.answers["*"] = [reply]
    assert deliver(job(f"{scheme}://127.0.0.1:{web.port}/topic")).code is code


def test_apprise_leaves_the_wish_to_wait_to_us(web):
    web.answers["*"] = [(429, {"Retry-After": "11"}, b"")]
    answer = deliver(job(f"ntfy://127.0.0.1:{web.port}/topic"))
    assert (answer.code, answer.retry_after) == (Code.THROTTLED, 11.0)


def test_ntfy_gets_the_finding_as_its_title(web):
    assert deliver(job(f"ntfy://127.0.0.1:{web.port}/topic")).sent
    assert b"swift-fox: In-span" in web.requests[0][2] + repr(web.requests[0][1]).encode()


def test_an_address_that_nobody_understands_says_so():
    assert deliver(job("nosuch://x/y")).code is Code.SETTINGS


def test_a_broken_apprise_leaves_the_standard_library(web):
    answer = plainly.send(job(f"ntfy://127.0.0.1:{web.port}/topic"))
    assert answer.sent
    assert b"differ by 0.0041" in web.requests[0][2]


@pytest.mark.parametrize(
    "url", [f"slack://{TOKEN}/C1", "slack://T1/B1/x1/#c", "discord://1/abc", "ntfy://t", "tgram://1:a/2"]
)
def test_chats_have_a_plain_form(url):
    assert plainly.request_of(url, "title", "body") is not None


def test_a_bot_token_is_told_from_a_webhook():
    assert kind_of(f"slack://{TOKEN}/C1") == "slack+bot"
    assert kind_of("slack://T1/B1/x1/#c") == "slack"


# --- the road --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["jsons", "ntfys"])
def test_a_certificate_of_our_own_authority_needs_ca(tmp_path, scheme):
    ca, context = authority(tmp_path)
    server = Web(tls=context)
    try:
        url = f"{scheme}://localhost:{server.port}/in"
        assert in_a_child(job(url)).code is Code.CERTIFICATE
        assert in_a_child(job(url, ca=ca)).code is Code.SENT
    finally:
        server.close()


@pytest.mark.parametrize("scheme", ["jsons", "ntfys"])
def test_a_proxy_with_a_password_carries_it_and_a_wrong_password_is_named(tmp_path, scheme):
    ca, context = authority(tmp_path)
    server, proxy = Web(tls=context), ConnectProxy("ana", "letmein99")
    try:
        url = f"{scheme}://localhost:{server.port}/in"
        wrong = in_a_child(job(url, ca=ca, proxy=f"http://ana:hunter2222@127.0.0.1:{proxy.port}"))
        assert wrong.code is Code.PROXY
        assert "hunter2222" not in wrong.detail
        assert in_a_child(job(url, ca=ca, proxy=f"http://ana:letmein99@127.0.0.1:{proxy.port}")).sent
        assert proxy.tunnels == [f"localhost:{server.port}"]
        assert in_a_child(job(url, ca=ca, proxy=f"http://127.0.0.1:{proxy.port}", no_proxy="localhost")).sent
        assert len(proxy.tunnels) == 1
    finally:
        server.close()
        proxy.close()


HOSTED = {  # services whose host apprise fixes: the proxy leads every host to ours
    "slack": ("hooks.slack.com", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#runs"),
    "discord": ("discord.com", "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"),
}


@pytest.fixture
def hosted(tmp_path):
    """A server that says it is Slack and Discord, under an authority of our own, behind a proxy with a password."""
    ca, context = authority(tmp_path, ("hooks.slack.com", "discord.com"))
    server = Web({"*": [(200, {}, b"ok")]}, tls=context)
    server.proxy = ConnectProxy("ana", "letmein99", to=server.port)
    server.road = {"ca": ca, "proxy": f"http://ana:letmein99@127.0.0.1:{server.proxy.port}"}
    yield server
    server.close()
    server.proxy.close()


@pytest.mark.parametrize("service", HOSTED)
def test_a_hosted_webhook_gets_finding_and_commands_through_proxy_and_own_authority(hosted, service):
    host, url = HOSTED[service]
    answer = in_a_child(job(url, **hosted.road))
    assert (answer.code, answer.detail) == (Code.SENT, "")
    assert hosted.proxy.tunnels == [f"{host}:443"]
    ((path, headers, body),) = hosted.requests
    assert headers["Host"] == host
    assert path.startswith({"slack": "/services/T1JJ3T3L2/", "discord": "/api/webhooks/4174216298/"}[service])
    said = json.dumps(json.loads(body), ensure_ascii=False)
    assert "swift-fox: In-span" in said
    assert "sentinel mute 7f3a 2h" in said


@pytest.mark.parametrize("service", HOSTED)
@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ((429, {"Retry-After": "9"}, b"{}"), Code.THROTTLED),
        ((404, {}, b"no_service"), Code.NOT_FOUND),
        ((403, {}, b"invalid_token"), Code.UNAUTHORIZED),
        ((500, {}, b"oops"), Code.SERVER),
        (reset, Code.RESET),
    ],
)
def test_what_a_hosted_webhook_refuses_is_told_apart(hosted, service, reply, code):
    hosted.answers["*"] = [reply]
    answer = in_a_child(job(HOSTED[service][1], **hosted.road))
    assert answer.code is code
    assert answer.retry_after == (9.0 if code is Code.THROTTLED else None)
    assert not [part for part in ("TIiajkdnlazkcOXrIdevi7FQ", "JHMHI8qBe7bk2ZwO5U711o3dV") if part in answer.detail]


def test_a_name_that_does_not_resolve_is_no_route():
    assert deliver(job("json://no-such-host.invalid/in")).code is Code.NO_ROUTE


def test_a_reference_without_its_secret_says_what_to_do(tmp_path):
    answer = deliver(job("env:NOT_SET_ANYWHERE"))
    assert answer.code is Code.SETTINGS
    assert "NOT_SET_ANYWHERE" in answer.detail
    open_file = tmp_path / "hook"
    open_file.write_text("json://x/y")
    open_file.chmod(0o644)
    assert "can be read by others" in deliver(job(f"file:{open_file}")).detail


def test_trouble_is_told_apart_however_deep_it_is_wrapped():
    outer = RuntimeError("wrapped", ValueError("again", TimeoutError("timed out")))
    assert answer_to_trouble(outer).code is Code.TIMEOUT


def test_the_webhooks_object_is_strict_json_even_for_nan(web):
    one = job(f"json://127.0.0.1:{web.port}/in")
    letter = replace(one.letter, change=replace(one.letter.change, value=float("nan")))
    assert webhook.send(replace(one, letter=letter)).sent
    assert json.loads(web.requests[0][2])["change"]["value"] == "nan"
