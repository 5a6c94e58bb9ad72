"""The virtual clock."""

from simulator.clock import Clock, Cost


def test_time_goes_by_only_when_it_is_spent() -> None:
    clock = Clock()
    assert clock.now == 0
    clock.spend(Cost.WIRE, 0.5)
    clock.spend(Cost.WIRE, 0.25)
    clock.wait(2)
    assert clock.now == 2.75
    assert [clock.spent(cost) for cost in (Cost.WIRE, Cost.WAITING, Cost.EEPROM)] == [0.75, 2, 0]


def test_the_real_world_can_be_made_as_slow() -> None:
    slept: list[float] = []
    clock = Clock(sleep=slept.append)
    clock.spend(Cost.CRYPTO, 0.125)
    clock.spend(Cost.CRYPTO, 0)
    clock.wait(1.5)
    assert slept == [0.125, 1.5]
