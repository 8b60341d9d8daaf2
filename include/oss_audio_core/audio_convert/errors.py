"""The one error of the vocabulary: a value that the documentation of `audio/convert` does not allow."""

from __future__ import annotations


class ParameterError(ValueError):
    """A parameter of an asynchronous audio request breaks a rule.

    `parameter` is the name as the process string writes it (`ar`, `f`, `saveas o`, `notify topic`,
    `action`), `value` what was given, `allowed` what the rule permits, in words. The message has all
    three.
    """

    def __init__(self, parameter: str, value: object, allowed: str) -> None:
        # All three go to args, so that the error survives pickling between Airflow's processes.
        super().__init__(parameter, value, allowed)
        self.parameter = parameter
        self.value = value
        self.allowed = allowed

    def __str__(self) -> str:
        given = "is missing" if self.value is None else f"is {_shortened(self.value)}"
        return f"{self.parameter} {given}; allowed: {self.allowed}"


def _shortened(value: object) -> str:
    """A value from outside may be of any length; a message stays readable."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
