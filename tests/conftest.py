"""Fixtures that several files use."""

import pytest

from fastnn.models.replay import Programs, Step


@pytest.fixture
def programs(monkeypatch):
    """The programs that steps became while the test ran."""
    found = []
    consider = Step.consider

    def noting(self, program):
        reason = consider(self, program)
        if self.program is not None:
            found.append(self.program)
        return reason

    monkeypatch.setattr(Step, "consider", noting)
    return found


@pytest.fixture
def recordings(monkeypatch):
    """One entry per recording."""
    found = []
    new_program = Programs.new_program

    def noting(self):
        found.append(self)
        return new_program(self)

    monkeypatch.setattr(Programs, "new_program", noting)
    return found
