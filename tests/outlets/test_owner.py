"""Root writes into a run's folder with its owner's rights only: no link of the owner's leads it elsewhere."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from sentinel.outlets.hands.guard import protect
from sentinel.outlets.hands.owner import NotDone, as_owner
from sentinel.outlets.hands.sending import Refused
from sentinel.outlets.proof.finding import KEPT
from tests.outlets.test_proof import np, torch_zip

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lay down")
NOBODY = 65534


@pytest.fixture
def run():
    """A folder that belongs to another user, in a place that this user can reach."""
    place = Path(tempfile.mkdtemp(prefix="sentinel-owner-"))
    place.chmod(0o755)
    folder = place / "run"
    folder.mkdir()
    torch_zip(folder / "ckpt.pt", [("weight", np.ones((8, 8)))])
    for path in (folder, folder / "ckpt.pt"):
        os.chown(path, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(place)


def test_a_copy_is_the_owners_own(run):
    copy = protect(run / "ckpt.pt", run)
    assert (copy.stat().st_uid, copy.parent.stat().st_uid) == (NOBODY, NOBODY)


def test_a_link_in_the_place_of_the_copies_leads_root_nowhere(run, tmp_path):
    (run / KEPT).symlink_to(tmp_path)
    with pytest.raises(Refused):
        protect(run / "ckpt.pt", run)
    assert not list(tmp_path.iterdir())


def test_what_fails_as_the_owner_says_why(run):
    def fail():
        raise ValueError("no luck")

    with pytest.raises(NotDone, match="no luck"):
        as_owner(run, fail)
    assert as_owner(run, lambda: str(os.getuid())) == str(NOBODY)
