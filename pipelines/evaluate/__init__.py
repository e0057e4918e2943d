"""The judge, apart from training: the same figures for the model and its rivals, on claims none has seen."""
