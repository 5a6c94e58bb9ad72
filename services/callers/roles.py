"""Who may do what (权限表): the one table of roles and what each may have done.

What a method takes stands on it in the .proto file, its ``(access)``. A role says what kind of work somebody does; for
whom, a bank for its own outlets alone, is the services' affair.
"""

from __future__ import annotations  # types of enumerations are in the stubs alone

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from google.protobuf.descriptor import MethodDescriptor

from services.callers.caller import Caller, Role
from services.callers.errors import AccessDeniedError
from sscard.v1 import options_pb2 as a

EVERY_ACCESS: Final = frozenset(value for value in a.Access.values() if value != a.ACCESS_UNSPECIFIED)
"""All that a method can take."""

_AT_A_CARD: Final = frozenset({a.ACCESS_VIEW_READERS, a.ACCESS_READ_CARD, a.ACCESS_READ_FILES, a.ACCESS_HOLD_CARD})
_AT_A_PIN: Final = frozenset({a.ACCESS_VIEW_PIN, a.ACCESS_VERIFY_PIN})
_AT_A_COUNTER: Final = _AT_A_CARD | _AT_A_PIN | {a.ACCESS_READ_PHOTO, a.ACCESS_VIEW_ACTIVATION}
"""What takes a holder who stands there with a card."""

ROLES: Final[Mapping[Role, frozenset[a.Access.ValueType]]] = MappingProxyType(
    {
        Role.TELLER: _AT_A_COUNTER
        | {
            a.ACCESS_CHANGE_PIN,
            a.ACCESS_ACTIVATE_AT_BANK,
            a.ACCESS_VIEW_REGISTRY,
            a.ACCESS_DELIVER_CARD,
        },
        Role.HOSPITAL: _AT_A_COUNTER | {a.ACCESS_ACTIVATE_AT_HOSPITAL},
        Role.PHARMACY: _AT_A_COUNTER | {a.ACCESS_ACTIVATE_AT_PHARMACY},
        # Makes cards, and enters whose they are; holders' PINs and what institutions do are no matter of theirs.
        Role.ISSUER: frozenset(
            {
                a.ACCESS_VIEW_READERS,
                a.ACCESS_ISSUE_CARD,
                a.ACCESS_VERIFY_CARD,
                a.ACCESS_RENDER_FACE,
                a.ACCESS_REGISTER,
                a.ACCESS_VIEW_REGISTRY,
                a.ACCESS_USE_KEYS,
            }
        ),
        # Corrects what went wrong at a counter; makes and activates nothing.
        Role.SUPERVISOR: _AT_A_COUNTER
        | {
            a.ACCESS_UPDATE_ITEMS,
            a.ACCESS_VERIFY_CARD,
            a.ACCESS_CHANGE_PIN,
            a.ACCESS_RESET_PIN,
            a.ACCESS_APPLY_DEADLINES,
            a.ACCESS_REGISTER,
            a.ACCESS_VIEW_REGISTRY,
            a.ACCESS_DELIVER_CARD,
            a.ACCESS_CHANGE_CARD_STATE,
        },
        # A kiosk, at which holders serve themselves.
        Role.INQUIRY: _AT_A_CARD | _AT_A_PIN | {a.ACCESS_CHANGE_PIN, a.ACCESS_VIEW_ACTIVATION},
        # Reads the record of what others did, on the machine that has it; no card, nobody's data.
        Role.AUDITOR: frozenset(),
        # Runs the machines, and says who takes part; not what they do.
        Role.ADMINISTRATOR: frozenset({a.ACCESS_VIEW_READERS, a.ACCESS_REGISTER_INSTITUTION}),
        Role.TERMINAL: frozenset({a.ACCESS_USE_KEYS}),
        Role.LOCAL: EVERY_ACCESS,
    }
)
"""What each role may have done: values of ``sscard.v1.Access``."""


def access_of(method: MethodDescriptor) -> a.Access.ValueType:
    """What a method takes; ACCESS_UNSPECIFIED where it does not say."""
    return method.GetOptions().Extensions[a.access]


def may(role: Role, access: a.Access.ValueType) -> bool:
    """Whether a role may have done what takes ``access``."""
    return access in ROLES[role]


def require(caller: Caller, method: MethodDescriptor) -> None:
    """Raise AccessDeniedError unless the caller may call this method."""
    access = access_of(method)
    if not may(caller.role, access):
        raise AccessDeniedError(method.full_name, caller.role.value, a.Access.Name(access))
