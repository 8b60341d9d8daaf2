"""OpenLineage: what the tasks of a batch read and wrote, as the provider's own extractor sees it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.export import OSSAudioExportOperator
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

Names = list[tuple[str, str]]


def extracted(operator: Any) -> tuple[Names, Names]:
    """Namespace and name of every input and output, out of the extractor that the provider uses for such operators."""
    # Not above: every worker of the suite imports every file, and the provider takes a second.
    from airflow.providers.openlineage.extractors.base import DefaultExtractor

    found = DefaultExtractor(operator).extract_on_complete(None)
    assert found is not None
    return [(one.namespace, one.name) for one in found.inputs], [(one.namespace, one.name) for one in found.outputs]


def test_a_batch(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    context = deployment.context()
    bucket = f"oss://{deployment.cloud.bucket}"
    first = OSSAudioListOperator(
        task_id="list", bucket=deployment.cloud.bucket, prefix=deployment.prefix, profiles="mobile-mp3"
    )
    listed = first.execute(context)
    assert extracted(first) == ([(bucket, deployment.prefix)], [])
    (shard,) = OSSAudioPlanOperator(task_id="plan", batch=listed).execute(context)
    OSSAudioConvertOperator(task_id="convert", shard=shard).execute(context)
    OSSAudioConvertSensor(task_id="await", shard=shard, deferrable=False, poke_interval=0.1, timeout=60).execute(
        context
    )
    OSSAudioVerifyOperator(task_id="verify", batch=listed).execute(context)
    publish = OSSAudioPublishOperator(task_id="publish", batch=listed)
    assert publish.execute(context) == {"published": 1}
    rendition = f"renditions/mobile-mp3/{deployment.prefix}a.mp3"
    assert extracted(publish) == ([(bucket, key)], [(bucket, rendition)])
    export = OSSAudioExportOperator(task_id="export", batch=listed)
    uri = export.execute(context)["export"]
    assert extracted(export) == ([], [(bucket, uri.removeprefix(f"{bucket}/"))])


def test_one_conversion(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    bucket = deployment.cloud.bucket
    convert = OSSAudioConvertOperator(
        task_id="convert", bucket=bucket, key=key, profile="mobile-mp3", target_key=f"{deployment.prefix}a.mp3"
    )
    convert.execute(deployment.context())
    assert extracted(convert) == ([(f"oss://{bucket}", key)], [(f"oss://{bucket}", f"{deployment.prefix}a.mp3")])


def test_the_provider_is_not_needed_to_import_the_operators() -> None:
    program = (
        "import sys; sys.modules['openlineage'] = sys.modules['airflow.providers.openlineage.extractors'] = None;"
        "import oss_audio.operators.publish, oss_audio.operators.export, oss_audio.operators.convert;"
        "import oss_audio.operators.list_sources; print('imported')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported"
