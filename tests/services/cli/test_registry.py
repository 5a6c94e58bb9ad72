"""``sscard registry`` against a service of its own."""

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner, Result

from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from services.cli import registry
from services.custody.data_keys import AesWrapper
from services.reader_service import ReaderService
from services.readers import ReaderHub
from services.registry.journalled import Books
from services.registry.service import RegistryService
from services.statuses import told
from services.store.engine import open_engine
from services.store.personal import open_personal
from simulator.people import ready_card
from sscard.v1 import reader_pb2_grpc, registry_pb2_grpc
from tests.services.registry.conftest import IDENTIFIER
from tests.services.registry.people import LI, MEDICAL, NUMBER, Desk

PERSON = {"social_security_number": LI.social_security_number, "name": LI.name, "phone": LI.phone}
CARD = {"card_identifier": IDENTIFIER, "card_number": NUMBER, "social_security_number": LI.social_security_number}
DOCUMENT = {"number": LI.social_security_number, "name": LI.name}
