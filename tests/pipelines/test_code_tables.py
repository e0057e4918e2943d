"""The published files: read as they are, whole or not at all."""

import csv
import gzip
from datetime import date

import pytest

from claims.code_tables import TableEntry, TableKind
from pipelines.code_tables import TableFileError, first_day_of, packaged_release, read_packaged_icd10, read_table

FILES = {
    TableKind.MUE: (
        '"Copyright notice, of two lines",,,\n"Medicare NCCI, 2026",,,\n'
        '"HCPCS/CPT Code","Practitioner Services MUE Values","MUE Adjudication Indicator","MUE Rationale"\n'
        '0100T,1,2 Date of Service Edit: Policy,x\n93797,2,"3 Date of Service Edit",x\nA4206,100,1 Line Edit,x\n'
    ),
    TableKind.PTP: (
        "Column1/Column2 Edits\t\t\t\t\t\t\n"
        "Column 1\tColumn 2\t*=in existence prior to 1996\tEffective Date\tDeletion Date *=no data\tModifier\tWhy\n"
        "11042\t97597\t\t20100101\t*\t1\tx\n11042\t97598\t*\t19960101\t20050630\t0\tx\n"
        "11042\t99999\t\t20100101\t20091231\t1\tnever in force\n"
    ),
    TableKind.LEIE: (
        "LASTNAME,FIRSTNAME,NPI,DOB,EXCLTYPE,EXCLDATE,REINDATE\n"
        "DOE,JOHN,1234567893,19600101,1128a1,20190520,00000000\nROE,JANE,0000000000,19700101,1128b4,20190520,00000000\n"
        "POE,ANN,1245319599,19700101,1128b4,20100101,20200101\n"
    ),
    TableKind.HCPCS: (
        "HCPC,SEQNUM,SHORT DESCRIPTION,ADD DT,TERM DT\n   A1,0010,A modifier,20020701,\nA0021,0010,x,19850101,\n"
        "A0080,0010,x,19850101,20251231\n"
    ),
    TableKind.ICD10: "code,description\nA00.0,Cholera\na001,Cholera\n",
    TableKind.FEES: (
        'procedure,modifier,amount,first_day,last_day,note\n99213,,"1,250.5",,,x\n99213,26,$10,2026-01-01,2026-01-31,x\n'
        "99213,26,11.00,2026-02-01,,x\n"
    ),
    TableKind.CARC: (
        "Code,Description,Start,Last Modified,Stop,Notes\n1,Deductible amount.,01/01/1995,11/01/2017,,x\n"
        'b7,"Not eligible,\non this day.",01/01/1995,,2027-06-30,x\n'
    ),
    TableKind.RARC: "RARC,Description,Effective Date,Deactivation Date\nN130,Consult plan documents.,,\n",
    TableKind.CONTRACTS: "provider_id,procedure,modifier,amount_cents,note\nH456,99213,,125050,x\nH456,99213,26,0,x\n",
}
ENTRIES = {
    TableKind.MUE: (
        TableEntry("0100T", number=1, indicator="2"),
        TableEntry("93797", number=2, indicator="3"),
        TableEntry("A4206", number=100, indicator="1"),
    ),
    TableKind.PTP: (
        TableEntry("11042", "97597", date(2010, 1, 1), indicator="1"),
        TableEntry("11042", "97598", date(1996, 1, 1), date(2005, 6, 30), indicator="0"),
    ),
    TableKind.LEIE: (
        TableEntry("1234567893", first_day=date(2019, 5, 20), indicator="1128a1"),
        TableEntry("1245319599", first_day=date(2010, 1, 1), last_day=date(2019, 12, 31), indicator="1128b4"),
    ),
    TableKind.HCPCS: (
        TableEntry("A0021", first_day=date(1985, 1, 1)),
        TableEntry("A0080", first_day=date(1985, 1, 1), last_day=date(2025, 12, 31)),
    ),
    TableKind.ICD10: (TableEntry("A000"), TableEntry("A001")),
    TableKind.FEES: (
        TableEntry("99213", number=1250_50),
        TableEntry("99213", "26", date(2026, 1, 1), date(2026, 1, 31), number=10_00),
        TableEntry("99213", "26", date(2026, 2, 1), number=11_00),
    ),
    TableKind.CARC: (
        TableEntry("1", first_day=date(1995, 1, 1), text="Deductible amount."),
        TableEntry("B7", "", date(1995, 1, 1), date(2027, 6, 30), text="Not eligible, on this day."),
    ),
    TableKind.RARC: (TableEntry("N130", text="Consult plan documents."),),
    TableKind.CONTRACTS: (
        TableEntry("99213", "H456", number=1250_50),
        TableEntry("99213", "H456 26", number=0),
    ),
}
SKIPPED = {TableKind.PTP: 1, TableKind.LEIE: 1, TableKind.HCPCS: 1}


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes, name: str = "table.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("kind", TableKind)
def test_a_table_is_read_as_published_also_compressed_and_in_windows_encoding(kind, written):
    read = read_table(kind, written(FILES[kind]))
    assert read.entries == ENTRIES[kind]
    assert read.skipped == SKIPPED.get(kind, 0)
    assert read_table(kind, written(gzip.compress(FILES[kind].encode()))).entries == ENTRIES[kind]
    windows = FILES[kind].replace("x", "\N{EN DASH}").encode("cp1252", errors="replace")
    assert len(read_table(kind, written(windows)).entries) == len(ENTRIES[kind])


def test_a_tab_in_a_title_does_not_separate_columns(written):
    assert (
        read_table(TableKind.MUE, written("A title\twith a tab\n" + FILES[TableKind.MUE])).entries
        == ENTRIES[TableKind.MUE]
    )


