"""lgr over OSC: a server that other music programs steer (docs/osc.md is its address space)."""
