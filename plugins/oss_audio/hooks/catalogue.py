"""From an Airflow connection to the catalogue's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.sdk import BaseHook, log
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.hooks.connections import ConnectionFields, afind, find
from oss_audio.hooks.executors import executors_that_leave_the_machine

if TYPE_CHECKING:
    from sqlalchemy import URL

EXAMPLE = (
    "--conn-type postgres --conn-host db.example.com --conn-schema audio_catalogue --conn-login … --conn-password …"
)


class CatalogueHook(BaseHook):
    """The catalogue's database URL out of a connection.

    Three forms: type `postgres` (host, port, login, password, schema = database, and libpq's options as extra
    fields); type `sqlite` (the absolute path of the file in Host or Schema, or the URI `sqlite:////path`); or
    any other type with the whole SQLAlchemy URL in Host or in the extra field `url` (a password may be kept in
    Password). No connection at all means the SQLite file `$AIRFLOW_HOME/audio_catalogue.db`. The forms are read by
    `oss_audio_core.catalogue.database_url`, as on the catalogue's command line.

    SQLite lives on one machine, so it is refused when the configured executor may run tasks elsewhere.

    Args:
        catalogue_conn_id: the connection.
    """

    conn_name_attr: ClassVar[str] = "catalogue_conn_id"
    default_conn_name: ClassVar[str] = "audio_catalogue"
    conn_type: ClassVar[str] = "generic"
    hook_name: ClassVar[str] = "Audio catalogue"

    def __init__(self, catalogue_conn_id: str = "audio_catalogue") -> None:
        """Read nothing yet."""
        super().__init__()
        self.catalogue_conn_id = catalogue_conn_id
        self._url: URL | None = None

    @property
    def url(self) -> URL:
        """The database's URL (on a worker), its password hidden in every text form; read once.

        Raises AirflowFailException for a wrong connection, and for SQLite where it can't work.
        """
        if self._url is None:
            self._url = _checked(find(self.catalogue_conn_id, EXAMPLE), self.catalogue_conn_id)
            _mask(self._url)
        return self._url

    async def aurl(self) -> URL:
        """`url` for triggers."""
        if self._url is None:
            self._url = _checked(await afind(self.catalogue_conn_id, EXAMPLE), self.catalogue_conn_id)
            await _amask(self._url)
        return self._url


def _checked(fields: ConnectionFields | None, conn_id: str) -> URL:
    """The URL of a connection, or of the default file; SQLite only where every task runs on one machine."""
    from oss_audio_core.catalogue.database_url import default_url

    url = default_url() if fields is None else _url(fields)
    if url.get_backend_name() == "sqlite" and (elsewhere := executors_that_leave_the_machine()):
        place = "the default catalogue is" if fields is None else f"the catalogue of {fields.name} is"
        raise AirflowFailException(
            f"{elsewhere[0]} runs tasks on other machines, and {place} an SQLite file, which only one machine "
            f"can write safely. Use PostgreSQL: `airflow connections add {conn_id} {EXAMPLE}`, or run with "
            "[core] executor = LocalExecutor."
        )
    return url


def _url(fields: ConnectionFields) -> URL:
    from oss_audio_core.catalogue.database_url import Address, InvalidAddress

    connection = fields.connection
    address = Address(
        conn_type=connection.conn_type or "",
        host=connection.host or "",
        port=connection.port,
        login=connection.login or "",
        password=connection.password or "",
        schema=connection.schema or "",
        extra=fields.extra,
    )
    try:
        return address.url()
    except InvalidAddress as wrong:
        raise fields.wrong(str(wrong)) from None


def _mask(url: URL) -> None:
    """Tell Airflow's log masker what is secret: it knows the field Password, and not a password inside a URL."""
    from oss_audio_core.catalogue.url_redaction import secrets_of

    for secret in secrets_of(url):
        log.mask_secret(secret)


async def _amask(url: URL) -> None:
    """`_mask` for triggers."""
    from oss_audio_core.catalogue.url_redaction import secrets_of

    for secret in secrets_of(url):
        if hasattr(log, "amask_secret"):
            await log.amask_secret(secret)
        else:  # Airflow 3.2
            log.mask_secret(secret)
