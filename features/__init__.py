"""Features, declared once and computed offline for training and online for scoring, to the same bits."""
