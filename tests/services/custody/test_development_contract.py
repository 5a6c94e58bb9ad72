"""The custodian of the published development keys does what every custodian must."""

import pytest

from services.custody.development import DevelopmentCustodian
from tests.services.custody.contract import CustodianContract


class TestDevelopment(CustodianContract):
    @pytest.fixture
    def custodian(self) -> DevelopmentCustodian:
        return DevelopmentCustodian(development_mode=True)
