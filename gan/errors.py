"""The one exception that the command line turns into a sentence and exit code 2."""


class UserError(ValueError):
    """Bad input, said in one sentence: what came, what was expected, what to do about it."""
