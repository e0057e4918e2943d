"""Texts of identifiers and codes, what each is normalized to, and which changes that undoes."""

from claims.identifiers import IdentifierChange, IdentifierKind

KIND, CHANGE = IdentifierKind, IdentifierChange

NORMALIZED = [
    (KIND.ID, "1234567893", "1234567893", ()),
    (KIND.ID, "1234567893.0", "1234567893", (CHANGE.DECIMAL,)),
    (KIND.ID, '="0012345"', "0012345", (CHANGE.QUOTES,)),
    (KIND.ID, "'0012345", "0012345", (CHANGE.QUOTES,)),
    (KIND.ID, '="A 7"', "A 7", (CHANGE.QUOTES,)),
    (KIND.ID, '="7"', "7", (CHANGE.QUOTES,)),
    (KIND.ID, '="1234567893.0"', "1234567893", (CHANGE.QUOTES, CHANGE.DECIMAL)),
    (KIND.ID, "0012345", "0012345", ()),
    (KIND.ID, "12.5", "12.5", ()),
    (KIND.ID, "1E9", "1E9", ()),
    (KIND.ID, "h457", "h457", ()),
    (KIND.NPI, "1234567893.00", "1234567893", (CHANGE.DECIMAL,)),
    (KIND.PLACE_OF_SERVICE, "2", "02", (CHANGE.ZEROS,)),
    (KIND.PLACE_OF_SERVICE, "2.0", "02", (CHANGE.DECIMAL, CHANGE.ZEROS)),
    (KIND.PLACE_OF_SERVICE, "11", "11", ()),
    (KIND.PROCEDURE, "j1100", "J1100", (CHANGE.CASE,)),
    (KIND.PROCEDURE, "0101t", "0101T", (CHANGE.CASE,)),
    (KIND.PROCEDURE, "99213.0", "99213", (CHANGE.DECIMAL,)),
    (KIND.PROCEDURE, "43", "43", ()),
    (KIND.PROCEDURE, "knee replacement", "knee replacement", ()),
    (KIND.HCPCS, "100", "00100", (CHANGE.ZEROS,)),
    (KIND.HCPCS, "1996.0", "01996", (CHANGE.DECIMAL, CHANGE.ZEROS)),
    (KIND.HCPCS, "99213-25", "99213", (CHANGE.MODIFIER,)),
    (KIND.HCPCS, "e1390 rr kx", "E1390", (CHANGE.MODIFIER, CHANGE.CASE)),
    (KIND.DIAGNOSIS, "e11.9", "E119", (CHANGE.DOT, CHANGE.CASE)),
    (KIND.DIAGNOSIS, "401.9", "4019", (CHANGE.DOT,)),
    (KIND.DIAGNOSIS, "4019.0", "4019", (CHANGE.DECIMAL,)),
    (KIND.DIAGNOSIS, "E950.0", "E9500", (CHANGE.DOT,)),
    (KIND.DIAGNOSIS, "diabetes, cf. E11.9", "diabetes, cf. E11.9", ()),
    (KIND.ICD9, "3.8", "0038", (CHANGE.ZEROS, CHANGE.DOT)),
    (KIND.ICD9, "41.4", "0414", (CHANGE.ZEROS, CHANGE.DOT)),
    (KIND.ICD9, "250.0", "2500", (CHANGE.DOT,)),
    (KIND.ICD9, "250.", "250", (CHANGE.DOT,)),
    (KIND.ICD9, "v45.0", "V450", (CHANGE.DOT, CHANGE.CASE)),
    (KIND.ICD10, "s83.2", "S832", (CHANGE.DOT, CHANGE.CASE)),
]
