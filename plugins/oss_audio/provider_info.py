"""What Airflow's provider manager learns about this package: its connection types and their forms.

The form is described here and not in the hook (`get_connection_form_widgets`), so that the API server shows
it without importing the hook. The `oss` type belongs to the Alibaba provider; a second description of it would
make every Airflow process log a warning, so its fields are entered as extra JSON.
"""

from __future__ import annotations

from typing import Any

_INTEGRATION = "OSS audio"

_TEXT = {"type": ["string", "null"]}
_PASSWORD = {"type": ["string", "null"], "format": "password"}


def get_provider_info() -> dict[str, Any]:
    """Return the provider description that Airflow reads through the entry point in pyproject.toml."""
    return {
        "package-name": "airflow-provider-oss-audio",
        "name": "OSS audio",
        "description": "Audio transcoding in Alibaba Cloud OSS: operators, sensors, hooks and a catalogue.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://www.alibabacloud.com/help/en/oss/user-guide/audio-transcoding",
                "tags": ["service"],
            }
        ],
        "operators": _modules(
            "operators", "convert", "export", "list_sources", "plan", "publish", "report", "requeue", "verify"
        ),
        "sensors": _modules("sensors", "convert"),
        "hooks": _modules("hooks", "catalogue", "oss", "smq"),
        "triggers": _modules("triggers", "shard"),
        "extra-links": ["oss_audio.links.OSSConsoleLink"],
        "connection-types": [
            {
                "connection-type": "smq",
                "hook-class-name": "oss_audio.hooks.smq.SMQHook",
                "hook-name": "Alibaba Cloud SMQ",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {
                        "host": "Endpoint",
                        "login": "Access key ID",
                        "password": "Access key secret",
                    },
                    "placeholders": {
                        "host": "https://1234567890.mns.cn-hangzhou.aliyuncs.com",
                        "login": "LTAI…",
                    },
                },
                "conn-fields": {
                    "queue": {
                        "label": "Queue",
                        "schema": _TEXT,
                        "description": "Subscribed to the topic; used by DAGs that name no queue.",
                    },
                    "topic": {
                        "label": "Topic",
                        "schema": _TEXT,
                        "description": "Notified by conversions; used by DAGs that name no topic.",
                    },
                    "security_token": {
                        "label": "STS security token",
                        "schema": _PASSWORD,
                        "description": "Only with temporary credentials.",
                    },
                },
            }
        ],
    }


def _modules(package: str, *names: str) -> list[dict[str, Any]]:
    modules = [f"oss_audio.{package}.{name}" for name in names]
    return [{"integration-name": _INTEGRATION, "python-modules": modules}]
