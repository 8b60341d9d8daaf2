"""OSS, IMM `audio/convert` and SMQ on one machine, for unmodified SDKs over their real wire protocols.

Start it with `oss-audio local-cloud serve`; docs/local-cloud.md says how and what it answers.
"""
