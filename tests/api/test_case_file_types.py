"""Which files a case takes: by what is in them from the first byte to the last."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.case_files import WrongContent, media_type_of
from tests.api.case_files import SAMPLES, jpeg, pdf, png, tiff

ONE_PDF, ONE_PNG, ONE_JPEG = pdf(), png(), jpeg()


def archive(content: bytes = b"x") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("x", content)
    return written.getvalue()


@pytest.mark.parametrize("name", SAMPLES)
def test_each_type_is_found_by_its_content(name: str):
    content, media_type = SAMPLES[name]
    assert media_type_of(name, content) == media_type


@pytest.mark.parametrize("name", [one for one in SAMPLES if not one.endswith((".txt", ".csv"))])
def test_a_content_of_another_type_than_its_name_says_is_refused(name: str):
    for other, (content, media_type) in SAMPLES.items():
        if media_type != SAMPLES[name][1]:
            with pytest.raises(WrongContent, match="is named as"):
                media_type_of(name, content)
            assert media_type_of(other, content) == media_type


def test_a_zip_bomb_is_refused_without_being_opened():
    bomb = archive(bytes(50_000_000))
    assert len(bomb) < 100_000
    for name in ("records.pdf", "records.txt", "records.csv"):
        with pytest.raises(WrongContent, match="none of the types"):
            media_type_of(name, bomb)
    with pytest.raises(WrongContent, match="must end with"):
        media_type_of("records.zip", bomb)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", ONE_PDF.removesuffix(b"%%EOF\n") + archive() + b"%%EOF\n"),
        ("a.pdf", ONE_PDF + archive()),
        ("a.png", ONE_PNG + archive()),
        ("a.png", ONE_PNG + b"<script>"),
        ("a.jpg", ONE_JPEG + archive()),
        ("a.jpg", ONE_JPEG + ONE_PDF),
        ("a.tif", tiff() + archive()),
    ],
)
def test_a_file_that_is_another_file_for_another_program_is_refused(name: str, content: bytes):
    with pytest.raises(WrongContent, match=r"ZIP archive|goes on after|no end of"):
        media_type_of(name, content)


@pytest.mark.parametrize(
    "text",
    [
        b"<html><script>alert(1)</script>",
        b"\xef\xbb\xbf  <!DOCTYPE html>",
        b"<svg onload='alert(1)'/>",
        b"{\\rtf1}",
        b"#!/bin/sh\n",
        b"MZ\0\0",
        b"a\x1b[2Jb",
    ],
)
def test_a_text_that_a_program_opens_as_something_else_is_refused(text: bytes):
    with pytest.raises(WrongContent, match="none of the types"):
        media_type_of("notes.txt", text)


@pytest.mark.parametrize("sample", ["ledger.pdf", "scan.PNG", "photo.jpeg", "fax.tif"])
def test_a_file_that_was_cut_off_is_refused(sample: str):
    content, _ = SAMPLES[sample]
    for length in range(9, len(content) - 1):
        with pytest.raises(WrongContent):
            media_type_of(sample, content[:length])


def test_a_photo_with_a_smaller_copy_after_it_is_taken():
    assert media_type_of("photo.jpg", ONE_JPEG + ONE_JPEG + b"\0\0") == "image/jpeg"


def test_a_changed_byte_of_a_png_is_found_by_its_checksum():
    changed = bytearray(ONE_PNG)
    changed[20] ^= 1
    with pytest.raises(WrongContent, match="checksum"):
        media_type_of("scan.png", bytes(changed))


@pytest.mark.parametrize("name", ["records", "records.exe", "records.pdf.exe", "pdf", ".", ""])
def test_a_name_without_an_ending_that_is_taken_is_refused(name: str):
    with pytest.raises(WrongContent, match="must end with"):
        media_type_of(name, ONE_PDF)


def test_an_empty_file_is_refused():
    with pytest.raises(WrongContent, match="at least one byte"):
        media_type_of("notes.txt", b"")


@given(
    name=st.sampled_from(sorted(SAMPLES)),
    start=st.sampled_from([b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*"]),
    rest=st.binary(max_size=200),
)
def test_any_bytes_are_a_type_or_are_refused(name: str, start: bytes, rest: bytes):
    try:
        found = media_type_of(name, start + rest)
    except WrongContent:
        return
    assert found == SAMPLES[name][1]
