"""Templates of `--format`: the language of Go's text/template, as much of it as Docker's formats use.

`Template(text)` reads one, `.render(value)` fills it in. Fields, pipelines, variables, if/else, range (with
else, break, continue), with, comments, trimming, the built-in functions and those that Docker adds;
`define`, `template` and `block` are refused.
"""

from wharf.template.errors import TemplateError
from wharf.template.evaluate import Template

__all__ = ["Template", "TemplateError"]
