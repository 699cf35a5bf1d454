"""Generative Adversarial Nets (Goodfellow et al., 2014) on minigrad: the paper, in its own words."""
