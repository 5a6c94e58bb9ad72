"""All methods that there are, as the .proto files declare them."""

import importlib
import pkgutil
from functools import cache

from google.protobuf.descriptor import ServiceDescriptor

import sscard.v1


@cache
def every_service() -> tuple[ServiceDescriptor, ...]:
    """All services of the package, by name, whether or not a server has them."""
    found: dict[str, ServiceDescriptor] = {}
    for module in pkgutil.iter_modules(sscard.v1.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"sscard.v1.{module.name}").DESCRIPTOR
            found |= {service.full_name: service for service in file.services_by_name.values()}
    return tuple(found[name] for name in sorted(found))
