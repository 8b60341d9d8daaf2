"""The account's access key and STS token."""

from __future__ import annotations

from oss_local_cloud.signatures.credentials import Credentials


def test_a_token_is_accepted_only_when_it_is_the_configured_one():
    without, with_token = Credentials("id", "secret"), Credentials("id", "secret", "token")
    assert without.accepts_token(None)
    assert not without.accepts_token("token")
    assert with_token.accepts_token(None)
    assert with_token.accepts_token("token")
    assert not with_token.accepts_token("other")


def test_the_secret_and_the_token_are_not_in_the_repr():
    assert repr(Credentials("id", "hidden-secret", "hidden-token")) == "Credentials(access_key_id='id')"
