"""Makes the pictures of `docs/channels.md` from the real words and senders: `python docs/channel_pictures.py`.

The mail is the HTML that is sent, drawn by a browser at the widths of a desktop's pane and of a phone; the Slack message
is the blocks that are posted; only the frame around them is drawn here.
"""

import email
import email.policy
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.core.telling_letter import Kind
from sentinel.outlets.jobs import Job, Line
from sentinel.outlets.mail import box_of, compose
from sentinel.outlets.picture import picture_of
from sentinel.outlets.sample import sample_letter
from sentinel.outlets.slack_blocks import blocks

FOLDER = Path(__file__).with_name("pictures")
AT = 1_795_195_320.0
WIDTH = 780
PAGE = 3000  # higher than any mail; what is empty is cut off
MAIL = "mailtos://u:p@smtp.example.org/?from=sentinel@example.org&to=ana@example.org"
BROWSER = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--hide-scrollbars")  # fmt: skip


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    letter = sample_letter("tesla-07", AT)
    (FOLDER / "alert_dark.png").write_bytes(picture_of(letter, dark=True))
    (FOLDER / "alert_light.png").write_bytes(picture_of(letter, dark=False))
    job = Job("d1", 1, Kind.POST, Line("slack", "", zone="Europe/Berlin"), letter)
    slack_card(blocks(job, "F1"), FOLDER / "alert_dark.png").save(FOLDER / "slack.png")
    light = (FOLDER / "alert_light.png").read_bytes()
    mail = compose(
        Job("d1", 1, Kind.POST, Line("mail", MAIL, zone="Europe/Berlin"), letter, picture=light), box_of(MAIL)
    )
    for width, name in ((600, "mail.png"), (390, "mail_phone.png")):
        mail_page(mail.as_bytes(), width).save(FOLDER / name)


def mail_page(data, width):
    """What a mail program shows of these very bytes, `width` pixels wide."""
    from PIL import Image, ImageChops

    mail = email.message_from_bytes(data, policy=email.policy.default)
    html = mail.get_body(("html",)).get_content()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in mail.walk():
            if part.get_content_maintype() == "image":
                cid = part["Content-ID"].strip("<>")
                (folder / f"{cid}.png").write_bytes(part.get_content())
                html = html.replace(f"cid:{cid}", f"{cid}.png")
        (folder / "mail.html").write_text(html)
        # A browser's window is never as narrow as a phone, a frame in it is.
        frame = f'<body style="margin:0"><iframe src="mail.html" width={width} height={PAGE} style="border:0"></iframe>'
        (folder / "page.html").write_text(frame)
        shot, home = folder / "shot.png", folder / "home"
        size = f"--window-size=800,{PAGE}"
        told = (f"--user-data-dir={home}", size, f"--screenshot={shot}", (folder / "page.html").as_uri())
        subprocess.run([*BROWSER, *told], check=True, capture_output=True, timeout=120)
        sheet = Image.open(shot).convert("RGB").crop((0, 0, width, PAGE))
    empty = Image.new("RGB", sheet.size, sheet.getpixel((2, PAGE - 2)))
    return sheet.crop((0, 0, width, ImageChops.difference(sheet, empty).getbbox()[3] + 12))


def slack_card(parts, picture):
    """The blocks one under the other, dark, at twice the width of a phone."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (WIDTH, 2400), "#1A1D21")
    pen, y = ImageDraw.Draw(sheet), 24
    for part in parts:
        if part["type"] == "header":
            y = write(pen, part["text"]["text"].lstrip("🛑🔴🟡🔵 "), y, 30, "#F2F5F8", bold=True)
        elif part["type"] == "image":
            image = Image.open(picture)
            image = image.resize((WIDTH - 60, (WIDTH - 60) * image.height // image.width))
            sheet.paste(image, (30, y + 6))
            y += image.height + 16
        elif part["type"] == "context":
            for element in part["elements"]:
                text = element["text"].split("|")[-1].split(">")[0] if element["type"] == "mrkdwn" else element["text"]
                y = write(pen, text, y, 20, "#A9B4C0")
        else:
            for element in part["elements"]:
                y = rich(pen, element, y)
    return sheet.crop((0, 0, WIDTH, y + 16))


def rich(pen, element, y):
    texts = [item["text"] for item in element["elements"] if "text" in item]
    if element["type"] == "rich_text_preformatted":
        lines = "".join(texts).split("\n")
        pen.rounded_rectangle((30, y, WIDTH - 30, y + 16 + 30 * len(lines)), 6, fill="#22272E", outline="#39424D")
        for at, line in enumerate(lines):
            pen.text((42, y + 8 + 30 * at), line, fill="#E6EAEE", font=font(20, mono=True))
        return y + 30 + 30 * len(lines)
    return write(pen, "".join(texts), y, 23, "#E6EAEE")


def write(pen, text, y, size, colour, bold=False):
    face, line = font(size, bold), ""
    for word in text.split(" "):
        if pen.textlength(f"{line} {word}", font=face) > WIDTH - 60:
            pen.text((30, y), line, fill=colour, font=face)
            y, line = y + int(size * 1.4), ""
        line = f"{line} {word}".strip()
    pen.text((30, y), line, fill=colour, font=face)
    return y + int(size * 1.4) + 8


def font(size, bold=False, mono=False):
    import matplotlib as mpl
    from PIL import ImageFont

    name = "DejaVuSansMono" if mono else "DejaVuSans-Bold" if bold else "DejaVuSans"
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"), size)


if __name__ == "__main__":
    main()
