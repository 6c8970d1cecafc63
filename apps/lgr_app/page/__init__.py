"""What every tab stands on: the look, controls and HTML that tabs share, uploads, visitors, messages, choices."""
