"""What a model is: trained, calibrated, explained, stored, registered and scored.

families/                   families of models: training one, its native form, its exact contributions
calibration.py              margins to probabilities
training_range.py gain.py   what a score may be trusted for: the range of the training claims, the inputs available
explain/                    exact contributions, and reasons in words
artefact/                   a model on disk, verified, and the pointers to the models that serve
evaluation/                 metrics, intervals, thresholds, figures, the model card
registry/                   MLflow: runs, registered models, promotion
mlflow_store.py             where MLflow keeps its records
pyfunc.py                   a registered model as `mlflow.pyfunc.load_model` loads it
scorer.py canary.py         one claim scored; which model decides it
"""
