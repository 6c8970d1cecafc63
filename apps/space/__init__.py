"""The hosted Space: what it needs beside ``lgr/``, ``apps/`` and ``assets/``, and the script that puts it together."""
