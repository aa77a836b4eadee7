"""The pages of the signatures are what the rule files say: `python docs/signature_pages.py` writes them anew."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pages_of_the_signatures_are_fresh():
    spec = importlib.util.spec_from_file_location("signature_pages", DOCS / "signature_pages.py")
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    written = {path.name: path.read_text() for path in (DOCS / "signatures").iterdir()}
    assert written == pages.render(), "run: python docs/signature_pages.py"
