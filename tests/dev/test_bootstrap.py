"""The lock file and what setup reads from it."""

import re

from dev.bootstrap import LOCK, uv_requirement, wanted_stamp

PINNED = re.compile(r"^[a-z0-9-]+==\S+( ;.*)? \\$")


def test_the_lock_holds_pins_and_hashes_and_no_address() -> None:
    text = LOCK.read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert PINNED.match(line) or re.match(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", line), line
    assert "://" not in text
    assert not re.search(r"\(/|--(extra-)?index|--find-links", text)


def test_uv_is_taken_out_of_the_lock_with_its_hashes() -> None:
    lock = "uv==1.2 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via x\nuvloop==3 \\\n"
    assert uv_requirement(f"a==1\n{lock}") == (
        "uv==1.2 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    )
    assert uv_requirement(LOCK.read_text()).count("--hash") > 1


def test_the_stamp_is_stable() -> None:
    assert wanted_stamp() == wanted_stamp()
