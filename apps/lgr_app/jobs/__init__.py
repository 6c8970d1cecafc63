"""What a button of a tab does, with plain values in and out and errors raised as ``LgrError``: no component is here."""
