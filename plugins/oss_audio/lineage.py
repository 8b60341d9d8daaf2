"""OpenLineage: what a task read and wrote, as datasets. The OpenLineage provider reads them, where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Datasets:
    """Addresses (`oss://bucket/key`, or `oss://bucket/folder/` for what is in it) that a task read and wrote."""

    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()


def lineage(datasets: Datasets) -> Any:
    """As the provider takes it: namespace `oss://bucket`, name the key or folder; `/` is the whole bucket."""
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.openlineage.extractors import OperatorLineage

    def as_datasets(addresses: Sequence[str]) -> list[Dataset]:
        places = (address.removeprefix("oss://").partition("/") for address in addresses)
        return [Dataset(namespace=f"oss://{bucket}", name=key or "/") for bucket, _, key in places]

    return OperatorLineage(inputs=as_datasets(datasets.inputs), outputs=as_datasets(datasets.outputs))
