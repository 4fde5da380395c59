"""What is wrong with a template, or with filling it in."""

from __future__ import annotations


class TemplateError(Exception):
    """The template cannot be read (`str(error)` is Go's message, which begins with `template:`)."""


class FillError(TemplateError):
    """The template is fine, and does not fit the value."""
