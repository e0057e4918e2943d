"""The learning loop: dispositions become labels, a random audit keeps them honest, retraining stops at the gates."""
