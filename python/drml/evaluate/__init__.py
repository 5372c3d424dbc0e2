"""From a prepared dataset and a net to scores, measures and files of them."""
