"""OSS, IMM `audio/convert` and SMQ on one machine, for unmodified SDKs over their real wire protocols.

Start it with `python -m oss_local_cloud serve`; docs/local-cloud.md says how and what it answers.
"""
