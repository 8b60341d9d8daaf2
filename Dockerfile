# Two images: `airflow`, which every Airflow process runs, and `local-cloud`, which adds FFmpeg and the services. The slim
# base brings Airflow alone, so that the locked requirements decide every version in it.
ARG AIRFLOW_BASE_IMAGE=apache/airflow:slim-3.3.2-python3.11
FROM ${AIRFLOW_BASE_IMAGE} AS airflow

COPY --chown=airflow:0 requirements.txt /opt/airflow/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/airflow/requirements.txt

COPY --chown=airflow:0 pyproject.toml README.md LICENSE /opt/airflow/source/
COPY --chown=airflow:0 dags /opt/airflow/source/dags
COPY --chown=airflow:0 plugins /opt/airflow/source/plugins
COPY --chown=airflow:0 include /opt/airflow/source/include
COPY --chown=airflow:0 tools/__init__.py /opt/airflow/source/tools/__init__.py
COPY --chown=airflow:0 tools/checks /opt/airflow/source/tools/checks
COPY --chown=airflow:0 dags /opt/airflow/dags

# Installed as a wheel, so there is no PYTHONPATH. The check refuses an image with the slow CRC.
RUN pip install --no-cache-dir --no-deps /opt/airflow/source \
    && cd /opt/airflow/source && python -m tools.checks.crc_extension
WORKDIR /opt/airflow

# FFmpeg of this image is under the GPL, see docs/licences.md.
FROM airflow AS local-cloud
COPY --chown=airflow:0 requirements-local-cloud.txt /opt/airflow/requirements-local-cloud.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/airflow/requirements-local-cloud.txt

# What a build without a target makes.
FROM airflow
