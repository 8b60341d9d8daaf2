"""A catalogue has a name of its own, for life."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, open_catalogue
from oss_audio_core.catalogue.identity import catalogue_uid
from oss_audio_core.catalogue.schema import identity


def uid_of(catalogue: Catalogue) -> str:
    with catalogue.read() as connection:
        return catalogue_uid(connection)


def test_the_name_stays_when_the_catalogue_is_opened_again(catalogue: Catalogue, catalogue_url: sa.URL) -> None:
    uid = uid_of(catalogue)
    assert re.fullmatch("[0-9a-f]{12}", uid)
    again = open_catalogue(catalogue_url)
    assert uid_of(again) == uid
    again.close()


def test_two_catalogues_have_two_names(tmp_path: Path) -> None:
    uids = set()
    for name in ("one.db", "other.db"):
        opened = open_catalogue(f"sqlite:///{tmp_path / name}")
        uids.add(uid_of(opened))
        opened.close()
    assert len(uids) == 2


def test_a_second_name_is_refused_by_the_database(catalogue: Catalogue) -> None:
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)check"), catalogue.write() as connection:
        connection.execute(sa.insert(identity).values(id=2, uid="another"))
