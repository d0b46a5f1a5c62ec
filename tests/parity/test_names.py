"""Names, signatures and the defaults of all arguments, as docs/keras-parity.md says."""

from __future__ import annotations

import keras
import pytest

from tests.parity import names, page

MODULES = dict(names.rows(keras))


@pytest.mark.parametrize("module", MODULES)
def test_no_row_is_unexplained(module):
    assert [row for row in MODULES[module] if row.state != names.HAVE and not row.why] == []


def test_no_module_is_unexplained():
    assert [row.name for row in names.modules_left_out(keras) if not row.why] == []


def test_the_page_says_what_is_installed():
    assert page.PAGE.read_text() == page.page(), "make parity-page"
