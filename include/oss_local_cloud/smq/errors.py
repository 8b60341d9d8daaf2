"""The errors SMQ answers with: status, code and message of the documentation's error table."""

from __future__ import annotations


class SmqRequestError(Exception):
    """A request SMQ refuses: the HTTP `status`, the error `code` and the `message` of the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def invalid_argument(message: str) -> SmqRequestError:
    """A value out of its range; `message` names the parameter and what is allowed."""
    return SmqRequestError(400, "InvalidArgument", message)


def malformed_xml(message: str = "The XML you provided was not well-formed.") -> SmqRequestError:
    """The body is not XML, or not the XML this operation takes."""
    return SmqRequestError(400, "MalformedXML", message)


def queue_not_exist() -> SmqRequestError:
    """No queue has the name in the path."""
    return SmqRequestError(404, "QueueNotExist", "The queue name you provided is not exist.")


def topic_not_exist() -> SmqRequestError:
    """No topic has the name in the path."""
    return SmqRequestError(404, "TopicNotExist", "The topic name you provided is not exist.")


def subscription_not_exist() -> SmqRequestError:
    """The topic exists, the subscription does not."""
    return SmqRequestError(404, "SubscriptionNotExist", "The subscription name you provided is not exist.")


def message_not_exist() -> SmqRequestError:
    """Nothing to receive now, or the message of a receipt handle is gone."""
    return SmqRequestError(404, "MessageNotExist", "Message not exist.")


def receipt_handle_error() -> SmqRequestError:
    """The handle is malformed or expired: the message is visible again or another receiver has it."""
    return SmqRequestError(400, "ReceiptHandleError", "The receipt handle you provide is not valid.")


def queue_deleted_recently() -> SmqRequestError:
    """A queue of that name was deleted a moment ago."""
    return SmqRequestError(400, "QueueDeletedRecently", "The queue you want to create has been deleted recently.")


def already_exist(kind: str) -> SmqRequestError:
    """A queue, topic or subscription (the `kind`) of that name exists with other attributes."""
    return SmqRequestError(
        409,
        f"{kind}AlreadyExist",
        f"The {kind.lower()} you want to create is already exist with other attributes.",
    )
