"""What a model is: trained, calibrated, explained, kept on disk, registered, and asked.

booster.py calibration.py threshold.py     how one is made
metrics.py bootstrap.py figures.py card.py how it is judged and shown
explainer.py tables.py kernels.py          exact contributions from tables
artefact.py champion.py                    its folder, and the pointer to the one that serves
registry.py promotion.py                   MLflow, and the way to become champion and back
scorer.py reasons.py counterfactual.py     one claim scored, in numbers and words
"""
