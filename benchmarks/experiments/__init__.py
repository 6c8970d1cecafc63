"""The experiments that the papers leave open, one module each: ``python -m benchmarks.experiments [--only N ...]``.

Each module has a function ``run`` whose defaults are the experiment, and which tests call with tiny settings; it gives
back a ``Result`` (``page.py``), which is written to ``docs/results/experiments_NAME.{md,json,png}``.
"""
