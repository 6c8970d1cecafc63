"""A grain model whose latents say what is heard; phase is made when sound is made."""