def test_a_heading_that_is_exact_comes_before_one_that_only_begins_alike(written):
    content = "Code Status,Code,Description Type,Description\nvalid,1,short,Deductible.\n"
    assert read_table(TableKind.CARC, written(content)).entries == (TableEntry("1", text="Deductible."),)
    first = "Codes,Code List,Descriptions,Description 2\n1,CARC,Deductible.,x\n"
    assert read_table(TableKind.CARC, written(first)).entries == (TableEntry("1", text="Deductible."),)


def test_json_tables_are_read(written):
    mue = read_table(TableKind.MUE, written('{"93797": {"limit": 2, "unit": "services"}}'))
    assert mue.entries == (TableEntry("93797", number=2),)
    leie = read_table(TableKind.LEIE, written('{"excluded_npis": ["1234567893"]}'))
    assert leie.entries == (TableEntry("1234567893"),)


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        (TableKind.MUE, FILES[TableKind.PTP], "has no heading with the columns `hcpcs/cpt code`"),
        (TableKind.PTP, FILES[TableKind.MUE], "has no heading with the columns `column 1`"),
        (TableKind.LEIE, "NPI\n", "has no entry"),
        (TableKind.MUE, "", "has no heading"),
        (TableKind.MUE, "{", "no valid JSON"),
        (TableKind.MUE, "[1]", "JSON of another form"),
        (TableKind.MUE, "[" * 100_000, "no valid JSON"),
        (TableKind.LEIE, '{"excluded_npis": [{"npi": "1234567893"}]}', "JSON of another form"),
        (TableKind.ICD10, "code\n" + "A" * 200_000, "no text of columns"),
        (TableKind.MUE, b"PK\x03\x04", "ZIP archive or an Excel file"),
        (TableKind.MUE, b"\x1f\x8b\x08damaged", "damaged gzip"),
    ],
)
def test_another_file_is_refused(kind, content, why, written):
    with pytest.raises(TableFileError, match=why):
        read_table(kind, written(content))


@pytest.mark.parametrize("limit_of_process", [131_072, 2**30])
def test_a_value_of_many_characters_is_refused_whatever_another_reader_allows(limit_of_process, written):
    path = written("code\n" + "A" * 10_001)
    earlier = csv.field_size_limit(limit_of_process)
    try:
        with pytest.raises(TableFileError, match="longer than 10,000 characters"):
            read_table(TableKind.ICD10, path)
    finally:
        csv.field_size_limit(earlier)


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        (TableKind.MUE, "93798,-1,3,x", "limit: '-1' must be a whole number"),
        (TableKind.MUE, "93798,,3,x", "limit: '' must be a whole number"),
        (TableKind.MUE, "93798,2,7,x", "indicator: '7' must be one of 1, 2, 3"),
        (TableKind.MUE, "much too long,2,3,x", "code: 'muchtoolong' is not a CPT or HCPCS code"),
        (TableKind.MUE, "93797,4,3,x", "93797 is listed before with other values"),
        (
            TableKind.LEIE,
            "DOE,JOHN,1234567890,x,x,20190520,0",
            "npi: must have ten digits, the last one its check digit",
        ),
        (TableKind.LEIE, "DOE,JOHN,1245319599,x,x,20191350,0", "first_day: '20191350' must be a day"),
        (TableKind.PTP, "11042\t97599\t\t20100101\t*\t\tx", "indicator: must be 0, 1 or 9"),
        (TableKind.ICD10, "???,x", "code: '???' is not an ICD-10 code"),
        (TableKind.CARC, "123456,x,,,,", "code: '123456' must have 1 to 5 letters and digits"),
        (TableKind.CARC, "CO-45,x,,,,", "code: 'CO-45' must have 1 to 5 letters and digits"),
        (TableKind.CARC, "2,,,,,", "description: must say what the code means"),
        (TableKind.CARC, "2,x,2026-02-01,,2026-01-31,", "stop: must not be before start"),
        (TableKind.RARC, "N1,x,13/13/2026,", "first_day: '13/13/2026' must be a day"),
    ],
)
def test_one_invalid_row_refuses_the_file_and_is_named_with_its_line(kind, row, reason, written):
    content = FILES[kind] + row + "\n"
    with pytest.raises(TableFileError, match=r"1 of \d+ rows of table.csv are invalid") as refused:
        read_table(kind, written(content))
    (rejected,) = refused.value.rejected
    assert rejected.line == content.count("\n")
    assert reason in rejected.reason
    assert "DOE" not in rejected.reason


def test_the_packaged_codes_are_the_billable_ones():
    read, _ = read_packaged_icd10()
    found = {entry.code for entry in read.entries}
    assert {"A000", "S82001A", "Z9861"} <= found
    assert not {"A00", "A00-A09", "S82001"} & found
    assert len(found) > 70_000
    assert first_day_of(packaged_release()) <= date.today()  # noqa: DTZ011


@pytest.mark.parametrize(
    ("release", "day"),
    [
        ("2026Q1", date(2026, 1, 1)),
        ("2026q4", date(2026, 10, 1)),
        ("2026-11", date(2026, 11, 1)),
        ("2026-11-15", date(2026, 11, 15)),
    ],
)
def test_a_release_names_its_first_day(release, day):
    assert first_day_of(release) == day


@pytest.mark.parametrize("release", ["", "2026", "2026Q5", "2026-13", "2026-11-31", "Q4", "next"])
def test_another_name_of_a_release_is_refused(release):
    with pytest.raises(ValueError, match="is no quarter"):
        first_day_of(release)
