-- PostgreSQL runs this once, when its data volume is new: the catalogue is a database of its own.
CREATE DATABASE audio_catalogue OWNER airflow;
