"""Every grain of some recordings on a plane, and walks over it."""
