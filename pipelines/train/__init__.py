"""Training: from a data set to a gated, tracked candidate. The way in is `pipelines.train.flow.train_and_register`."""
