"""Features without skew: what a model learned from is what it is asked with."""
