"""Templates are read and filled in as Go's text/template does it."""

import pytest

from wharf.template import Template, TemplateError
from wharf.template.errors import FillError

VALUE: dict[str, object] = {
    "Name": "/web",
    "Count": 3,
    "Ratio": 1.5,
    "Big": 1e21,
    "On": True,
    "Nothing": None,
    "Empty": [],
    "List": ["a", "b", "c"],
    "Mixed": [1, {"x": "y"}],
    "Labels": {"b": "2", "a": "1"},
    "Id": "sha256:00",
    "Deep": {"Er": {"Est": "here"}},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}}", "/web"),
        ("{{ .Count }} {{.Ratio}} {{.Big}} {{.On}}", "3 1.5 1e+21 true"),
        ("{{.Nothing}}", "<no value>"),
        ("{{.List}} {{.Labels}} {{.Mixed}} {{.Empty}}", "[a b c] map[a:1 b:2] [1 map[x:y]] []"),
        ("{{.Deep.Er.Est}}", "here"),
        ("{{.ID}}", "sha256:00"),
        ("{{json .List}}{{json .Name}}", '["a","b","c"]"/web"'),
        ('{{.Name | upper | printf "%s!"}}', "/WEB!"),
        ('{{upper .Name}}{{lower "A"}}{{title "go on"}}', "/WEBaGo On"),
        ('{{join .List ", "}}', "a, b, c"),
        ('{{split .Name "w"}}', "[/ eb]"),
        ('{{index .Labels "a"}}|{{index .Labels "z"}}|{{index .List 1}}', "1||b"),
        ("{{(index .Mixed 1).x}}", "y"),
        ("{{len .List}} {{len .Name}} {{len .Nothing}}", "3 4 0"),
        ("{{slice .Name 1}} {{slice .List 1 2}}", "web [b]"),
        ("{{if .On}}yes{{else}}no{{end}}", "yes"),
        ("{{if .Empty}}yes{{else if .Nothing}}maybe{{else}}no{{end}}", "no"),
        ("{{with .Deep}}{{.Er.Est}}{{end}}{{with .Nothing}}x{{else}}none{{end}}", "herenone"),
        ("{{range .List}}<{{.}}>{{end}}", "<a><b><c>"),
        ("{{range $i, $e := .List}}{{if $i}},{{end}}{{$e}}{{end}}", "a,b,c"),
        ("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"),
        ("{{range .Empty}}x{{else}}none{{end}}", "none"),
        ('{{range .List}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}', "ac"),
        ('{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"),
        ("{{range .List}}{{$.Count}}{{end}}", "333"),
        ("{{$x := .Count}}{{range .List}}{{$x = .}}{{end}}{{$x}}", "c"),
        ('{{eq .Count 3}} {{ne .Name "x"}} {{lt 1 2}} {{ge 1 2}}', "true true true false"),
        ("{{eq .Count 1 2 3}} {{le 1 1}}", "true true"),
        ('{{and .On .Count}} {{or .Nothing "x"}} {{not .On}}', "3 x false"),
        ("{{if and (eq .Count 3) (gt .Ratio 1.0)}}both{{end}}", "both"),
        ("a {{- .Count -}} b", "a3b"),
        ("a {{/* nothing */}} b{{- /* gone */ -}} c", "a  bc"),
        ('{{printf "%05d|%-5s|%5s|%q|%v|%t|%.2f|%x" .Count "a" "b" .Name .List .On .Ratio 255}}',
         '00003|a    |    b|"/web"|[a b c]|true|1.50|ff'),
        ('{{println .Count .Name}}{{print .Count .Count "x" .Count}}', "3 /web\n3 3x3"),
        ("{{`raw \\n`}}{{\"tab\\t\"}}{{'a'}}", "raw \\ntab\t97"),
        ("{{pad .Name 1 2}}|{{truncate .Name 2}}", " /web  |/w"),
        ("{{true}}{{1.5}}{{-3}}{{0x10}}", "true1.5-316"),
    ],
)  # fmt: skip
def test_templates_are_filled_in_as_go_does(template: str, text: str) -> None:
    assert Template(template).render(VALUE) == text


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{.Foo", "template: :1: unclosed action"),
        ("a\n{{foo}}", 'template: :2: function "foo" not defined'),
        ("{{if .On}}", "template: :1: unexpected EOF"),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("{{}}", "template: :1: missing value for command"),
        ("{{$x}}", 'template: :1: undefined variable "$x"'),
        ('{{"a}}', "template: :1: unterminated quoted string"),
        ("{{/* a", "template: :1: unclosed comment"),
        ("{{break}}", "template: :1: {{break}} outside {{range}}"),
    ],
)
def test_what_is_no_template_is_refused(template: str, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(template)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{.Foo}}", ':1:2: executing "" at <.Foo>: map has no entry for key "Foo"'),
        ("{{.foo}}", ':1:2: executing "" at <.foo>: map has no entry for key "foo"'),
        ("{{.name}}", ':1:2: executing "" at <.name>: map has no entry for key "name"'),
        (
            "x\n {{.Name.Foo}}",
            ':2:8: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type interface {}',
        ),
        (
            "{{index .List 9}}",
            ':1:2: executing "" at <index .List 9>: error calling index: index out of range: 9',
        ),
        ("{{range .Ratio}}{{end}}", ':1:8: executing "" at <.Ratio>: range can\'t iterate over 1.5'),
        ("{{json}}", ':1:2: executing "" at <json>: wrong number of args for json: want 1 got 0'),
        ('{{.List "x"}}', ':1:2: executing "" at <.List>: List is not a method but has arguments'),
        ("{{nil}}", ':1:2: executing "" at <nil>: nil is not a command'),
    ],
)
def test_what_does_not_fit_the_value_is_refused(template: str, words: str) -> None:
    with pytest.raises(FillError) as caught:
        Template(template).render(VALUE)
    assert str(caught.value) == f"template: {words}"
