"""The pipelines, one file each: which steps there are, and what passes between them."""
