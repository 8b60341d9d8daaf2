# Airflow with the audio package and the local cloud. The slim image brings Airflow alone, so that the locked
# requirements decide every version in it.
FROM apache/airflow:slim-3.3.2-python3.11

COPY --chown=airflow:0 requirements.txt /opt/airflow/requirements.txt
RUN pip install --no-cache-dir -r /opt/airflow/requirements.txt

COPY --chown=airflow:0 pyproject.toml README.md LICENSE /opt/airflow/
COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 tools/__init__.py /opt/airflow/tools/__init__.py
COPY --chown=airflow:0 tools/checks /opt/airflow/tools/checks

ENV PYTHONPATH=/opt/airflow
WORKDIR /opt/airflow
# The package's entry point makes it an Airflow provider; the check refuses an image with the slow CRC.
RUN pip install --no-cache-dir --no-deps --editable /opt/airflow && python -m tools.checks.crc_extension
