"""What commands share: options, sources, outputs, progress, tables and errors."""
