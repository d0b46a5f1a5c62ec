"""Fixtures that several files use."""

import pytest

from fastnn.models.replay import Step


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
