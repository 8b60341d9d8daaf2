"""The bill of materials of a release, in CycloneDX: what it needs, with versions, hashes and licences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tools.checks.stale_requirements import hashes
from tools.licences.components import Pin, needed_by, pins
from tools.licences.policy import Policy
from tools.requirements_files import AIRFLOW, LOCAL_CLOUD

OWN_LICENCE = "Apache-2.0"


def write_bill(wheel: Path) -> Path:
    """Write the bill of materials of a wheel beside it; returns its path."""
    name, version = wheel.name.split("-")[:2]
    own = _component(Pin(name.replace("_", "-"), version, ""), OWN_LICENCE, set())
    target = wheel.with_name(f"{name}-{version}.cdx.json")
    target.write_text(bill(own, needed_by()), encoding="utf-8")
    return target


def bill(own: Component, origins: Mapping[str, frozenset[str]]) -> str:
    """The bill of materials as JSON.

    Args:
        own: the component that everything is for.
        origins: what each package is needed by.
    """
    bom = Bom()
    bom.metadata.component = own
    components = list(_components(origins))
    bom.components.update(components)
    bom.register_dependency(own, components)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _components(origins: Mapping[str, frozenset[str]]) -> Iterator[Component]:
    """A component for every version that is locked for an Airflow process or for the local cloud."""
    policy = Policy.load()
    texts = [requirements.path.read_text(encoding="utf-8") for requirements in (AIRFLOW, LOCAL_CLOUD)]
    known = {one: sums for text in texts for one, sums in hashes(text).items()}
    locked = {(pin.name, pin.version): pin for text in texts for pin in pins(text)}
    for (name, version), pin in sorted(locked.items()):
        component = _component(pin, policy.licence_of(name), known[f"{name}=={version}"])
        for origin in sorted(origins.get(name, ())):
            component.properties.add(Property(name="oss-audio:needed-by", value=origin))
        if pin.marker:
            component.properties.add(Property(name="oss-audio:marker", value=pin.marker))
        yield component


def _component(pin: Pin, licence: str | None, sums: set[str]) -> Component:
    address = PackageURL("pypi", name=pin.name, version=pin.version)
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(address),
        purl=address,
        licenses=[LicenseExpression(licence)] if licence else (),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one.rpartition(":")[2]) for one in sorted(sums)],
    )
