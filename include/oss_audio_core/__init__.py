"""The core in plain Python, without Airflow: audio/convert, the catalogue, the pipeline, OSS, SMQ and verification."""
