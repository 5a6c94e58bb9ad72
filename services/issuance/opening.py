"""IssuanceService as the configuration wants it: its templates at once, its store when it is needed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from cardlib.custody import KeyCustodian
from cardlib.issuance.flow import issue_card, verify_card
from cardlib.regional import RegionalProfiles
from services.audit.names import CardNames, unnamed
from services.config import Config, ConfigError, NotNowError
from services.custody.data_keys import KeyWrapper
from services.custody.data_keys_opening import open_wrapper
from services.errors import JournalError
from services.issuance.faces import Faces, fit
from services.issuance.orders import Templates
from services.issuance.runner import IssueFlow, VerifyFlow
from services.issuance.service import IssuanceService, Issuing
from services.readers import ReaderHub
from services.registry.model import Registry
from services.store.engine import StoreAwayError, StoreError
from services.store.store import Store, open_store

R = TypeVar("R")

_NOT_NOW: Final = "start the service again in a moment 数据库暂时不可用，请稍后重新启动服务"


@dataclass(frozen=True, slots=True)
class Flows:
    """What makes a card, and what examines one."""

    issue: IssueFlow
    verify: VerifyFlow


STANDARD: Final = Flows(issue_card, verify_card)
"""Those of :mod:`cardlib.issuance.flow`."""


_DATA: Final = files("cardlib.issuance") / "data"
SHIPPED: Final = tuple(Path(str(_DATA / f"template-{kind}.toml")) for kind in ("2.0", "3.0", "3.0-blank", "premade"))
"""Templates for trying things out, in development where none are configured."""


class StoreOfService:
    """The store that the configuration names, opened when it is asked for first; may be asked from any thread.

    A process that makes no card and asks for no certificate leaves no database behind. ``custodian``: may have the key
    that wraps those of personal values; it is asked when the registry is needed first, and closed by whoever opened it.
    """

    def __init__(self, config: Config, custodian: KeyCustodian | None = None) -> None:
        self._config = config
        self._custodian = custodian
        self._lock = threading.Lock()
        self._store: Store | None = None

    def __call__(self) -> Store:
        """The store; raises :class:`~services.errors.JournalError`."""
        try:
            return self._opened()
        except StoreError as error:
            raise JournalError(str(error)) from None

    def registry(self) -> Registry:
        """The registry; raises :class:`~services.errors.JournalError`."""
        try:
            return self().registry()
        except StoreError as error:
            raise JournalError(str(error)) from None

    def open_if_meant(self) -> None:
        """Open it at the start where cards are to be made, so that what is wrong is told then.

        And the registry where its key is named. Raises as :meth:`at_start`.
        """
        keyed = self._config.data_key or self._config.data_key_name
        if not (self._config.database or self._config.templates or keyed):
            return
        self.at_start(lambda store: store.registry() if keyed else None)

    def at_start(self, use: Callable[[Store], R]) -> R:
        """What ``use`` makes of the store when the service begins.

        Raises :class:`~services.config.NotNowError` where the database is away, locked or full, else
        :class:`~services.config.ConfigError`.
        """
        try:
            return use(self._opened())
        except (StoreAwayError, JournalError) as error:
            raise NotNowError(f"{error}; {_NOT_NOW}") from None
        except StoreError as error:
            raise ConfigError(f"{error}; see `database`, `digest_key` and `data_key`") from None

    def close(self) -> None:
        """Close it if it is open; it opens again when it is asked for. Idempotent."""
        with self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None

    def _opened(self) -> Store:
        """The store; raises :class:`~services.store.engine.StoreError`."""
        with self._lock:
            if self._store is None:
                self._store = open_store(
                    self._config.database_or_default,
                    self._config.digest_key_file,
                    self._wrapper,
                    development_mode=self._config.development,
                )
            return self._store

    def _wrapper(self, new: bool) -> KeyWrapper:  # noqa: FBT001  a callback
        return open_wrapper(self._config, self._custodian, new=new)


def templates_of(
    config: Config, regional: RegionalProfiles, *, faces: Faces | None = None, anywhere: bool = False
) -> Templates:
    """The templates that the configuration names, in development the shipped ones where it names none.

    ``anywhere``: the shipped ones in production too, for who only looks. Raises :class:`~services.config.ConfigError`.
    """
    faces = faces or Faces(config.face_template, production=not config.development)
    shipped = SHIPPED if config.development or anywhere else ()
    return Templates(config.templates or shipped, regional, fit=fit, unprintable=faces.unprintable)


def issuance_service(  # noqa: PLR0913, PLR0917  called in one place
    config: Config,
    hub: ReaderHub,
    custodian: KeyCustodian,
    regional: RegionalProfiles,
    store: StoreOfService,
    flows: Flows,
    named: CardNames = unnamed,
) -> IssuanceService:
    """The service; raises :class:`~services.config.ConfigError` with what is wrong with the templates."""
    faces = Faces(config.face_template, production=not config.development)
    templates = templates_of(config, regional, faces=faces)
    issuing = Issuing(
        issue=flows.issue,
        verify=flows.verify,
        read_order=templates.read,
        read_face=partial(templates.read, for_face=True),
        draw=faces.draw,
        station=config.station_or_default,
        issue_deadline=config.issue_deadline,
    )
    return IssuanceService(hub, custodian, store, issuing, store.registry if keeps_registry(config) else None, named)


def keeps_registry(config: Config) -> bool:
    """Whether cards that are made are entered into the registry: where there is a key for what it knows of people."""
    return config.development or bool(config.data_key or config.data_key_name)
