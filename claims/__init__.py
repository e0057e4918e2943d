"""What a claim is and what is decided about it: pure rules, no I/O, readable by an actuary."""
