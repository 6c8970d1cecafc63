"""The bundled codec's network."""
