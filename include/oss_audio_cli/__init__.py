"""The console command `oss-audio`: the catalogue, the local cloud, profiles, and new projects.

It works without Airflow, and nothing imports it.
"""
