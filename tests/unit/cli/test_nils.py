"""Templates show Go's nil slices and maps as empty ones, and JSON shows them as null."""

import pytest

from wharf.cli.output.nils import typed
from wharf.template import Template

_DOCUMENT = {"ExecIDs": None, "Config": {"Volumes": None, "Cmd": ["a"]}, "Pid": None}


@pytest.mark.parametrize(
    ("layout", "shown"),
    [
        ("{{.ExecIDs}} {{.Config.Volumes}} {{.Config.Cmd}}", "[] map[] [a]"),
        ("{{json .ExecIDs}} {{json .Config}}", 'null {"Volumes":null,"Cmd":["a"]}'),
        ("{{len .ExecIDs}}{{range .Config.Volumes}}x{{else}}none{{end}}", "0none"),
        ("{{if .ExecIDs}}some{{else}}no{{end}}", "no"),
    ],
)
def test_nothing_has_a_type(layout: str, shown: str) -> None:
    assert Template(layout).render(typed(_DOCUMENT)) == shown
