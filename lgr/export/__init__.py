"""Export: a codec, what it plays with and the live loop in one file, for programs without Python."""

from lgr.export.write import export_nn_tilde as export_nn_tilde
