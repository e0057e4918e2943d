"""Files are scanned before anything reads them, by ClamAV's clamd where `GINJA_CLAMD_URL` names one."""

from api.antivirus.clamd import SCAN_S, Clamd, NotScanned, ScanTooLarge, scanner_of

__all__ = ["SCAN_S", "Clamd", "NotScanned", "ScanTooLarge", "scanner_of"]
