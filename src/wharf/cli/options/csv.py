"""A flag's value that is a line of CSV: fields between commas, in quotes where they hold some."""

from __future__ import annotations


def csv_fields(text: str) -> list[str]:
    """Return the fields of one line of CSV (RFC 4180), as Go's reader takes it.

    Raises:
        ValueError: a quote stands where none may.
    """
    if not text:
        raise ValueError("EOF")
    if '"' not in text:
        return text.split(",")
    fields: list[str] = []
    at = 0
    while True:
        if text[at : at + 1] != '"':
            end = text.find(",", at)
            field = text[at:] if end < 0 else text[at:end]
            if '"' in field:
                column = at + field.index('"') + 1
                raise ValueError(f'parse error on line 1, column {column}: bare " in non-quoted-field')
            at = len(text) if end < 0 else end
        else:
            field, at = _quoted_field(text, at + 1)
        fields.append(field)
        if at >= len(text):
            return fields
        at += 1


def _quoted_field(text: str, at: int) -> tuple[str, int]:
    out = ""
    while True:
        end = text.find('"', at)
        if end < 0:
            raise ValueError(
                f'parse error on line 1, column {len(text) + 1}: extraneous or missing " in quoted-field'
            )
        out += text[at:end]
        if text[end + 1 : end + 2] == '"':
            out += '"'
            at = end + 2
            continue
        if text[end + 1 : end + 2] not in ("", ","):
            raise ValueError(
                f'parse error on line 1, column {end + 1}: extraneous or missing " in quoted-field'
            )
        return out, end + 1
