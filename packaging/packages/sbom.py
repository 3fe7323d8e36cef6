"""The bundle's SBOM: CycloneDX 1.6 (ECMA-424), the same for the same contents and commit."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components import Component


def write_sbom(components: Sequence[Component], into: Path, *, version: str, machine: str, instant_s: int) -> None:
    """Write it."""
    ours = f"pkg:pypi/keywright@{version}"
    by_name = {component.name: component for component in components if not component.part_of}
    dependencies = {ours: [component.purl for component in by_name.values()]} | {
        component.purl: [by_name[name].purl for name in component.requires if name in by_name]
        + [part.purl for part in components if part.part_of == component.name]
        for component in components
    }
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(instant_s, UTC).isoformat().replace("+00:00", "Z"),
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": "keywright",
                "version": version,
                "purl": ours,
                "licenses": [{"expression": "Apache-2.0"}],
                "properties": [{"name": "keywright:platform", "value": machine}],
            },
        },
        "components": [_told(component) for component in components],
        "dependencies": [{"ref": ref, "dependsOn": sorted(set(names))} for ref, names in sorted(dependencies.items())],
    }
    # The number names the document: another document has another one, and the same one the same.
    content = json.dumps(document, sort_keys=True)
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, content).urn
    into.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _told(component: Component) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "library", "bom-ref": component.purl, "name": component.name}
    if component.version:
        told["version"] = component.version
    if component.sha256:
        told["hashes"] = [{"alg": "SHA-256", "content": component.sha256}]
    if component.licence:
        told["licenses"] = [{"expression": component.licence}]
    if component.files:
        told["components"] = [
            {"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
            for name, digest in component.files
        ]
    return {**told, "purl": component.purl}
