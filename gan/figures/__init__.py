"""The figures of "Generative Adversarial Nets" (Goodfellow et al., 2014), made again from runs."""
