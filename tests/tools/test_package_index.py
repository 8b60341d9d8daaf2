"""Settings made for pip reach uv."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.package_index import translate, uv_environment


def test_every_option_is_translated(tmp_path: Path) -> None:
    listing = "\n".join(
        [
            "global.index-url='https://mirror.example.com/pypi/'",
            f"global.extra-index-url='https://one.example.com/x https://two.example.com/y file://{tmp_path}'",
            f"global.find-links='\\n{tmp_path}\\nhttps://wheels.example.com'",
            "install.trusted-host='mirror.example.com'",
            f"global.cert='{tmp_path}'",
            "global.timeout='90'",
            "global.disable-pip-version-check='1'",
        ]
    )
    assert translate(listing) == {
        "UV_DEFAULT_INDEX": "https://mirror.example.com/pypi/",
        "UV_INDEX": f"https://one.example.com/x https://two.example.com/y file://{tmp_path}",
        "UV_FIND_LINKS": f"{tmp_path},https://wheels.example.com",
        "UV_INSECURE_HOST": "mirror.example.com",
        "SSL_CERT_FILE": str(tmp_path),
        "UV_HTTP_TIMEOUT": "90",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_missing_folders_are_left_out() -> None:
    listing = "global.find-links='/no/such/wheels'\nglobal.extra-index-url='file:///no/such/index'"
    assert translate(listing) == {}


def test_pips_environment_overrides_its_files() -> None:
    listing = "global.index-url='https://file.example.com'\n:env:.index-url='https://env.example.com'"
    assert translate(listing)["UV_DEFAULT_INDEX"] == "https://env.example.com"


def test_uvs_own_settings_win() -> None:
    environ = {"PIP_INDEX_URL": "https://pip.example.com", "UV_DEFAULT_INDEX": "https://uv.example.com"}
    assert uv_environment(sys.executable, environ)["UV_DEFAULT_INDEX"] == "https://uv.example.com"


def test_the_listing_comes_from_pip_itself() -> None:
    environ = {"PIP_INDEX_URL": "https://pip.example.com/index"}
    assert uv_environment(sys.executable, environ)["UV_DEFAULT_INDEX"] == "https://pip.example.com/index"
