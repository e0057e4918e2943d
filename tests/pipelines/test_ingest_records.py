"""Records of text files: each line is a record, or a problem with its line number."""

import csv
import gzip
import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest import Mapping, MappingError, SourceError, ingest_csv, open_table, suggest
from pipelines.ingest.records import MAX_LINE, Record, sniff_delimiter, split_records
from pipelines.ingest.records.archives import FREE_BYTES


def split(text: str, width: int) -> list[Record]:
    return list(split_records(iter(text.split("\n")), ",", width, 2, [0]))


_VALUES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\0"), max_size=8)


@given(st.lists(st.lists(_VALUES, min_size=2, max_size=2), min_size=1, max_size=6))
def test_every_output_of_a_csv_writer_is_read_back(rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    found = split(buffer.getvalue(), 2)
    assert [record.values for record in found if not record.problem] == rows


def test_a_record_has_the_number_of_its_first_line() -> None:
    found = split('a,b\n"two\nlines",c\n\nd,e', 2)
    assert [(record.line, record.values) for record in found] == [
        (2, ["a", "b"]),
        (3, ["two\nlines", "c"]),
        (6, ["d", "e"]),
    ]


def test_an_unclosed_quote_rejects_only_its_line() -> None:
    found = split('a,b\n"open,c\n' + "\n".join(f"x,{n}" for n in range(40)), 2)
    assert [record.line for record in found if record.problem] == [3]
    assert len([record for record in found if not record.problem]) == 41


def test_a_quote_inside_an_unquoted_value_is_a_character() -> None:
    assert split('12" pipe,b', 2)[0].values == ['12" pipe', "b"]


def test_wrong_quoting_and_wrong_widths_are_reported() -> None:
    problems = [record.problem or "" for record in split('"a"x,b\na\na,b,c', 2)]
    assert "wrong quoting" in problems[0]
    assert problems[1:] == ["1 values where the header has 2", "3 values where the header has 2"]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_common_encodings_are_detected(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "a.csv", "Hôpital,Größe\nCliniqué,ü\n".encode(encoding))
    table = open_table(path)
    assert table.header == ["Hôpital", "Größe"]
    assert next(table.records).values == ["Cliniqué", "ü"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read(tmp_path: Path, ending: str) -> None:
    table = open_table(write(tmp_path / "a.csv", ending.join(["a;b", "1;2", "", "3;4", ""]).encode()))
    assert [(record.line, record.values) for record in table.records] == [(2, ["1", "2"]), (4, ["3", "4"])]
    assert table.empty_lines == [1]


def test_gzip_and_zip_files_are_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        file.write(b"a,b\n1,2\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    for name in ("a.csv.gz", "a.zip"):
        assert [record.values for record in open_table(tmp_path / name).records] == [["1", "2"]]


def test_a_zip_of_two_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", "a,b\n")
        archive.writestr("b.csv", "a,b\n")
    with pytest.raises(SourceError, match="one file"):
        open_table(tmp_path / "a.zip")


def test_a_line_over_the_length_limit_is_rejected_and_the_next_one_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"a,b\n" + b"x" * (3 * MAX_LINE) + b"\n1,2\n")
    found = list(open_table(path).records)
    assert "more than" in (found[0].problem or "")
    assert (found[1].line, found[1].values) == (3, ["1", "2"])


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty"), (b"\n\n", "empty"), (b'"a,b\n1,2\n', "never closed")])
def test_a_file_without_a_usable_header_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        open_table(write(tmp_path / "a.csv", data))


def test_an_absent_file_and_an_unknown_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read"):
        open_table(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="unknown encoding"):
        open_table(write(tmp_path / "a.csv", b"a,b\n"), encoding="utf-42")


def test_the_separator_is_the_commonest_of_the_header() -> None:
    assert [sniff_delimiter(text) for text in ("a,b;c;d", "a\tb", "a|b|c", "a")] == [";", "\t", "|", ","]


@pytest.mark.parametrize("header", ['"Claim, No, and, line";Amount', '"a "",,"" b";c', '"Claim, No;', 'a;"b,,,'])
def test_a_separator_inside_quotes_does_not_count(header: str) -> None:
    assert sniff_delimiter(header) == (";" if header.count('"') % 2 == 0 or header[0] != '"' else ",")


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;\r"])
def test_a_line_that_declares_the_separator_is_not_the_header(tmp_path: Path, first: str) -> None:
    path = write(tmp_path / "a.csv", f"{first}\na,x,y;b\n1,5;2\n".encode("utf-8-sig"))
    table = open_table(path)
    assert table.header == ["a,x,y", "b"]
    assert [(record.line, record.values) for record in table.records] == [(3, ["1,5", "2"])]


def test_a_file_of_which_only_the_separator_is_there_is_empty(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="empty"):
        open_table(write(tmp_path / "a.csv", b"sep=;\n"))


def test_an_unsupported_compression_of_a_zip_is_refused_by_name(tmp_path: Path) -> None:
    whole = bytearray(zipped(tmp_path / "a.zip", {"a.csv": b"a,b\n1,2\n"}).read_bytes())
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        whole[whole.index(mark) + place] = 9
    with pytest.raises(SourceError, match="deflate64"):
        open_table(write(tmp_path / "a.zip", bytes(whole)))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_time_of_a_parquet_file_is_read_to_the_microsecond(tmp_path: Path, unit: str) -> None:
    at = datetime(2026, 3, 2, 10, 15, 7, 0 if unit == "s" else 123_000 if unit == "ms" else 123_456, tzinfo=UTC)
    ticks = round(at.timestamp()) * 10**9 + at.microsecond * 1_000 + (789 if unit == "ns" else 0)
    column = pa.array([ticks // {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]], pa.timestamp(unit, "UTC"))
    pq.write_table(pa.table({"at": column}), tmp_path / "a.parquet")
    ((text,),) = [record.values for record in open_table(tmp_path / "a.parquet").records]
    assert datetime.fromisoformat(text) == at


def test_a_time_beyond_the_calendar_is_text_that_no_date_is_read_from(tmp_path: Path) -> None:
    column = pa.array([2**62, -(2**62)], pa.timestamp("us"))
    pq.write_table(pa.table({"at": column}), tmp_path / "a.parquet")
    assert len(list(open_table(tmp_path / "a.parquet").records)) == 2


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_byte_order_mark_is_detected_by_its_zeros(tmp_path: Path, encoding: str) -> None:
    table = open_table(write(tmp_path / "a.csv", "naïve,b\n1,2\n".encode(encoding)))
    assert (table.header, next(table.records).values) == (["naïve", "b"], ["1", "2"])


def test_compression_is_detected_by_magic_bytes_and_a_damaged_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(["a,b", *(f"{n},{n * 7919 % 1009}" for n in range(5000))]).encode())
    assert next(open_table(write(tmp_path / "claims.csv", whole)).records).values == ["0", "0"]
    with pytest.raises(SourceError, match=r"truncated|cannot read"):
        list(open_table(write(tmp_path / "short.csv.gz", whole[: len(whole) // 2])).records)


def test_a_spreadsheet_is_recognized_and_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "claims.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    with pytest.raises(SourceError, match="spreadsheet"):
        open_table(tmp_path / "claims.xlsx")


def test_a_name_of_the_header_may_span_lines(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.csv", b'"Claim\nAmount",b\n1,2\n'))
    assert table.header == ["Claim Amount", "b"]
    assert next(table.records).line == 3


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_an_archive_with_a_password_is_refused_by_name(tmp_path: Path) -> None:
    whole = bytearray(zipped(tmp_path / "a.zip", {"a.csv": b"a,b\n1,2\n"}).read_bytes())
    for mark, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(mark) + flag] |= 1
    with pytest.raises(SourceError, match="password"):
        open_table(write(tmp_path / "a.zip", bytes(whole)))


@pytest.mark.parametrize("kind", ["zip in zip", "gzip in zip", "zip in gzip", "tar in gzip"])
def test_an_archive_in_an_archive_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.csv": b"a,b\n1,2\n"}).read_bytes()
    tar = b"a.csv".ljust(257, b"\0") + b"ustar\x0000" + b"\0" * 200
    if kind.endswith("gzip"):
        path = write(tmp_path / "a.gz", gzip.compress(inner if kind.startswith("zip") else tar))
    else:
        path = zipped(tmp_path / "a.zip", {"x": inner if kind.startswith("zip") else gzip.compress(b"a,b\n")})
    with pytest.raises(SourceError, match="holds an archive"):
        open_table(path)


@pytest.mark.parametrize("data", [bytes(range(256)) * 40, b"\x7fELF" + b"\0" * 64, b"\x01\x02\x03\x04" * 100])
def test_a_binary_file_is_not_a_text_file(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SourceError, match="not a text file"):
        open_table(write(tmp_path / "model.csv", data))


@pytest.mark.parametrize("kind", ["gzip", "zip"])
def test_a_file_that_decompresses_to_a_thousand_times_its_size_is_refused(tmp_path: Path, kind: str) -> None:
    row = b"1," + b"x" * 997 + b"\n"
    bomb = b"a,b\n" + row * (FREE_BYTES // len(row) + 1)
    path = tmp_path / "bomb"
    if kind == "gzip":
        path.write_bytes(gzip.compress(bomb))
    else:
        zipped(path, {"a.csv": bomb})
    with pytest.raises(SourceError, match="decompresses to more than"):
        list(open_table(path).records)


def test_a_parquet_file_that_declares_more_rows_than_it_can_hold_claims_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"claim_id": pa.nulls(3_000_000, pa.string())}), path)
    with pytest.raises(SourceError, match="3,000,000 rows"):
        open_table(path)


def test_a_long_parquet_value_is_cut_and_nested_columns_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    pq.write_table(pa.table({"a": ["x" * 1_000_000] * 50, "b": [[1]] * 50, "c": [7] * 50}), path)
    table = open_table(path)
    assert table.header == ["a", "c"]
    assert {(len(record.values[0]), record.values[1]) for record in table.records} == {(1_024, "7")}


NESTED = {
    "line": (pa.struct([("code", pa.string())]), {"code": "A"}, "a struct of several values (code) per row"),
    "codes": (pa.list_(pa.string()), ["A"], "a list of several values per row"),
    "tags": (pa.map_(pa.string(), pa.string()), [("a", "b")], "a map of several values per row"),
}


def test_a_nested_column_is_named_with_what_to_do_instead(tmp_path: Path) -> None:
    path = tmp_path / "nested.parquet"
    columns = {name: pa.array([value] * 3, kind) for name, (kind, value, _) in NESTED.items()}
    pq.write_table(pa.table({"day": ["2026-01-02"] * 3, "amount": [1, 2, 3]} | columns), path)
    draft = suggest(path)
    for name, (_, _, why) in NESTED.items():
        assert draft.columns_left_out[name].startswith(why)
        mapping = Mapping.model_validate(
            {"name": "n", "columns": {"received_at": "day", "amount": "amount", "procedure_code": name}}
        )
        with pytest.raises(MappingError, match=f"the column '{name}' is {re.escape(why)}; write"):
            ingest_csv(path, mapping, tmp_path / "out")
    pq.write_table(pa.table(columns), path)
    with pytest.raises(SourceError, match=r"only columns of several values \(line, codes, tags\)"):
        open_table(path)


def test_values_of_a_dictionary_and_nanoseconds_are_read_as_others_are(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    at = pa.array([1_767_345_300_123_456_789], pa.timestamp("ns", "UTC"))
    columns = {
        "words": pa.array(["a"]).dictionary_encode(),
        "numbers": pa.array([7], pa.int64()).dictionary_encode(),
        "times": at.dictionary_encode(),
        "hour": pa.array([3_600_000_000_001], pa.time64("ns")),
    }
    pq.write_table(pa.table(columns), path)
    (record,) = open_table(path).records
    assert record.values == ["a", "7", "2026-01-02 09:15:00.123456+00:00", "01:00:00"]


@pytest.mark.parametrize("encoding", ["idna", "punycode", "undefined", "hex"])
def test_an_encoding_that_is_not_a_character_set_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(SourceError, match="unknown encoding"):
        open_table(write(tmp_path / "a.csv", b"a,b\n"), encoding=encoding)
