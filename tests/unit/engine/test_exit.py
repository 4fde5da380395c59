"""What is on disk of a container's end, as this version or an older one has written it."""

import json
from pathlib import Path

import pytest

from wharf.engine.containers import exit as exit_
from wharf.shim.record import EXIT, PREVIOUS, write_exit


def test_the_record_of_this_version_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = exit_.killed_with_shim()
    written.update(
        {"status": 3, "oom_killed": True, "started_at": 5, "exited_at": 7, "error": "no", "restarts": 2}
    )
    write_exit(str(tmp_path), written)
    assert exit_.read_exit(str(tmp_path)) == written
    assert exit_.read_exit(str(tmp_path), PREVIOUS) is None


def test_what_an_older_version_did_not_write_has_its_default(tmp_path: Path) -> None:
    (tmp_path / EXIT).write_text(json.dumps({"status": 3, "exited_at": 7}))
    assert exit_.read_exit(str(tmp_path)) == {
        "status": 3,
        "oom_killed": False,
        "started_at": None,
        "exited_at": 7,
        "error": None,
        "restarting": False,
        "restarts": 0,
    }


@pytest.mark.parametrize("config", ["{}", '{"linux": {}}', "{"])
def test_a_bundle_that_names_no_cgroup_is_no_trouble(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    exit_.remove_cgroup(str(tmp_path))
    assert [one.name for one in tmp_path.iterdir()] == ["config.json"]
