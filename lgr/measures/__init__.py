"""Measures of results: pure functions of audio or embeddings, never of files or codecs."""
