"""Paper 003's two noise synthesisers."""
